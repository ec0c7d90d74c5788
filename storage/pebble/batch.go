package pebble

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// batchSlackBytes is room in a batch for its header, the hard state and the end record.
const batchSlackBytes = 256

// build writes hs and the plan into a new batch, and returns the log's end after it.
func (l *Log) build(hs *raft.HardState, p plan) (*pebble.Batch, end, error) {
	l.pieces = pieces(p.segments, l.pieces)
	defer func() { clear(l.pieces) }()
	size := batchSlackBytes
	for _, piece := range l.pieces {
		size += piece.size + runHeaderBytes + runKeyBytes + 16
	}
	b := builder{batch: l.db.NewBatchWithSize(size), end: l.end}
	err := l.fill(&b, hs, p)
	if err == nil {
		var e end
		if e, err = b.finish(p.last); err == nil {
			return b.batch, e, nil
		}
	}
	return nil, end{}, errors.Join(err, b.batch.Close())
}

func (l *Log) fill(b *builder, hs *raft.HardState, p plan) error {
	if hs != nil {
		if err := b.setHardState(*hs); err != nil {
			return err
		}
	}
	if p.cut < l.state.Last.Index {
		if err := l.fillCut(b, p.cut); err != nil {
			return err
		}
	}
	if len(p.segments) == 0 {
		return nil
	}
	prev := p.segments[0].Prev
	for from := 0; from < len(l.pieces); {
		to, size := from+1, l.pieces[from].size
		for to < len(l.pieces) && size+l.pieces[to].size <= runBytesMax {
			size += l.pieces[to].size
			to++
		}
		last, err := fillRun(b, prev, l.pieces[from:to], size)
		if err != nil {
			return err
		}
		prev, from = last, to
	}
	invariant.Check(prev == p.last, "runs end at %v, plan at %v", prev, p.last)
	return nil
}

// fillRun writes the pieces as the run after prev, and returns its last entry.
func fillRun(b *builder, prev raft.EntryID, pieces []piece, size int) (raft.EntryID, error) {
	h := runHeader{first: prev.Index + 1, prevTerm: prev.Term}
	for _, p := range pieces {
		h.count += len(p.entries)
		h.lastTerm = p.entries[len(p.entries)-1].Term
	}
	err := b.setRun(h, size, func(entries []byte) []byte {
		for _, p := range pieces {
			if p.encoded != nil {
				entries = append(entries, p.encoded...)
			} else {
				entries = raft.AppendEntries(entries, p.entries)
			}
		}
		invariant.Check(len(entries) == size, "run of %d bytes, planned %d", len(entries), size)
		if invariant.Enabled {
			decoded, err := raft.DecodeEntries(entries, h.count)
			invariant.Check(err == nil, "encoding of %d entries: %v", h.count, err)
			invariant.Check(decoded[h.count-1].Term == h.lastTerm, "encoding of other entries")
		}
		return entries
	})
	return raft.EntryID{Term: h.lastTerm, Index: h.last()}, err
}

// fillCut removes what is stored above cut, and shortens the run that cut divides.
func (l *Log) fillCut(b *builder, cut raft.Index) error {
	end := l.state.Last.Index + 1
	if cut <= l.state.First.Index {
		return b.removeRuns(l.lowest, end)
	}
	h, entries, err := l.runOf(cut)
	if err != nil {
		return err
	}
	if err := b.removeRuns(cut+1, end); err != nil {
		return err
	}
	if h.last() == cut {
		return nil
	}
	head := entries[:cut-h.first+1]
	encoded := raft.AppendEntries(nil, head)
	h.count, h.lastTerm = len(head), head[len(head)-1].Term
	return b.setRun(h, len(encoded), func(dst []byte) []byte { return append(dst, encoded...) })
}
