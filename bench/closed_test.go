package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
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
	if point.PerS > 800 || point.PerS < 200 || point.P50Us < 5000 || point.P99Us < point.P50Us {
		t.Errorf("got %+v, want up to 800/s and 5 ms or more", point)
	}
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
