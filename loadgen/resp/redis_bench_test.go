package resp

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp/resptest"
)

// Which servers the two clients are compared on. Without it that is the null server in this process.
var redisTargets = flag.String("redis-targets", "", "addresses for BenchmarkBesideRedisBenchmark, comma separated")

const (
	besideRounds  = 5
	besideTime    = 2 * time.Second
	besidePayload = 128
	besideKeys    = 10_000
)

// figure is what one client measured in one round.
type figure struct{ perS, p50, p99 float64 } // milliseconds

// BenchmarkBesideRedisBenchmark runs redis-benchmark and our closed loop in turns, A B, B A, on the same server: SETs
// of 128 B to 10,000 keys. The medians of the rounds and their spread are the metrics. Run it with -benchtime=1x; make
// bench-redis does, on a cluster.
func BenchmarkBesideRedisBenchmark(b *testing.B) {
	tool, err := exec.LookPath("redis-benchmark")
	if err != nil {
		b.Fatalf("redis-benchmark: %v; it comes with the packages redis-tools (Debian) and redis (Homebrew)", err)
	}
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			target, addr := besideTarget(b, clients)
			for range b.N {
				perS := closedFigure(b, target, clients).perS // and warms everything up
				requests := max(1000, int(perS*besideTime.Seconds()))
				var theirs, ours []figure
				for round := range besideRounds {
					if round%2 == 0 {
						theirs = append(theirs, redisFigure(b, tool, addr, clients, requests))
					}
					ours = append(ours, closedFigure(b, target, clients))
					if round%2 == 1 {
						theirs = append(theirs, redisFigure(b, tool, addr, clients, requests))
					}
				}
				reportFigures(b, "redis", theirs)
				reportFigures(b, "ours", ours)
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// besideTarget returns our client, with a connection for each of clients, and the leader's address.
func besideTarget(b *testing.B, clients int) (target *Target, addr string) {
	addrs := strings.Split(*redisTargets, ",")
	if *redisTargets == "" {
		server, err := resptest.Start()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = server.Close() })
		addrs = []string{server.Addr()}
	}
	target, err := New(Options{Addrs: addrs, Conns: clients, Clock: clock.New()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = target.Close() })
	if err := target.WaitReady(b.Context()); err != nil {
		b.Fatal(err)
	}
	return target, target.Leader()
}

func closedFigure(b *testing.B, target *Target, clients int) figure {
	h := loadgen.NewHistograms()
	g, err := loadgen.New(loadgen.Options{
		Closed: true, Clients: clients, Duration: besideTime, Clock: target.clock, Seed: uint64(target.clock.Now()),
		Workload: loadgen.Workload{PayloadBytes: besidePayload, Keys: besideKeys},
	}, target, h)
	if err != nil {
		b.Fatal(err)
	}
	if err := g.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	s := h.Stats()
	if s.OK != s.Offered || s.ServiceUs.P99 == nil {
		b.Fatalf("ok %d of %d operations", s.OK, s.Offered)
	}
	return figure{perS: s.AchievedPerS, p50: *s.ServiceUs.P50 / 1000, p99: *s.ServiceUs.P99 / 1000}
}

func redisFigure(b *testing.B, tool, addr string, clients, requests int) (f figure) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.Fatal(err)
	}
	out, err := exec.CommandContext(b.Context(), tool, "-h", host, "-p", port, "-t", "set", "--csv",
		"-c", strconv.Itoa(clients), "-n", strconv.Itoa(requests), "-d", strconv.Itoa(besidePayload),
		"-r", strconv.Itoa(besideKeys)).Output()
	if err != nil {
		b.Fatalf("redis-benchmark: %v\n%s", err, out)
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 2 || len(rows[0]) != len(rows[1]) {
		b.Fatalf("redis-benchmark said %q: %v", out, err)
	}
	for column, into := range map[string]*float64{"rps": &f.perS, "p50_latency_ms": &f.p50, "p99_latency_ms": &f.p99} {
		at := slices.Index(rows[0], column)
		if at < 0 {
			b.Fatalf("redis-benchmark has no column %s, but %q", column, rows[0])
		}
		if *into, err = strconv.ParseFloat(rows[1][at], 64); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func reportFigures(b *testing.B, who string, figures []figure) {
	for unit, of := range map[string]func(figure) float64{
		"ops/s":  func(f figure) float64 { return f.perS },
		"p50-ms": func(f figure) float64 { return f.p50 },
		"p99-ms": func(f figure) float64 { return f.p99 },
	} {
		values := make([]float64, len(figures))
		for i, f := range figures {
			values[i] = of(f)
		}
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], who+"-"+unit)
		b.Logf("%s %s: median %.3f, from %.3f to %.3f in %d rounds", who, unit, values[len(values)/2], values[0],
			values[len(values)-1], len(values))
	}
}
