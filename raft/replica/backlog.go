package replica

import (
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// propose gives the core what it has room for.
func (l *loop) propose() {
	l.backlog = append(l.backlog, l.work.proposals...)
	l.backlogBytes += sizeOf(l.work.proposals)
	if len(l.backlog) == 0 {
		return
	}
	if l.core.Role() != raft.Leader {
		l.refuseBacklog(ErrNotLeader{Leader: l.core.Leader()})
		return
	}
	if l.core.TransferTo() != raft.None {
		l.refuseBacklog(raft.ErrTransferring) // to hold them would only make them older than their callers' patience
		return
	}
	if why := l.space.refusal; why != nil {
		l.meter.proposalsNoRoom.Add(uint64(len(l.backlog)))
		l.refuseBacklog(why)
		return
	}
	entries := make([]raft.Entry, l.room())
	for i := range entries {
		entries[i].Data = l.backlog[i].Data
	}
	before, term := l.core.LastIndex(), l.core.Term()
	n := l.core.Propose(entries)
	l.meter.proposals.Add(uint64(n))
	l.meter.batches.Add(1)
	for i, p := range l.backlog[:n] {
		p.ID = raft.EntryID{Term: term, Index: before + raft.Index(i) + 1}
	}
	l.tracedBatch(l.backlog[:n])
	taken := sizeOf(l.backlog[:n])
	l.pendingBytes += taken
	l.backlogBytes -= taken
	l.pending = append(l.pending, l.backlog[:n]...)
	l.backlog = slices.Delete(l.backlog, 0, n)
	l.refuseOverflow()
}

func (l *loop) refuseBacklog(err error) {
	refuse(l.backlog, err)
	l.backlog, l.backlogBytes = emptied(l.backlog), 0
}

// room returns how many of the backlog the core is offered: pending holds a queue's length. The core's cap does
// not see to that: it is on what is not committed, and the followers commit without this node's disk and machine.
func (l *loop) room() int {
	n, bytes := 0, l.pendingBytes
	for n < len(l.backlog) && len(l.pending)+n < l.inbox.entriesMax && bytes < l.inbox.bytesMax {
		bytes += l.backlog[n].size()
		n++
	}
	return n
}

// refuseOverflow keeps the backlog, which the inbox no longer counts, within one more queue's length.
func (l *loop) refuseOverflow() {
	keep := len(l.backlog)
	for keep > l.inbox.entriesMax || keep > 1 && l.backlogBytes > l.inbox.bytesMax {
		keep--
		l.backlogBytes -= l.backlog[keep].size()
	}
	l.meter.proposalsBusy.Add(uint64(len(l.backlog) - keep))
	refuse(l.backlog[keep:], ErrBusy)
	l.backlog = slices.Delete(l.backlog, keep, len(l.backlog))
}

func refuse(proposals []*Proposal, err error) {
	for _, p := range proposals {
		p.complete(err)
	}
}

func emptied[T any](s []T) []T {
	clear(s)
	return s[:0]
}
