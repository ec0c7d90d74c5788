package calibrate

import (
	"context"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// timerRate is one due instant a millisecond: most waits sleep, as in a measurement at a moderate rate.
const timerRate = 1000

// measureTimer lets the generator pace operations that cost nothing: their send lag is the lateness of its sleep.
func measureTimer(ctx context.Context, each time.Duration, into *result.Calibration) error {
	options := loadgen.Options{Rate: timerRate, Duration: each, Warmup: each / 10}.WithDefaults()
	histograms := loadgen.NewHistograms()
	generator, err := loadgen.New(options, instantTarget{options: options}, histograms)
	if err != nil {
		return err
	}
	if err := generator.Run(ctx); err != nil {
		return err
	}
	into.TimerLateUs = result.Quantiles(histograms.Stats().SendLagUs)
	return nil
}

// instantTarget answers every operation where it is submitted.
type instantTarget struct{ options loadgen.Options }

func (t instantTarget) Submit(op *loadgen.Op, done func(*loadgen.Op)) {
	op.Sent = t.options.Clock.Now()
	op.Done, op.Outcome, op.Attempts = op.Sent, loadgen.OK, 1
	done(op)
}

func (instantTarget) Close() error { return nil }
