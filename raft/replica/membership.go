package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// changeWait is a caller of ChangeConfig that waits for the outcome.
type changeWait struct {
	entry     raft.EntryID // that brought the configuration
	joint     bool         // another one follows it
	committed bool
	done      chan error // capacity 1
}

// ChangeConfig makes the changes to the cluster's membership, all at once, and waits until the configuration that they
// lead to is committed. One that changes several voters goes through a joint one (§6), which is left before this
// returns. With Definite(err) nothing was changed; with any other error the outcome is unknown.
func (r *Replica) ChangeConfig(ctx context.Context, changes []raft.Change) error {
	w := &changeWait{done: make(chan error, 1)}
	var err error
	if stopped := r.command(func(l *loop) { err = l.changeConfig(changes, w) }); stopped != nil {
		return stopped
	}
	if err != nil {
		return err
	}
	return r.await(ctx, w.done)
}

// errStopped is the error of a call that may or may not have had its effect before the end.
func errStopped() error { return fmt.Errorf("%w: %w", ErrUnknown, raft.ErrClosed) }

// await waits for an outcome that the loop gives.
func (r *Replica) await(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	case <-r.done:
		select {
		case err := <-done:
			return err
		default:
			return errStopped()
		}
	}
}

func (l *loop) changeConfig(changes []raft.Change, w *changeWait) error {
	if err := l.core.ChangeConfig(changes); err != nil {
		return l.refusal(err)
	}
	configuration, index := l.core.Configuration()
	w.entry, w.joint = raft.EntryID{Term: l.core.Term(), Index: index}, configuration.Joint()
	l.changes = append(l.changes, w)
	return nil
}

// refusal names the leader, where the core says that this server is not it.
func (l *loop) refusal(err error) error {
	if errors.Is(err, raft.ErrNotLeader) {
		return ErrNotLeader{Leader: l.core.Leader()}
	}
	return err
}

// settle tells those who wait for a change or a transfer what became of it.
func (l *loop) settle() {
	if len(l.changes)+len(l.transfers) == 0 {
		return
	}
	l.changes = slices.DeleteFunc(l.changes, func(w *changeWait) bool {
		err, settled := l.outcomeOfChange(w)
		if settled {
			if err == nil {
				l.meter.configChanges.Add(1)
			}
			w.done <- err
		}
		return settled
	})
	l.transfers = slices.DeleteFunc(l.transfers, func(w *transferWait) bool {
		err, settled := l.outcomeOfTransfer(w)
		if settled {
			if err != nil {
				l.meter.transfersFailed.Add(1)
			}
			w.done <- err
		}
		return settled
	})
}

// outcomeOfChange reports whether a change is decided, and how. A change in a log that was truncated is not: another
// server may still hold it and bring it back (Figure 8).
func (l *loop) outcomeOfChange(w *changeWait) (err error, settled bool) {
	if l.core.CommitIndex() < w.entry.Index {
		return nil, false
	}
	if !w.committed {
		leads := l.core.Role() == raft.Leader && l.core.Term() == w.entry.Term
		term, known := l.core.TermAt(w.entry.Index)
		switch {
		case leads || known && term == w.entry.Term:
			w.committed = true
		case known:
			return fmt.Errorf("%w: entry %v by one of term %d", ErrRolledBack, w.entry, term), true
		default:
			return fmt.Errorf("%w: entry %v is not in memory any more", ErrUnknown, w.entry), true
		}
	}
	if !w.joint {
		return nil, true
	}
	configuration, index := l.core.Configuration()
	return nil, index > w.entry.Index && index <= l.core.CommitIndex() && !configuration.Joint()
}
