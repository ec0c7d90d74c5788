package loadgen

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/internal/clock"
)

// BenchmarkNullTarget measures the generator alone, on one core, against a target that answers at once: what is reached
// of an offered rate, how late it sends, and what an operation costs. Run it with -benchtime=1x.
func BenchmarkNullTarget(b *testing.B) {
	mixed := Workload{ReadShare: 0.5, IncrShare: 0.1, CASShare: 0.1, KeyDist: KeysZipfian, Sizes: Sizes{
		Dist: SizesLognormal, Min: 16, Max: 4096, Median: 128, Sigma: 1,
	}}
	for _, c := range []struct {
		name string
		opts Options
	}{
		{"const", Options{Rate: 100_000}},
		{"poisson", Options{Rate: 100_000, Schedule: SchedulePoisson}},
		{"ramp", Options{Schedule: ScheduleRamp, Rate: 50_000, RampTo: 150_000}},
		{"mixed", Options{Rate: 100_000, Workload: mixed}},
		{"const-200k", Options{Rate: 200_000}},
		{"closed", Options{Closed: true, Clients: 1}},
	} {
		b.Run(c.name, func(b *testing.B) { benchNull(b, c.opts) })
	}
}

func benchNull(b *testing.B, opts Options) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range b.N {
		opts.Clock, opts.Duration, opts.Warmup = clock.New(), 2*time.Second, 200*time.Millisecond
		h := NewHistograms()
		g, err := New(opts, delayTarget{clock: opts.Clock}, h)
		if err != nil {
			b.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		cpu := processTime(b)
		if err := g.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
		cpu = processTime(b) - cpu
		runtime.ReadMemStats(&after)
		s, all := h.Stats(), float64(g.Counters().Offered)
		b.ReportMetric(s.AchievedPerS, "ops/s")
		b.ReportMetric(*s.SendLagUs.P50, "lag-p50-µs")
		b.ReportMetric(*s.SendLagUs.P99, "lag-p99-µs")
		b.ReportMetric(*s.SendLagUs.Max, "lag-max-µs")
		b.ReportMetric(100*float64(s.Late)/float64(s.Offered), "late-%")
		b.ReportMetric(float64(cpu.Nanoseconds())/1000/all, "cpu-µs/op")
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/all, "allocs/op")
		b.ReportMetric(0, "ns/op")
	}
}

func processTime(b *testing.B) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(fmt.Errorf("getrusage: %w", err))
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
