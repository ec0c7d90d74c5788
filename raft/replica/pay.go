package replica

import (
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// pay pays one Ready: what may leave at once leaves first, in parallel with the own disk write.
func (l *loop) pay() {
	l.encode()
	l.tracedPay()
	for i := range l.ready.SendNow {
		l.send(l.ready.SendNow[i])
	}
	l.forgetTruncated()
	l.handOverWrite()
	for _, a := range l.ready.Apply {
		l.handOverApply(applyTask{apply: a, waiting: l.takePending(a.Upto)})
	}
	for _, f := range l.ready.Fetch {
		l.fetches.put(f)
	}
	l.handOverChunks()
	for _, answer := range l.ready.Reads {
		l.takeRead(answer)
	}
	l.ask() // for those that waited for a place
}

// encode encodes each span once, for the log and for all messages that carry just it.
func (l *loop) encode() {
	for i := range l.ready.Append {
		s := &l.ready.Append[i]
		if s.Encoded == nil && len(s.Entries) > 0 {
			s.Encoded = raft.AppendEntries(make([]byte, 0, entriesSize(s.Entries)), s.Entries)
		}
		for j := range l.ready.SendNow {
			m := &l.ready.SendNow[j].Span
			if m.Prev == s.Prev && len(m.Entries) == len(s.Entries) {
				m.Encoded = s.Encoded
			}
		}
	}
}

func (l *loop) send(m raft.Message) {
	l.meter.messagesOut.Add(1)
	l.sayRoom(&m)
	switch m.Kind {
	case raft.MsgSnapshot:
		l.noteChunkSent(&m)
	case raft.MsgTimeoutNow:
		l.report(Event{Kind: EventTransfer, Term: m.Term, Peer: m.To})
	default:
	}
	if !l.transport.Send(m) {
		l.meter.messagesDropped.Add(1)
	}
}

func (l *loop) handOverWrite() {
	rd := &l.ready
	in := l.handOverInstall()
	if rd.Write == 0 && len(rd.SendAfterSync) == 0 && in == nil {
		return
	}
	task := writeTask{
		handed: l.clock(), install: in, write: rd.Write,
		spans: slices.Clone(rd.Append), sends: slices.Clone(rd.SendAfterSync),
	}
	for i := range task.sends {
		l.sayRoom(&task.sends[i])
	}
	for i := range task.spans {
		s := &task.spans[i]
		if len(s.Entries) > 0 {
			l.size.append(s.Prev.Index, s.LastIndex(), entriesSize(s.Entries))
		}
	}
	if rd.HardState != nil {
		hs := *rd.HardState
		task.hardState = &hs
	}
	l.writes.put(task)
}

// takePending removes and returns the proposals with entries up to index.
func (l *loop) takePending(index raft.Index) []*Proposal {
	n := 0
	for n < len(l.pending) && l.pending[n].ID.Index <= index {
		n++
	}
	if n == 0 {
		return nil
	}
	taken := slices.Clone(l.pending[:n])
	l.pendingBytes -= sizeOf(taken)
	l.pending = slices.Delete(l.pending, 0, n)
	return taken
}

// forgetTruncated ends the proposals whose entries a newer leader replaced in this log. Their outcome is
// unknown: another server may still hold such an entry and bring it back (Figure 8).
func (l *loop) forgetTruncated() {
	if len(l.ready.Append) == 0 {
		return
	}
	begin := l.ready.Append[0].Prev.Index
	for len(l.pending) > 0 {
		p := l.pending[len(l.pending)-1]
		if p.ID.Index <= begin || l.appends(p.ID) {
			return
		}
		l.giveUpLast()
	}
}

// forgetRemoved ends the proposals of a leader that was removed and could not see them committed: nobody will tell it
// what becomes of them.
func (l *loop) forgetRemoved() {
	if len(l.pending) == 0 || l.core.Role() == raft.Leader || l.members.index > l.core.CommitIndex() {
		return
	}
	if _, member := l.members.configuration.Member(l.core.ID()); member {
		return
	}
	for len(l.pending) > 0 && l.pending[len(l.pending)-1].ID.Index > l.core.CommitIndex() {
		l.giveUpLast()
	}
}

// giveUpLast ends the last of the pending proposals, whose outcome is unknown.
func (l *loop) giveUpLast() {
	p := l.pending[len(l.pending)-1]
	l.pendingBytes -= p.size()
	l.pending[len(l.pending)-1] = nil
	l.pending = l.pending[:len(l.pending)-1]
	p.complete(ErrUnknown)
}

// appends reports whether the Ready at hand appends the entry id.
func (l *loop) appends(id raft.EntryID) bool {
	for i := range l.ready.Append {
		s := &l.ready.Append[i]
		if id.Index > s.Prev.Index && id.Index <= s.LastIndex() {
			return s.Entries[id.Index-s.Prev.Index-1].Term == id.Term
		}
	}
	return false
}
