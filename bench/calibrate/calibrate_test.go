package calibrate

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

func TestRunMeasuresEverythingAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c, err := Run(context.Background(), Options{
		Dir: dir, Each: 50 * time.Millisecond,
		Transports: []Transport{{Name: "tcp", PayloadBytes: 128}, {Name: "quic", PayloadBytes: 64}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.FsyncUs.N == 0 || c.RTTUs.N < 100 || c.TimerLateUs.N < 10 || c.GeneratorMaxPerS < 1000 {
		t.Errorf("got %+v, want samples of everything", c)
	}
	if s := c.Storage; s.Verdict == "" || s.OverwriteUs.N == 0 || s.WriteUs.N == 0 {
		t.Errorf("got %+v, want a verdict on the storage, and what it is from", s)
	}
	t.Logf("%+v, class %s", c.Storage, c.DurabilityClass)
	if ts := c.Transports; len(ts) != 2 || ts[0].Name != "tcp" || ts[0].PayloadBytes != 128 || ts[1].Name != "quic" ||
		ts[0].RTTUs.P50 == nil || ts[1].HeartbeatRTTUs.P50 == nil {
		t.Errorf("got %+v, want round trips of tcp and quic", ts)
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

// A sync that returns in microseconds did not wait for a disk; one that is slow is no proof that it did.
func TestTheVerdictOnStorage(t *testing.T) {
	sample := func(d time.Duration) []time.Duration {
		return []time.Duration{d, d, d, d, d, d, time.Second}
	}
	for _, c := range []struct {
		name   string
		place  place
		synced []time.Duration
		want   string
		stable bool
	}{
		{"too fast", place{}, sample(9 * time.Microsecond), "suspicious: an overwrite of 4 KiB and its sync took 9µs", false},
		{"just too fast", place{}, sample(honestSyncMin - 1), "suspicious: an overwrite", false},
		{"as fast as can be", place{}, sample(honestSyncMin), "honest", true},
		{"a disk", place{filesystem: "ext4", writeCache: "write back"}, sample(3 * time.Millisecond), "honest", true},
		{"memory, and slow", place{unstable: "tmpfs"}, sample(time.Millisecond), "no stable storage: tmpfs", false},
		{"no barriers", place{suspicious: "ext4 is mounted with nobarrier"}, sample(time.Millisecond),
			"suspicious: ext4 is mounted with nobarrier", false},
		{"not measured", place{}, nil, "suspicious: no sync was measured", false},
	} {
		got := result.Storage{Verdict: c.place.judge(c.synced)}
		if !strings.HasPrefix(got.Verdict, c.want) || got.Stable() != c.stable {
			t.Errorf("%s: got %q, stable %v, want %q, %v", c.name, got.Verdict, got.Stable(), c.want, c.stable)
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
