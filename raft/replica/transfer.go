package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// transferWait is a caller of Transfer that waits for the outcome.
type transferWait struct {
	to   raft.NodeID // None for anybody
	term raft.Term   // of the leader that hands over
	done chan error  // capacity 1
}

// Transfer hands leadership over to a voter, or to the one that is best prepared when to is raft.None, and
// waits until that leads. Proposals are refused with raft.ErrTransferring meanwhile. With ErrNotTransferred
// this node leads on, or another one than to leads; with an error that wraps ErrUnknown neither is known
// yet.
func (r *Replica) Transfer(ctx context.Context, to raft.NodeID) error {
	w := &transferWait{to: to, done: make(chan error, 1)}
	var err error
	if stopped := r.command(func(l *loop) {
		w.term = l.core.Term()
		if err = l.transfer(to); err == nil {
			l.transfers = append(l.transfers, w)
		}
	}); stopped != nil {
		return stopped
	}
	if err != nil {
		return err
	}
	return r.await(ctx, w.done)
}

// HandOver gives leadership to the voter that is best prepared, and waits until that leads, so that the
// cluster goes on at once when this node stops. It returns nil at once when there is nothing to give: this
// node does not lead, or nobody else has a vote. When a transfer is under way, that one is waited for.
// Errors are those of Transfer; ctx needs an end, since a leader that was cut off may wait in vain.
func (r *Replica) HandOver(ctx context.Context) error {
	w := &transferWait{to: raft.None, done: make(chan error, 1)}
	if stopped := r.command(func(l *loop) { l.handOver(w) }); stopped != nil {
		return stopped
	}
	return r.await(ctx, w.done)
}

func (l *loop) handOver(w *transferWait) {
	if l.core.Role() != raft.Leader || l.alone() {
		w.done <- nil
		return
	}
	w.term = l.core.Term()
	if err := l.transfer(raft.None); err != nil && !errors.Is(err, raft.ErrTransferring) {
		w.done <- err
		return
	}
	l.transfers = append(l.transfers, w)
}

// alone reports whether nobody else has a vote.
func (l *loop) alone() bool {
	configuration, _ := l.core.Configuration()
	return !slices.ContainsFunc(configuration.Members, func(m raft.Member) bool {
		return m.ID != l.id && (m.Voter || m.Outgoing)
	})
}

// transfer begins to hand leadership over.
func (l *loop) transfer(to raft.NodeID) error {
	if err := l.core.Transfer(to); err != nil {
		return l.refusal(err)
	}
	l.meter.transfers.Add(1)
	return nil
}

// outcomeOfTransfer reports whether a transfer is decided, and how.
func (l *loop) outcomeOfTransfer(w *transferWait) (err error, settled bool) {
	leader, term := l.core.Leader(), l.core.Term()
	switch {
	case term == w.term:
		resumed := l.core.Role() == raft.Leader && l.core.TransferTo() == raft.None
		if !resumed {
			return nil, false
		}
	case leader == raft.None:
		return nil, false
	case leader == w.to, w.to == raft.None && leader != l.id:
		return nil, true
	}
	return fmt.Errorf("%w: node %d leads", ErrNotTransferred, leader), true
}
