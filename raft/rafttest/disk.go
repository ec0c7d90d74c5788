package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// disk is a node's log on stable storage: what is durable, and the writes that were handed over and are not.
type disk struct {
	hard   raft.HardState
	log    chainLog
	writes []write
}

// write is one batch and the messages that wait for it; or, with begin, the log's new beginning.
type write struct {
	id    raft.WriteID // 0: the core does not wait for it
	hard  *raft.HardState
	spans []raft.Span
	sums  []uint64 // of the spans when they were handed over
	sends []raft.Message

	begin    *raft.Snapshot // the log begins anew after it, in a step of its own
	beginSum uint64
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
	if w.begin != nil {
		d.log.begin(*w.begin, w.beginSum)
		return w, nil
	}
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

// boot returns what a core that starts from this disk must know. A snapshot may have come into the log before the term
// that it was sent in was durable: then the log says what the term is at least.
func (d *disk) boot(applied raft.Index) raft.Boot {
	if least := max(d.log.first.Term, d.log.last().Term); least > d.hard.Term {
		d.hard = raft.HardState{Term: least, Commit: d.hard.Commit, Recover: d.hard.Recover}
	}
	var base raft.ConfigurationAt
	if d.log.first.Index > 0 {
		base = d.log.configurations[0]
	}
	return raft.Boot{
		Log: raft.LogState{
			HardState: d.hard, First: d.log.first, Last: d.log.last(),
			Configuration: base.Configuration, ConfigurationIndex: base.Index,
		},
		Tail:           d.log.span(max(d.hard.Commit, applied, d.log.first.Index), d.log.lastIndex()),
		Configurations: append([]raft.ConfigurationAt(nil), d.log.configurations[1:]...),
		Applied:        applied,
	}
}

// read returns the entries (after, upto], but at least one and not many more bytes than bytesMax.
func (d *disk) read(after, upto raft.Index, bytesMax int) (raft.Span, error) {
	switch {
	case after < d.log.first.Index:
		return raft.Span{}, fmt.Errorf("read (%d, %d] of a log that begins after %v: %w",
			after, upto, d.log.first, raft.ErrCompacted)
	case after >= upto || upto > d.log.lastIndex():
		return raft.Span{}, fmt.Errorf("read (%d, %d] of a log that ends at %v: %w",
			after, upto, d.log.last(), raft.ErrOutOfRange)
	}
	bytes, end := 0, after
	for end < upto {
		bytes += d.log.entries[end-d.log.first.Index].Size()
		if bytes > bytesMax && end > after {
			break
		}
		end++
	}
	return d.log.span(after, end), nil
}
