package check

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// number reads a counter's value: 0 when the key is missing, and false when it is none.
func (op *Op) number() (n int64, ok bool) {
	if op.Value == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(op.Value, 10, 64)
	return n, err == nil && n >= 0
}

// checkCounter is LostWrites of a key that only INCR writes.
func (r *LostReport) checkCounter(ops []*Op) {
	var acked, unknown int64
	var final *Op
	for _, op := range ops {
		switch {
		case op.hasWritten():
			acked++
		case op.mayHaveWritten():
			unknown++
		case op.Final && op.Outcome == loadgen.OK:
			final = op
		}
	}
	r.Acked += acked
	if acked+unknown > 0 {
		r.Keys++
	}
	if final == nil {
		if acked+unknown > 0 {
			r.Unread++
		}
		return
	}
	if unknown == 0 {
		r.Checkable += acked // each one is in the number
	}
	n, ok := final.number()
	switch {
	case !ok:
		r.Phantom++
		r.example("counter %s: %s at the end, which is no number of this run", final.Key, final.Value)
	case n < acked:
		r.Lost += acked - n
		r.example("counter %s: %d at the end, after %d acknowledged increments", final.Key, n, acked)
	case n > acked+unknown:
		r.Phantom++
		r.example("counter %s: %d at the end, after %d acknowledged and %d unknown increments", final.Key, n, acked, unknown)
	}
}

// increments are the operations on a counter that say something.
type increments struct {
	took    map[int64]*Op   // the acknowledged INCR that returned a number
	reads   map[int64][]*Op // the reads that returned it
	unknown []time.Duration // when the unanswered INCRs were sent, in order
	highest int64           // number that somebody saw
	ops     int64
}

// gather returns what ops say, and false when two INCRs returned the same number, or one returned none: no counter
// does that.
func gather(ops []*Op) (in increments, ok bool) {
	in = increments{took: map[int64]*Op{}, reads: map[int64][]*Op{}}
	ok = true
	for _, op := range ops {
		switch {
		case op.Kind == loadgen.Incr && op.Outcome == loadgen.OK:
			n, isNumber := op.number()
			if !isNumber || n < 1 || in.took[n] != nil {
				ok = false
			}
			in.took[n] = op
			in.highest = max(in.highest, n)
			in.ops++
		case op.Kind == loadgen.Incr && op.Outcome == loadgen.Unknown:
			in.unknown = append(in.unknown, op.Sent)
		case op.Kind == loadgen.Get && op.Outcome == loadgen.OK:
			n, isNumber := op.number()
			if !isNumber {
				ok = false
			}
			in.reads[n] = append(in.reads[n], op)
			in.highest = max(in.highest, n)
			in.ops++
		}
	}
	slices.Sort(in.unknown)
	for _, reads := range in.reads {
		slices.SortFunc(reads, func(a, b *Op) int { return cmp.Compare(a.Sent, b.Sent) })
	}
	return in, ok
}

// checkCounterOrder decides whether a counter can have answered as it did, and returns how many operations said
// something. Numbers are taken one after the other: an acknowledged INCR took the number it returned, an unanswered
// one, from its sending on, one that is missing, or none. Each number, and each read of it, is given the earliest
// instant at which it can have taken effect; when that is after the answer, no order explains what was seen.
//
// Note: porcupine could decide it, too, but an INCR that may or may not have happened makes its model branch at every
// step. The earliest instants are exact: missing numbers rise with the time at which they are taken, so the one who was
// sent first takes the first of them.
func checkCounterOrder(ops []*Op) (Verdict, int64) {
	in, ok := gather(ops)
	if !ok {
		return VerdictViolation, in.ops
	}
	if in.highest > int64(len(in.took)+len(in.unknown)) {
		return VerdictViolation, in.ops // more than was asked for, however the unanswered ended
	}
	at := time.Duration(-1 << 62) // when the counter became n
	for n := int64(0); n <= in.highest; n++ {
		switch op := in.took[n]; {
		case n == 0:
		case op != nil:
			at = max(at, op.Sent)
			if at > op.Done {
				return VerdictViolation, in.ops
			}
		case len(in.unknown) == 0:
			return VerdictViolation, in.ops // nobody can have taken n
		default:
			at = max(at, in.unknown[0])
			in.unknown = in.unknown[1:]
		}
		next := at // when it can become n+1: all have read n
		for _, read := range in.reads[n] {
			seen := max(at, read.Sent)
			if seen > read.Done {
				return VerdictViolation, in.ops
			}
			next = max(next, seen)
		}
		at = next
	}
	return VerdictOK, in.ops
}
