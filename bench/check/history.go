package check

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// Op is one operation as its client saw it.
type Op struct {
	Seq     uint64
	Kind    loadgen.OpKind
	Final   bool // a read of the end, for LostWrites
	Key     string
	Value   string // id of the value written or read, or a counter's number; "" when nothing was read
	Old     string // id of the value that a CAS expected
	Swapped bool   // whether a CAS that was answered found it, and wrote
	Sent    time.Duration
	Done    time.Duration
	Outcome loadgen.Outcome
}

// ForeignValue stands for a value read that no operation of the run wrote.
const ForeignValue = "foreign"

// History is everything that the clients of a run saw.
type History struct {
	Ops []Op
	// Dropped counts operations that are missing in Ops, because a cap was reached.
	Dropped int64
}

// FromTrace returns the history of a run whose workload was w: its effective one, with defaults.
func FromTrace(trace *loadgen.Trace, w loadgen.Workload) *History {
	h := &History{}
	h.add(trace, w, false)
	return h
}

// AddFinal adds the reads of the end, a trace of loadgen.ReadBack.
func (h *History) AddFinal(reads *loadgen.Trace, w loadgen.Workload) { h.add(reads, w, true) }

func (h *History) add(trace *loadgen.Trace, w loadgen.Workload, final bool) {
	names := map[uint64]string{}
	h.Dropped += trace.Dropped()
	entries := trace.Entries()
	h.Ops = slices.Grow(h.Ops, len(entries))
	for i := range entries {
		e := &entries[i]
		name, ok := names[e.Key]
		if !ok {
			name = w.Key(e.Key)
			names[e.Key] = name
		}
		op := Op{
			Seq: e.Seq, Kind: e.Kind, Final: final, Key: name, Sent: e.Sent, Done: e.Done, Outcome: e.Outcome,
			Value: valueName(trace.Run(), e.Value, loadgen.IsCounter(e.Key)), Swapped: e.Swapped,
		}
		if e.Kind == loadgen.CAS {
			op.Old = valueName(trace.Run(), e.Old, false)
		}
		h.Ops = append(h.Ops, op)
	}
}

// valueName writes the value of an entry as a history has it.
func valueName(run uint64, value int64, counter bool) string {
	switch {
	case value == loadgen.ValueNone:
		return ""
	case value == loadgen.ValueForeign:
		return ForeignValue
	case counter:
		return strconv.FormatInt(value, 10)
	}
	return loadgen.FormatValueID(run, uint64(value))
}

// WrittenKeys returns the keys that a write may have changed, in order: what has to be read at the end.
func (h *History) WrittenKeys() []string {
	seen := map[string]bool{}
	var keys []string
	for i := range h.Ops {
		if op := &h.Ops[i]; op.mayHaveWritten() && !seen[op.Key] {
			seen[op.Key] = true
			keys = append(keys, op.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (op *Op) mayHaveWritten() bool {
	return op.hasWritten() || op.Kind.Writes() && op.Outcome == loadgen.Unknown
}

// hasWritten says that a write was acknowledged. A CAS that found another value than it expected wrote nothing.
func (op *Op) hasWritten() bool {
	return op.Kind.Writes() && op.Outcome == loadgen.OK && (op.Kind != loadgen.CAS || op.Swapped)
}

// isCounter says whether these are the operations of a counter, which only INCR writes.
func isCounter(ops []*Op) bool {
	return slices.ContainsFunc(ops, func(op *Op) bool { return op.Kind == loadgen.Incr })
}

// byKey returns the operations of each key, the keys and each key's operations in order.
func (h *History) byKey() [][]*Op {
	index := map[string]int{}
	var groups [][]*Op
	for i := range h.Ops {
		op := &h.Ops[i]
		at, ok := index[op.Key]
		if !ok {
			at = len(groups)
			index[op.Key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], op)
	}
	slices.SortFunc(groups, func(a, b []*Op) int { return cmp.Compare(a[0].Key, b[0].Key) })
	for _, ops := range groups {
		slices.SortFunc(ops, func(a, b *Op) int {
			return cmp.Or(cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.Done, b.Done), cmp.Compare(a.Seq, b.Seq))
		})
	}
	return groups
}
