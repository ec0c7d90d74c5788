package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// read is Read without a memory of its errors.
func (l *Log) read(after, upto raft.Index, bytesMax int) (span raft.Span, err error) {
	iter, first, err := l.startRead(after, upto)
	if err != nil {
		return raft.Span{}, fmt.Errorf("read log (%d, %d]: %w", after, upto, err)
	}
	defer l.readers.Done()
	err, _ = l.failure.Guard(func() (err error) {
		defer func() { err = errors.Join(err, iter.Close()) }()
		span, err = collect(iter, after, upto, bytesMax)
		return err
	})
	if err != nil {
		return raft.Span{}, fmt.Errorf("read log (%d, %d]: %w", after, upto, markCorrupt(err))
	}
	if after == first.Index && span.Prev != first {
		return raft.Span{}, fmt.Errorf("read log (%d, %d]: %w", after, upto,
			corrupt("log begins after %v, its first run after %v", first, span.Prev))
	}
	return span, nil
}

// startRead checks the range and returns an iterator over the log as it is now; readers counts it.
func (l *Log) startRead(after, upto raft.Index) (*pebble.Iterator, raft.EntryID, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err := l.usable(); err != nil {
		return nil, raft.EntryID{}, err
	}
	if after < l.state.First.Index {
		return nil, raft.EntryID{}, fmt.Errorf("log begins after %v: %w", l.state.First, raft.ErrCompacted)
	}
	if upto > l.state.Last.Index || after >= upto {
		return nil, raft.EntryID{}, fmt.Errorf("log ends at %v: %w", l.state.Last, raft.ErrOutOfRange)
	}
	iter, err := l.runs()
	if err != nil {
		return nil, raft.EntryID{}, err
	}
	l.readers.Add(1)
	return iter, l.state.First, nil
}

// runs returns an iterator over all runs.
func (l *Log) runs() (*pebble.Iterator, error) {
	return l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixRun}, UpperBound: runsEnd()})
}

// collect reads from the run that holds after+1 on, until upto or bytesMax.
func collect(iter *pebble.Iterator, after, upto raft.Index, bytesMax int) (raft.Span, error) {
	var span raft.Span
	valid := iter.SeekLT(runKey(after + 2))
	for size, next := 0, after+1; ; valid = iter.Next() {
		if !valid {
			if err := iter.Error(); err != nil {
				return raft.Span{}, err
			}
			return raft.Span{}, corrupt("no run holds entry %d", next)
		}
		h, entries, err := decodeRun(iter)
		if err != nil {
			return raft.Span{}, err
		}
		if next < h.first || next > h.last() {
			return raft.Span{}, corrupt("run (%d, %d] where entry %d was looked for", h.first-1, h.last(), next)
		}
		if span.Entries == nil {
			span.Prev = h.prev()
			if skip := next - h.first; skip > 0 {
				span.Prev = raft.EntryID{Term: entries[skip-1].Term, Index: after}
				entries = entries[skip:]
			}
		} else if h.prev() != span.Last() {
			return raft.Span{}, corrupt("run after %v follows entry %v", h.prev(), span.Last())
		}
		entries = entries[:min(len(entries), int(min(upto-next+1, math.MaxInt32)))]
		n := fit(entries, bytesMax, &size, span.Entries == nil)
		if span.Entries == nil {
			span.Entries = entries[:n:n]
		} else {
			span.Entries = append(span.Entries, entries[:n]...)
		}
		next += raft.Index(n)
		if n < len(entries) || next > upto {
			return span, nil
		}
	}
}

// fit returns how many of entries fit when size is already used of bytesMax, and adds theirs to it; one
// always does when must is set.
func fit(entries []raft.Entry, bytesMax int, size *int, must bool) int {
	for i := range entries {
		n := entries[i].Size()
		if *size+n > bytesMax && (i > 0 || !must) {
			return i
		}
		*size += n
	}
	return len(entries)
}

// decodeRun checks and decodes the run that iter is at; the result does not alias iter's memory.
func decodeRun(iter *pebble.Iterator) (runHeader, []raft.Entry, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return runHeader{}, nil, err
	}
	h, encoded, err := openRun(iter.Key(), value)
	if err != nil {
		return runHeader{}, nil, err
	}
	entries, err := raft.DecodeEntries(bytes.Clone(encoded), h.count)
	if err != nil {
		return runHeader{}, nil, corrupt("run at %d: %v", h.first, err)
	}
	if got := entries[len(entries)-1].Term; got != h.lastTerm {
		return runHeader{}, nil, corrupt("run at %d: last term %d, header says %d", h.first, got, h.lastTerm)
	}
	return h, entries, nil
}

// runOf returns the run that holds index. It needs mu, and first.Index < index <= last.Index.
func (l *Log) runOf(index raft.Index) (h runHeader, entries []raft.Entry, err error) {
	iter, err := l.runs()
	if err != nil {
		return runHeader{}, nil, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	if !iter.SeekLT(runKey(index + 1)) {
		return runHeader{}, nil, errors.Join(iter.Error(), corrupt("no run holds entry %d", index))
	}
	h, entries, err = decodeRun(iter)
	if err == nil && (index < h.first || index > h.last()) {
		err = corrupt("run (%d, %d] where entry %d was looked for", h.first-1, h.last(), index)
	}
	return h, entries, err
}
