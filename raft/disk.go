package raft

import "github.com/raftmark/raftmark/internal/invariant"

// WriteID numbers the writes that a core asked for, from 1, in order.
type WriteID uint64

// disk is what the core knows of its own stable storage: what it asked to be written, and what is durable.
type disk struct {
	durable Index // entries up to here are durable, and are still in the log
	term    Term  // durable

	hardState HardState // as last handed over; Commit does not count
	unwritten []Span    // entries not yet handed over
	pending   []write   // handed over and not yet durable, oldest first
	lastWrite WriteID
	restore   *Snapshot // to be put in the place of the log
	bytes     int       // of entries that are unwritten or pending
	sends     int       // messages that wait for what is pending
}

type write struct {
	id    WriteID
	term  Term
	upto  Index // the entries of the log that are durable once this write is; lowered by truncation
	bytes int
	sends int // messages that wait for it
}

func newDisk(durable Index, hs HardState) disk {
	return disk{durable: durable, term: hs.Term, hardState: hs}
}

func (d *disk) append(s Span, bytes int) {
	d.unwritten = append(d.unwritten, s)
	d.bytes += bytes
}

// replaced takes note that a snapshot, which is stored durably, takes the place of the whole log.
func (d *disk) replaced(s Snapshot) {
	for i := range d.pending {
		d.pending[i].upto = 0
	}
	clear(d.unwritten)
	d.unwritten = d.unwritten[:0]
	d.durable = s.Last.Index
	d.restore = &s
}

// truncated takes note that the log now ends at index: what was durable above is no longer in it.
func (d *disk) truncated(index Index) {
	d.durable = min(d.durable, index)
	for i := range d.pending {
		d.pending[i].upto = min(d.pending[i].upto, index)
	}
	for len(d.unwritten) > 0 {
		s := &d.unwritten[len(d.unwritten)-1]
		if s.LastIndex() <= index {
			return
		}
		if s.Prev.Index < index {
			s.Entries, s.Encoded = s.Entries[:index-s.Prev.Index], nil
			return
		}
		d.unwritten = d.unwritten[:len(d.unwritten)-1]
	}
}

// owes reports whether something must be handed over.
func (d *disk) owes(hs HardState) bool {
	hs.Commit = d.hardState.Commit
	return len(d.unwritten) > 0 || d.restore != nil || d.hardState != hs
}

// handOver moves what is owed to spans, as one write that ends at last, and returns its number.
func (d *disk) handOver(spans []Span, last Index) ([]Span, WriteID) {
	spans = append(spans, d.unwritten...)
	clear(d.unwritten)
	d.unwritten = d.unwritten[:0]
	d.restore = nil
	d.lastWrite++
	bytes := d.bytes
	for i := range d.pending {
		bytes -= d.pending[i].bytes
	}
	d.pending = append(d.pending, write{id: d.lastWrite, term: d.hardState.Term, upto: last, bytes: bytes})
	return spans, d.lastWrite
}

// await takes note that n messages wait for all that is pending.
func (d *disk) await(n int) {
	if len(d.pending) > 0 {
		d.pending[len(d.pending)-1].sends += n
		d.sends += n
	}
}

// synced takes the completion of all writes up to id.
func (d *disk) synced(id WriteID) {
	invariant.Check2(id <= d.lastWrite, "write %d completed, the last one asked for is %d", id, d.lastWrite)
	n := 0
	for n < len(d.pending) && d.pending[n].id <= id {
		d.durable = max(d.durable, d.pending[n].upto)
		d.bytes -= d.pending[n].bytes
		d.sends -= d.pending[n].sends
		d.term = d.pending[n].term
		n++
	}
	d.pending = d.pending[:copy(d.pending, d.pending[n:])]
}

// idle reports whether all that was handed over is durable.
func (d *disk) idle() bool { return len(d.pending) == 0 }

// Synced says that the writes up to id are durable, with everything that was to be appended before them.
func (c *Core) Synced(id WriteID) {
	c.disk.synced(id)
	c.maybeRecovered()
	switch {
	case c.role == Leader:
		c.maybeCommit()
	case c.role == Candidate && c.ownVoteDurable():
		c.resetElectionTimer() // the requests leave only now
		c.countVote(c.cfg.ID, voteGranted)
	}
	c.forget()
	c.check()
}
