package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowProposer takes a fixed time for each proposal.
type slowProposer struct {
	takes time.Duration
	fail  error
	calls atomic.Int64
}

func (p *slowProposer) Propose(ctx context.Context, data []byte) error {
	p.calls.Add(1)
	if p.fail != nil {
		return p.fail
	}
	return pause(ctx, p.takes)
}

func TestClosedLoopMeasuresWhatItsProposersDo(t *testing.T) {
	p := &slowProposer{takes: 5 * ms}
	point, err := closedPoint(context.Background(), p, 4, 64, 50*ms, 300*ms)
	if err != nil {
		t.Fatal(err)
	}
	if point.Proposers != 4 || point.PayloadBytes != 64 {
		t.Errorf("got %+v, want 4 proposers of 64 B", point)
	}
	// Four loops of 5 ms: at most 800/s, and not below a quarter of it on a busy machine.
	if point.PerS > 800 || point.PerS < 200 || point.P50Us < 5000 {
		t.Errorf("got %+v, want up to 800/s and 5 ms or more", point)
	}
	if point.N > 367 || point.P99Us != nil { // about 240
		t.Errorf("got a p99 of %d commands, want none below 368 (rule R9)", point.N)
	}
}

// stallingProposer takes a millisecond, and much longer from an instant on.
type stallingProposer struct{ from time.Time }

func (p stallingProposer) Propose(ctx context.Context, _ []byte) error {
	if time.Now().After(p.from) {
		return pause(ctx, 500*ms)
	}
	return pause(ctx, ms)
}

// A stall that outlasts the window is in the times, and what was under way at the window's edges in the rate.
func TestClosedLoopSeesAStallAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := stallingProposer{from: time.Now().Add(300*ms - ms/2)} // the last millisecond of the window
		point, err := closedPoint(t.Context(), p, 8, 64, 100*ms, 200*ms)
		if err != nil {
			t.Fatal(err)
		}
		if point.P50Us < 1000 || point.P50Us > 1001 || point.P99Us == nil || *point.P99Us < 1000 {
			t.Errorf("got %+v, want a median of 1 ms", point)
		}
		if point.PerS != 8000 {
			t.Errorf("got %v/s, want 8 proposers a millisecond each", point.PerS)
		}
		stall := stallingProposer{from: time.Now().Add(190 * ms)}
		if point, err = closedPoint(t.Context(), stall, 8, 64, 100*ms, 100*ms); err != nil {
			t.Fatal(err)
		}
		if point.P99Us == nil || *point.P99Us < 499_000 {
			t.Errorf("got %+v, want the stall of 500 ms, which 1 in 91 proposals met, at p99", point)
		}
	})
}

func TestClosedLoopEndsWithItsFirstError(t *testing.T) {
	broken := errors.New("broken")
	start := time.Now()
	_, err := closedPoint(context.Background(), &slowProposer{fail: broken}, 8, 64, time.Minute, time.Minute)
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the proposer's error", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v to notice", took)
	}
}

func TestClosedLoopEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*ms)
	defer cancel()
	p := &slowProposer{takes: ms}
	if _, err := closedPoint(ctx, p, 2, 64, time.Minute, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// silentProposer answers until an instant, and never after it.
type silentProposer struct{ until time.Time }

func (p silentProposer) Propose(ctx context.Context, _ []byte) error {
	if time.Now().Before(p.until) {
		return pause(ctx, ms)
	}
	<-ctx.Done()
	return ctx.Err()
}

// A system that stops to answer is a point with a reason, and neither a hang nor the end of the experiment; the
// commands that it owes count as long as they were waited for.
func TestClosedLoopOfASystemThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		point, err := closedPoint(t.Context(), silentProposer{}, 8, 64, 100*ms, 200*ms)
		if err != nil || point.Why == "" || point.PerS != 0 || point.N != 0 || point.P99Us != nil {
			t.Errorf("got %+v, %v; want a point without figures, and why", point, err)
		}
		if took := time.Since(start); took != 300*ms+closedDrainMax {
			t.Errorf("took %v, want the window and %v", took, closedDrainMax)
		}
		half := silentProposer{until: time.Now().Add(200 * ms)} // of each 101 commands end in the window
		point, err = closedPoint(t.Context(), half, 8, 64, 100*ms, 200*ms)
		if err != nil || point.Why == "" || point.PerS != 4040 || point.N != 808 {
			t.Errorf("got %+v, %v; want what was answered, and the 8 that were not", point, err)
		}
		if point.P99Us == nil || *point.P99Us < 1000 || *point.P99Us > 1001 {
			t.Errorf("got a p99 of %v, want 1 ms: the 8 are 1 in 101", point.P99Us)
		}
	})
}
