package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// disk is a node's stable storage: what is durable, and the writes that were handed over and are not.
type disk struct {
	hard   raft.HardState
	log    chainLog
	writes []write
}

// write is one batch and the messages that wait for it.
type write struct {
	id    raft.WriteID
	hard  *raft.HardState
	spans []raft.Span
	sums  []uint64 // of the spans when they were handed over
	sends []raft.Message
}

// handOver queues the write of a Ready. Messages without a write wait for the last one that is queued.
func (d *disk) handOver(r *raft.Ready) {
	if r.Write != 0 {
		w := write{id: r.Write, spans: append([]raft.Span(nil), r.Append...)}
		if r.HardState != nil {
			hard := *r.HardState
			w.hard = &hard
		}
		for _, s := range w.spans {
			w.sums = append(w.sums, sumSpan(s))
		}
		d.writes = append(d.writes, w)
	}
	if len(r.SendAfterSync) > 0 && len(d.writes) > 0 {
		w := &d.writes[len(d.writes)-1]
		w.sends = append(w.sends, r.SendAfterSync...)
	}
}

// persist makes the oldest write durable and returns it.
func (d *disk) persist() (write, error) {
	w := d.writes[0]
	d.writes = d.writes[:copy(d.writes, d.writes[1:])]
	for i, s := range w.spans {
		if sumSpan(s) != w.sums[i] {
			return w, fmt.Errorf("write %d changed after it was handed over", w.id)
		}
		if s.Prev.Index < d.hard.Commit {
			return w, fmt.Errorf("write %d removes entries after %v; commit index %d is durable", w.id, s.Prev, d.hard.Commit)
		}
		if err := d.log.store(s); err != nil {
			return w, fmt.Errorf("write %d: %w", w.id, err)
		}
	}
	if w.hard != nil {
		if err := d.setHard(*w.hard); err != nil {
			return w, fmt.Errorf("write %d: %w", w.id, err)
		}
	}
	return w, nil
}

// setHard stores a hard state: terms never fall, a vote is never changed within a term, and the commit index is
// never ahead of the log beside it.
func (d *disk) setHard(next raft.HardState) error {
	switch {
	case next.Term < d.hard.Term:
		return fmt.Errorf("term from %d back to %d", d.hard.Term, next.Term)
	case next.Term == d.hard.Term && d.hard.Vote != raft.None && next.Vote != d.hard.Vote:
		return fmt.Errorf("vote of term %d from %d to %d", next.Term, d.hard.Vote, next.Vote)
	case next.Commit < d.hard.Commit:
		return fmt.Errorf("commit index from %d back to %d", d.hard.Commit, next.Commit)
	case next.Commit > d.log.lastIndex():
		return fmt.Errorf("commit index %d, but the log ends at %v", next.Commit, d.log.last())
	}
	d.hard = next
	return nil
}

// boot returns what a core that starts from this disk must know.
func (d *disk) boot(applied raft.Index) raft.Boot {
	return raft.Boot{
		Log:     raft.LogState{HardState: d.hard, Last: d.log.last()},
		Tail:    d.log.span(max(d.hard.Commit, applied), d.log.lastIndex()),
		Applied: applied,
	}
}

// read returns the entries (after, upto], but at least one and not many more bytes than bytesMax.
func (d *disk) read(after, upto raft.Index, bytesMax int) (raft.Span, error) {
	if after >= upto || upto > d.log.lastIndex() {
		return raft.Span{}, fmt.Errorf("read (%d, %d] of a log that ends at %v: %w",
			after, upto, d.log.last(), raft.ErrOutOfRange)
	}
	bytes, end := 0, after
	for end < upto {
		bytes += d.log.entries[end].Size()
		if bytes > bytesMax && end > after {
			break
		}
		end++
	}
	return d.log.span(after, end), nil
}
