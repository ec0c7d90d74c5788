package pebble

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// Log is a raft log on Pebble. It implements replica.Log.
type Log struct {
	options storage.Options
	tuning  tuning
	claim   *storage.Claim // nil on a file system given by a test
	failure *storage.Failure
	readers sync.WaitGroup

	// mu orders writes, and keeps the fields below.
	mu       sync.RWMutex
	db       *pebble.DB
	closed   bool
	panicked bool // the engine may hold its locks for ever; do not call it
	loaded   bool
	state    raft.LogState
	lowest   raft.Index // no run has a lower first index. Invariant: lowest <= state.First.Index+1

	// Buffers of Append, reused.
	segments []raft.Span
	pieces   []piece
}

// Incarnation returns how often the data folder has been opened, this time included. It is 0 on a file
// system given by a test.
func (l *Log) Incarnation() uint64 {
	if l.claim == nil {
		return 0
	}
	return l.claim.Incarnation()
}

// Disk returns the id of the data folder, see storage.Claim. It is 0 on a file system given by a test.
func (l *Log) Disk() uint64 {
	if l.claim == nil {
		return 0
	}
	return l.claim.Disk()
}

// usable returns why the engine must not be called, or nil. It needs mu.
func (l *Log) usable() error {
	invariant.Check(l.loaded || l.closed, "raft log used before Load")
	switch {
	case l.closed:
		return fmt.Errorf("raft log: %w", raft.ErrClosed)
	case l.panicked:
		return l.failure.Get()
	}
	return nil
}

// writable is usable, and no write has failed. It needs mu.
func (l *Log) writable() error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.failure.Get()
}

// Append implements replica.Log.
func (l *Log) Append(hs *raft.HardState, spans []raft.Span) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return nil, err
	}
	p, err := newPlan(l.state.First, l.state.Last, spans, l.segments)
	if err != nil {
		return nil, fmt.Errorf("append to log: %w", err)
	}
	l.segments = p.segments
	defer clear(p.segments)
	if hs != nil && hs.Commit > p.last.Index {
		return nil, fmt.Errorf("append to log: hard state commits %d, log ends at %v: %w",
			hs.Commit, p.last, raft.ErrOutOfRange)
	}
	if hs == nil && len(p.segments) == 0 {
		return func() error { return nil }, nil
	}
	batch, err := l.build(hs, p)
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("append to log: %w", err))
	}
	wait, err = l.commit(batch, l.options.Sync == storage.SyncFsync)
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("append to log: %w", err))
	}
	l.state.Last = p.last
	if hs != nil {
		l.state.HardState = *hs
	}
	return wait, nil
}

// commit hands batch to the engine. With synced the returned wait ends when the WAL that carries it is synced.
//
// Note: ApplyNoSyncWait is marked experimental. The other way, Apply with Sync inside wait, gives one batch
// a sync: nothing is ordered or visible before the wait, and a second batch cannot enter the WAL during the
// sync of the first.
func (l *Log) commit(batch *pebble.Batch, synced bool) (wait func() error, err error) {
	var otherWait func() error
	err, panicked := l.failure.Guard(func() (err error) {
		switch {
		case !synced:
			return l.db.Apply(batch, pebble.NoSync)
		case l.tuning.submit != nil:
			otherWait, err = l.tuning.submit(l.db, batch)
			return err
		}
		return l.db.ApplyNoSyncWait(batch, pebble.Sync)
	})
	l.panicked = l.panicked || panicked
	// The engine reports an error of the WAL to its logger only.
	if err = errors.Join(err, l.failure.Get()); err != nil {
		return nil, err
	}
	if !synced {
		return func() error { return nil }, batch.Close()
	}
	if otherWait != nil {
		return otherWait, nil
	}
	return func() error {
		if err := batch.SyncWait(); err != nil {
			return l.failure.Set(fmt.Errorf("sync log: %w", err))
		}
		if err := batch.Close(); err != nil {
			return l.failure.Set(fmt.Errorf("release log batch: %w", err))
		}
		// An earlier failure may have left a hole before this batch.
		return l.failure.Get()
	}, nil
}

// build writes hs and the plan into a new batch.
func (l *Log) build(hs *raft.HardState, p plan) (*pebble.Batch, error) {
	l.pieces = pieces(p.segments, l.pieces)
	defer func() { clear(l.pieces) }()
	size := hardStateValueBytes + 64
	for _, piece := range l.pieces {
		size += piece.size + runHeaderBytes + runKeyBytes + 16
	}
	batch := l.db.NewBatchWithSize(size)
	err := l.fill(batch, hs, p)
	if err != nil {
		return nil, errors.Join(err, batch.Close())
	}
	return batch, nil
}

func (l *Log) fill(batch *pebble.Batch, hs *raft.HardState, p plan) error {
	if hs != nil {
		if err := batch.Set(hardStateKey(), sealHardState(*hs), nil); err != nil {
			return err
		}
	}
	if p.cut < l.state.Last.Index {
		if err := l.fillCut(batch, p.cut); err != nil {
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
		last, err := fillRun(batch, prev, l.pieces[from:to], size)
		if err != nil {
			return err
		}
		prev, from = last, to
	}
	invariant.Check(prev == p.last, "runs end at %v, plan at %v", prev, p.last)
	return nil
}

// fillRun writes the pieces as the run after prev, and returns its last entry.
func fillRun(batch *pebble.Batch, prev raft.EntryID, pieces []piece, size int) (raft.EntryID, error) {
	h := runHeader{first: prev.Index + 1, prevTerm: prev.Term}
	op := batch.SetDeferred(runKeyBytes, runHeaderBytes+size)
	putRunKey(op.Key, h.first)
	entries := op.Value[runHeaderBytes:runHeaderBytes]
	for _, p := range pieces {
		if p.encoded != nil {
			entries = append(entries, p.encoded...)
		} else {
			entries = raft.AppendEntries(entries, p.entries)
		}
		h.count += len(p.entries)
		h.lastTerm = p.entries[len(p.entries)-1].Term
	}
	invariant.Check(len(entries) == size, "run of %d bytes, planned %d", len(entries), size)
	if invariant.Enabled {
		decoded, err := raft.DecodeEntries(entries, h.count)
		invariant.Check(err == nil, "encoding of %d entries: %v", h.count, err)
		invariant.Check(decoded[h.count-1].Term == h.lastTerm, "encoding of other entries")
	}
	sealRun(h, op.Value)
	return raft.EntryID{Term: h.lastTerm, Index: h.last()}, op.Finish()
}

// fillCut removes what is stored above cut, and shortens the run that cut divides.
func (l *Log) fillCut(batch *pebble.Batch, cut raft.Index) error {
	end := runKey(l.state.Last.Index + 1)
	if cut <= l.state.First.Index {
		return batch.DeleteRange(runKey(l.lowest), end, nil)
	}
	h, entries, err := l.runOf(cut)
	if err != nil {
		return err
	}
	if err := batch.DeleteRange(runKey(cut+1), end, nil); err != nil {
		return err
	}
	if h.last() == cut {
		return nil
	}
	head := entries[:cut-h.first+1]
	value := raft.AppendEntries(make([]byte, runHeaderBytes), head)
	h.count, h.lastTerm = len(head), head[len(head)-1].Term
	sealRun(h, value)
	return batch.Set(runKey(h.first), value, nil)
}

// Close implements replica.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fmt.Errorf("raft log: %w", raft.ErrClosed)
	}
	l.closed = true
	panicked := l.panicked
	l.mu.Unlock()
	l.readers.Wait()
	var err error
	if !panicked {
		err, _ = l.failure.Guard(l.db.Close)
	}
	if l.claim != nil {
		err = errors.Join(err, l.claim.Close())
	}
	if err != nil {
		return fmt.Errorf("close raft log: %w", err)
	}
	return nil
}
