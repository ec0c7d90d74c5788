package resp

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp/resptest"
)

// The tests of this file try the whole instrument, generator, client library, sockets and histograms, on a server whose
// latencies are known. On a busy machine everything takes longer, and nothing less: what was injected is a lower
// bound that always holds; above it, the server's own record says when it answered, and what the machine adds between
// that and the client is measured for each operation and bounds the difference.

// onKnown offers opts to a server that keeps requests for delay, and returns what was measured, by operation the same
// as the server wrote down. begin is called just before the load starts.
func onKnown(t *testing.T, opts loadgen.Options, conns int, delay resptest.Delay, begin func(*resptest.Known)) (
	loadgen.Stats, []measured,
) {
	t.Helper()
	opts.Clock = clock.New()
	server, err := resptest.StartKnown(delay, opts.Clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	target := startTarget(t, Options{Addrs: []string{server.Addr()}, Conns: conns, Clock: opts.Clock})
	waitReady(t, target)
	h, trace := loadgen.NewHistograms(), loadgen.NewTrace(1, 0)
	g, err := loadgen.New(opts, target, loadgen.Tee(h, trace))
	if err != nil {
		t.Fatal(err)
	}
	if begin != nil {
		begin(server)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	exchanges := map[string]resptest.Exchange{}
	for _, e := range server.Exchanges() {
		exchanges[e.Value] = e
	}
	var all []measured
	for _, e := range trace.Entries() {
		exchange, ok := exchanges[loadgen.FormatValueID(trace.Run(), e.Seq)]
		if !ok || e.Outcome != loadgen.OK {
			t.Fatalf("operation %d ended %v; the server knows of it: %v", e.Seq, e.Outcome, ok)
		}
		all = append(all, measured{e, exchange})
	}
	return h.Stats(), all
}

// measured is one operation as both ends saw it.
type measured struct {
	loadgen.Entry
	server resptest.Exchange
}

func (m measured) service() time.Duration { return m.Done - m.Sent }
func (m measured) held() time.Duration    { return m.server.Answered - m.server.Arrived }

// exact returns the order statistic of rank ceil(q·n).
func exact(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}

// highest returns the largest value that quantile q of the sums of injected and added can have, however these two are
// paired: when all but k sums have less than a time added, the k largest apart, each rank is at most that time above
// the injected value k ranks higher.
func highest(injected, added []time.Duration, q float64) time.Duration {
	least := loadgen.Forever
	rank := int(math.Ceil(q*float64(len(injected)))) - 1
	for k := 0; rank+k < len(injected); k++ {
		least = min(least, injected[rank+k]+added[len(added)-1-k])
	}
	return least
}

func sortedBy(all []measured, of func(measured) time.Duration) []time.Duration {
	out := make([]time.Duration, len(all))
	for i, m := range all {
		out[i] = of(m)
	}
	slices.Sort(out)
	return out
}

// One request at a time: the distribution that is measured is the one that was injected.
func TestMeasuredDistributionIsTheInjectedOne(t *testing.T) {
	const ms = time.Millisecond
	for name, delay := range map[string]resptest.Delay{
		"constant":    resptest.Constant(3 * ms),
		"bimodal":     resptest.Bimodal(7, 2*ms, 25*ms, 0.05),
		"exponential": resptest.Exponential(9, 3*ms),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := loadgen.Options{Closed: true, Clients: 1, Duration: 1800 * ms}
			stats, all := onKnown(t, opts, 1, delay, nil)
			for _, m := range all {
				if m.Sent > m.server.Arrived || m.server.Answered > m.Done || m.held() < m.server.Delay {
					t.Fatalf("operation %d was measured as shorter than it was: %+v", m.Seq, m)
				}
			}
			injected := sortedBy(all, func(m measured) time.Duration { return m.server.Delay })
			held := sortedBy(all, measured.held)
			added := sortedBy(all, func(m measured) time.Duration { return m.service() - m.server.Delay })
			for _, c := range []struct {
				q   float64
				got *float64
			}{{0.5, stats.ServiceUs.P50}, {0.9, stats.ServiceUs.P90}, {0.95, stats.ServiceUs.P95}, {0.99, stats.ServiceUs.P99}} {
				if c.got == nil {
					continue // a machine so busy that the sample is too small
				}
				got := time.Duration(*c.got * float64(time.Microsecond))
				// Histograms round by 0.1 %, and up to whole microseconds.
				low, high := exact(held, c.q), highest(injected, added, c.q)
				if float64(got) < 0.999*float64(low) || float64(got) > 1.001*float64(high)+2000 || low < exact(injected, c.q) {
					t.Errorf("p%v: measured %v, want %v (held by the server) to %v", c.q*100, got, low, high)
				}
			}
			if median := exact(added, 0.5); median > 20*ms {
				t.Errorf("the machine added %v in the median: nothing was tried", median)
			}
			t.Logf("%d operations: p50 %v (injected %v), p95 %v (injected %v), added p50 %v, p95 %v", len(all),
				exact(sortedBy(all, measured.service), 0.5), exact(injected, 0.5),
				exact(sortedBy(all, measured.service), 0.95), exact(injected, 0.95),
				exact(added, 0.5), exact(added, 0.95))
		})
	}
}

// Trap T4 over real sockets, five times faster: a gap of 0.2 s at 1,000/s delays the 200 operations that were due in
// it, by 100 ms in the mean, and p99 is near 0.18 s. A closed loop on the same gap, which is what other tools measure,
// sees nothing of it.
func TestGapIsSeenByTheOpenLoopOnly(t *testing.T) {
	const ms = time.Millisecond
	var gap resptest.Gap
	plan := func(server *resptest.Known) {
		now := server.Now()
		gap = resptest.Gap{From: now + 500*ms, To: now + 700*ms}
		server.SetGap(gap)
	}
	stats, all := onKnown(t, loadgen.Options{Rate: 1000, Duration: 2 * time.Second}, 4, resptest.Constant(ms), plan)
	due := 0
	for _, m := range all {
		response := m.Done - m.Intended
		if response < m.server.Answered-m.Intended {
			t.Fatalf("operation %d: response %v, though it was answered at %v: %+v", m.Seq, response, m.server.Answered, m)
		}
		if m.Intended >= gap.From && m.Intended < gap.To {
			due++
			if response < gap.To-m.Intended {
				t.Fatalf("operation %d was due %v before the end of the gap, and waited %v", m.Seq, gap.To-m.Intended, response)
			}
		}
	}
	if due < 199 || due > 201 || len(all) != 2000 {
		t.Errorf("%d of %d operations were due in the gap, want 200 of 2000", due, len(all))
	}
	if p99 := *stats.ResponseUs.P99; p99 < 179_000 {
		t.Errorf("response p99 %v µs, want 180000 or more", p99)
	}
	t.Logf("open loop: p50 %.0f µs, p99 %.0f µs", *stats.ResponseUs.P50, *stats.ResponseUs.P99)

	closed := loadgen.Options{Closed: true, Clients: 4, Duration: time.Second}
	stats, _ = onKnown(t, closed, 4, resptest.Constant(ms), plan)
	if n := stats.ServiceUs.N; n > 1000 && *stats.ServiceUs.P99 > 100_000 {
		t.Errorf("closed loop: p99 %v µs of %d operations, want no trace of the gap", *stats.ServiceUs.P99, n)
	}
	if *stats.ServiceUs.Max < 190_000 {
		t.Errorf("closed loop: at most %v µs, want the gap once for each client", *stats.ServiceUs.Max)
	}
	t.Logf("closed loop: %d operations, max %.0f µs", stats.ServiceUs.N, *stats.ServiceUs.Max)
}
