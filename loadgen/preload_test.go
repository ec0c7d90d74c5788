package loadgen

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// tenaciousTarget answers nothing until it is closed, and nothing at all when it is deaf; but refuses the first write.
type tenaciousTarget struct {
	refusingTarget
	deaf    bool
	refused bool
	closed  bool
	held    []func()
}

func (s *tenaciousTarget) Submit(op *Op, done func(*Op)) {
	refuse := func() { s.refusingTarget.Submit(op, done) }
	if !s.refused {
		s.refused = true
		time.AfterFunc(time.Millisecond, refuse)
		return
	}
	s.held = append(s.held, refuse)
}

func (s *tenaciousTarget) Close() error {
	s.closed = true
	if s.deaf {
		return nil
	}
	for _, refuse := range s.held {
		refuse()
	}
	s.held = nil
	return nil
}

// A preload ends though the target never says a word; a second after it was interrupted, when it was. It closes the
// target then, and keeps the reason of the first write that failed.
func TestPreloadEndsWhenTheTargetIsStuck(t *testing.T) {
	for name, c := range map[string]struct {
		keys        int
		interrupted bool
		deaf        bool
		most        time.Duration
		want        []error
		says        string
	}{
		"interrupted":          {keys: 1000, interrupted: true, most: 2 * time.Second, want: []error{context.Canceled}},
		"interrupted, at last": {keys: 2, interrupted: true, most: 2 * time.Second, want: []error{context.Canceled}},
		"interrupted, deaf": {
			keys: 2, interrupted: true, deaf: true, most: 3 * time.Second, want: []error{context.Canceled, ErrStuck},
		},
		"late": {keys: 2, most: 61 * time.Second, says: "ended failed: no"},
		"deaf": {keys: 2, deaf: true, most: 62 * time.Second, want: []error{ErrStuck}, says: "ended failed: no"},
		// The slots are all taken for as long as a write may take, and once more.
		"many": {keys: 1000, deaf: true, most: 123 * time.Second, want: []error{ErrStuck}, says: "ended failed: no"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.interrupted {
				time.AfterFunc(time.Second, cancel)
			}
			clk := clock.New()
			target := &tenaciousTarget{refusingTarget: refusingTarget{clk}, deaf: c.deaf}
			g, err := New(Options{
				Duration: time.Second, Timeout: time.Minute, Clock: clk, Workload: Workload{Preload: true, Keys: c.keys},
			}, target, NewHistograms())
			if err != nil {
				t.Fatal(err)
			}
			began := clk.Now()
			err = g.Run(ctx)
			took := clk.Now() - began
			synctest.Wait() // the target is closed beside the run
			if took > c.most || !target.closed {
				t.Errorf("%s: took %v, target closed: %v; want at most %v, and that it is", name, took, target.closed, c.most)
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v, want %q", name, err, c.says)
			}
			for _, want := range c.want {
				if !errors.Is(err, want) {
					t.Errorf("%s: got %v, want %v", name, err, want)
				}
			}
			target.deaf = false
			_ = target.Close() // ends what waits for its writes
			synctest.Wait()
		})
	}
}
