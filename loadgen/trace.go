package loadgen

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Values of Entry.Value that are no operation.
const (
	ValueNone    = -1 // nothing was read: the key does not exist, or there was no answer
	ValueForeign = -2 // something was read that no operation of this run wrote
)

// Entry is an operation without its bytes.
type Entry struct {
	Seq        uint64
	Intended   time.Duration
	Dispatched time.Duration
	Sent       time.Duration
	Done       time.Duration
	Deadline   time.Duration
	Key        uint64 // number of the key, see KeyNumber; KeyForeign when it has none
	Value      int64  // Seq of the operation that wrote the value written or read; of counters the number; or a constant
	Old        int64  // Seq of the operation that wrote the value that CAS expected
	Attempts   uint16
	Redirects  uint16
	Kind       OpKind
	Outcome    Outcome
	Swapped    bool // of CAS
}

// KeyForeign is the number of a key that Workload.Key did not make.
const KeyForeign = math.MaxUint64

const (
	traceChunk      = 1 << 13
	traceEntriesMax = 1 << 22
)

// Trace is the Recorder that keeps every operation, without its bytes: 80 B each, up to a cap.
type Trace struct {
	run uint64
	max int

	mu      sync.Mutex
	chunks  [][]Entry // all full but the last
	n       int
	dropped int64
}

// NewTrace returns an empty trace of the run of seed. It keeps at most entriesMax operations (0: 4 Mi, 320 MiB) and
// counts those beyond.
func NewTrace(seed uint64, entriesMax int) *Trace {
	return &Trace{run: RunID(seed), max: orDefault(entriesMax, traceEntriesMax)}
}

// Record implements Recorder.
func (t *Trace) Record(op *Op) {
	e := Entry{
		Seq: op.Seq, Intended: op.Intended, Dispatched: op.Dispatched, Sent: op.Sent, Done: op.Done, Deadline: op.Deadline,
		Key: KeyForeign, Old: ValueNone, Swapped: op.Swapped,
		Attempts:  uint16(min(op.Attempts, math.MaxUint16)),
		Redirects: uint16(min(op.Redirects, math.MaxUint16)),
		Kind:      op.Kind, Outcome: op.Outcome,
	}
	if n, ok := KeyNumber(op.Key); ok {
		e.Key = n
	}
	e.Value = t.value(op, IsCounter(e.Key))
	if op.Kind == CAS {
		e.Old = t.writer(op.Old)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n >= t.max {
		t.dropped++
		return
	}
	if t.n%traceChunk == 0 {
		t.chunks = append(t.chunks, make([]Entry, 0, traceChunk))
	}
	last := len(t.chunks) - 1
	t.chunks[last] = append(t.chunks[last], e)
	t.n++
}

func (t *Trace) value(op *Op, counter bool) int64 {
	switch {
	case op.Kind == Set || op.Kind == CAS:
		return int64(op.Seq)
	case op.Outcome != OK:
		return ValueNone
	case op.Kind == Incr:
		if op.Number < 0 {
			return ValueForeign
		}
		return op.Number
	case op.Value == nil:
		return ValueNone
	case counter:
		n, err := strconv.ParseInt(string(op.Value), 10, 64)
		if err != nil || n < 0 {
			return ValueForeign
		}
		return n
	}
	return t.writer(op.Value)
}

// writer returns the operation of this run that wrote value.
func (t *Trace) writer(value []byte) int64 {
	run, seq, ok := ValueID(value)
	if !ok || run != t.run {
		return ValueForeign
	}
	return int64(seq)
}

// Len returns how many operations are kept.
func (t *Trace) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// Dropped returns how many operations came after the cap was reached. A check of a trace that dropped any proves
// nothing.
func (t *Trace) Dropped() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// Run returns the id of the run, which begins every value written in it.
func (t *Trace) Run() uint64 { return t.run }

// Entries returns a copy of what is kept, in the order of Intended, then Seq.
func (t *Trace) Entries() []Entry {
	t.mu.Lock()
	all := make([]Entry, 0, t.n)
	for _, chunk := range t.chunks {
		all = append(all, chunk...)
	}
	t.mu.Unlock()
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Intended, b.Intended), cmp.Compare(a.Seq, b.Seq))
	})
	return all
}

// StatsOf sums up the entries of one window.
func StatsOf(entries []Entry, from, to time.Duration) Stats {
	h := NewHistograms()
	h.SetWindow(from, to)
	for i := range entries {
		e := &entries[i]
		h.Record(&Op{
			Seq: e.Seq, Kind: e.Kind, Intended: e.Intended, Dispatched: e.Dispatched, Sent: e.Sent, Done: e.Done,
			Deadline: e.Deadline, Outcome: e.Outcome, Attempts: int(e.Attempts), Redirects: int(e.Redirects),
		})
	}
	return h.Stats()
}
