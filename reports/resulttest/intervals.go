package resulttest

import (
	"errors"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/result"
)

const (
	intervalWidth = 250 * time.Millisecond
	clientTimeout = 10 * time.Second
)

// writeIntervals sums the operations up as the bench does: what did not end ok counts at the clients' timeout.
func writeIntervals(w *result.Writer, ops []result.OpRow) error {
	out, err := w.NewIntervalsWriter()
	if err != nil {
		return err
	}
	h := hdrhistogram.New(1000, int64(10*time.Minute), 3)
	var now *result.OpRow // the first operation of the histogram
	at := func(op *result.OpRow) time.Duration {
		return (time.Duration(op.IntendedUs) * time.Microsecond).Truncate(intervalWidth)
	}
	flush := func() error {
		if now == nil {
			return nil
		}
		err := out.Write(now.Arm, now.Outcome, now.Kind, at(now), at(now)+intervalWidth, h)
		h.Reset()
		return err
	}
	for i := range ops {
		op := &ops[i]
		if now == nil || now.Arm != op.Arm || now.Outcome != op.Outcome || now.Kind != op.Kind || at(now) != at(op) {
			err = errors.Join(err, flush())
			now = op
		}
		took := clientTimeout
		if op.Outcome == "ok" {
			took = max(time.Microsecond, time.Duration(op.DoneUs-op.IntendedUs)*time.Microsecond)
		}
		err = errors.Join(err, h.RecordValues(int64(took), int64(op.SampledOneIn)))
	}
	return errors.Join(err, flush(), out.Close())
}
