package bench

import (
	"cmp"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// intervalWidth is what one line of intervals.hlog sums up (rule R7): long enough for a distribution at some hundred
// operations a second, short enough to part an outage from what is around it. The timeline has bins of 10 ms.
const intervalWidth = 250 * time.Millisecond

// class is what the operations of one histogram have in common.
type class struct {
	outcome loadgen.Outcome
	kind    loadgen.OpKind
}

// intervals sums up operations, by interval of their intended start and by class.
type intervals struct {
	arm  string
	at   func(time.Duration) time.Duration // an instant of the run on the arm's clock
	out  *result.IntervalsWriter
	from time.Duration // of the interval under way
	seen []class       // in this run, so far: a class without operations is a line too, not a gap
	sums map[class]*hdrhistogram.Histogram
}

// writeIntervals writes the response times of a run, whose entries are in the order of their intended start.
func (a *armRecord) writeIntervals(r *run, out *result.IntervalsWriter) error {
	i := intervals{
		arm: a.name, out: out, from: r.from, sums: map[class]*hdrhistogram.Histogram{},
		at: func(at time.Duration) time.Duration { return time.Duration(a.clock.us(at)) * time.Microsecond },
	}
	for n := range r.entries {
		e := &r.entries[n]
		for e.Intended >= i.from+intervalWidth {
			if err := i.flush(); err != nil {
				return err
			}
		}
		i.add(e)
	}
	return i.flush()
}

func (i *intervals) add(e *loadgen.Entry) {
	c := class{e.Outcome, e.Kind}
	h := i.sums[c]
	if h == nil {
		h = hdrhistogram.New(int64(loadgen.HistogramMin), int64(loadgen.HistogramMax), loadgen.HistogramDigits)
		i.sums[c] = h
		i.seen = append(i.seen, c)
		slices.SortFunc(i.seen, func(x, y class) int {
			return cmp.Or(cmp.Compare(x.outcome, y.outcome), cmp.Compare(x.kind, y.kind))
		})
	}
	response := min(max(responseOf(e), loadgen.HistogramMin), loadgen.HistogramMax)
	_ = h.RecordValue(int64(response)) // within the range
}

// flush writes the interval under way and begins the next one.
func (i *intervals) flush() error {
	for _, c := range i.seen {
		h := i.sums[c]
		err := i.out.Write(i.arm, c.outcome.String(), c.kind.String(), i.at(i.from), i.at(i.from+intervalWidth), h)
		if err != nil {
			return err
		}
		h.Reset()
	}
	i.from += intervalWidth
	return nil
}
