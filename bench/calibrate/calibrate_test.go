package calibrate

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestRunMeasuresEverythingAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c, err := Run(context.Background(), Options{Dir: dir, Each: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if c.FsyncUs.N == 0 || c.RTTUs.N < 100 || c.TimerLateUs.N < 10 || c.GeneratorMaxPerS < 1000 {
		t.Errorf("got %+v, want samples of everything", c)
	}
	if c.RTTUs.P50 == nil || *c.RTTUs.P50 <= 0 {
		t.Errorf("got round trip p50 %v, want above 0", c.RTTUs.P50)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v left in the folder, want nothing", entries, err)
	}
}

func TestRunNeedsTheFolder(t *testing.T) {
	_, err := Run(context.Background(), Options{Dir: "/does/not/exist", Each: 10 * time.Millisecond})
	if err == nil {
		t.Error("calibrated a folder that does not exist")
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	start := time.Now()
	if _, err := Run(ctx, Options{Dir: t.TempDir(), Each: 30 * time.Second}); err == nil {
		t.Error("got no error from a cancelled calibration")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// An fsync that returns in microseconds did not wait for a disk.
func TestTooFastIsVolatile(t *testing.T) {
	sample := func(d time.Duration) []time.Duration {
		return []time.Duration{d, d, d, d, d, d, time.Second}
	}
	for d, want := range map[time.Duration]string{
		9 * time.Microsecond: DurabilityVolatile, 19 * time.Microsecond: DurabilityVolatile,
		20 * time.Microsecond: DurabilityFsync, 3 * time.Millisecond: DurabilityFsync,
	} {
		if got := classify(sample(d)); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestSmallSamplesHaveNoTail(t *testing.T) {
	sample := make([]time.Duration, 50)
	for i := range sample {
		sample[i] = time.Duration(50-i) * time.Microsecond
	}
	q := microseconds(sample)
	if q.P99 != nil || q.P999 != nil {
		t.Error("got a p99 of 50 values, want none")
	}
	if q.P50 == nil || *q.P50 != 25 || *q.Min != 1 || *q.Max != 50 {
		t.Errorf("got %+v, want p50 25, min 1, max 50", q)
	}
}
