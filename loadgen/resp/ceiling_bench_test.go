package resp

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp/resptest"
)

// BenchmarkGenerator measures the generator itself against the null server in the same process: what it reaches, how
// late it sends, and what an operation costs (the server's share included). Run it with -benchtime=1x.
func BenchmarkGenerator(b *testing.B) {
	for _, rate := range []float64{1000, 5000, 20_000, 50_000, 100_000, 0} {
		for _, conns := range []int{1, 4} {
			name := fmt.Sprintf("rate=%.0f/conns=%d", rate, conns)
			if rate == 0 {
				name = fmt.Sprintf("closed=256/conns=%d", conns)
			}
			b.Run(name, func(b *testing.B) { benchGenerator(b, rate, conns) })
		}
	}
}

func benchGenerator(b *testing.B, rate float64, conns int) {
	server, err := resptest.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	clk := clock.New()
	for range b.N {
		target, err := New(Options{Addrs: []string{server.Addr()}, Conns: conns, Clock: clk})
		if err != nil {
			b.Fatal(err)
		}
		if err := target.WaitReady(b.Context()); err != nil {
			b.Fatal(err)
		}
		h := loadgen.NewHistograms()
		opts := loadgen.Options{Rate: rate, Closed: rate == 0, Clients: 256, Duration: 2 * time.Second, Clock: clk}
		g, err := loadgen.New(opts, target, h)
		if err != nil {
			b.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		cpu := cpuTime()
		if err := g.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
		cpu = cpuTime() - cpu
		runtime.ReadMemStats(&after)
		_ = target.Close()
		s := h.Stats()
		b.ReportMetric(s.AchievedPerS, "ops/s")
		b.ReportMetric(*s.SendLagUs.P50, "lag-p50-µs")
		b.ReportMetric(*s.SendLagUs.P99, "lag-p99-µs")
		b.ReportMetric(*s.ResponseUs.P50, "resp-p50-µs")
		b.ReportMetric(*s.ResponseUs.P99, "resp-p99-µs")
		b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(s.Offered), "cpu-µs/op")
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(s.Offered), "allocs/op")
		b.ReportMetric(0, "ns/op")
	}
}

func cpuTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
