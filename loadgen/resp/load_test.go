package resp

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp/resptest"
)

// load offers opts to servers and returns what came of it. meanwhile runs beside it.
func load(t *testing.T, opts loadgen.Options, addrs []string, meanwhile func(*loadgen.Generator)) (
	loadgen.Stats, []loadgen.Entry,
) {
	t.Helper()
	opts.Clock = clock.New()
	target := startTarget(t, Options{Addrs: addrs, Clock: opts.Clock})
	waitReady(t, target)
	h, trace := loadgen.NewHistograms(), loadgen.NewTrace(1, 0)
	g, err := loadgen.New(opts, target, loadgen.Tee(h, trace))
	if err != nil {
		t.Fatal(err)
	}
	var beside sync.WaitGroup
	if meanwhile != nil {
		beside.Go(func() { meanwhile(g) })
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	beside.Wait()
	if got := g.Counters(); got.InFlight != 0 || got.OK+got.Failed+got.Unknown+got.Shed != got.Offered {
		t.Errorf("operations do not add up: %+v", got)
	}
	return h.Stats(), trace.Entries()
}

func waitOffered(g *loadgen.Generator, n int64) {
	for g.Counters().Offered < n {
		time.Sleep(time.Millisecond)
	}
}

// Traps T1 and T2: the server dies for good; the run ends and every operation has an outcome and an instant.
func TestRunEndsWhenTheServerDies(t *testing.T) {
	for _, closed := range []bool{false, true} {
		server := startServer(t)
		began := time.Now()
		stats, entries := load(t, loadgen.Options{
			Rate: 2000, Closed: closed, Clients: 4, Duration: 500 * time.Millisecond, Timeout: 300 * time.Millisecond,
		}, []string{server.Addr()}, func(g *loadgen.Generator) {
			waitOffered(g, 100)
			_ = server.Close()
		})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("closed %v: took %v", closed, took)
		}
		if stats.Failed+stats.Unknown == 0 || stats.OK == 0 {
			t.Errorf("closed %v: ok %d, failed %d, unknown %d", closed, stats.OK, stats.Failed, stats.Unknown)
		}
		for _, e := range entries {
			late := e.Done - e.Deadline
			if e.Done < e.Intended || late > time.Second {
				t.Fatalf("operation %d, %v, intended %v, ended %v, deadline %v", e.Seq, e.Outcome, e.Intended, e.Done, e.Deadline)
			}
		}
	}
}

// Trap T2: a time in which everything fails leaves the figures of the rest alone, and adds to the tail only.
func TestErrorBurst(t *testing.T) {
	server := startServer(t)
	var writes atomic.Int64
	server.Answer(func(r resptest.Request) []byte {
		if string(r.Name) != "SET" {
			return nil // a probe
		}
		if n := writes.Add(1); n <= 300 || n > 500 {
			return nil
		}
		return redcon.AppendError(nil, "ERR out of order")
	})
	opts := loadgen.Options{Rate: 1000, Duration: time.Second, Timeout: 5 * time.Second}
	stats, _ := load(t, opts, []string{server.Addr()}, nil)
	if stats.Failed != 200 || stats.OK != 800 {
		t.Errorf("ok %d, failed %d, want 800 and 200", stats.OK, stats.Failed)
	}
	if *stats.ResponseUs.P90 < 4_990_000 {
		t.Errorf("response p90 is %v µs though 2 of 10 operations failed: want the timeout", *stats.ResponseUs.P90)
	}
	if *stats.ServiceUs.P50 > 2_000_000 || *stats.FailedUs.P50 > 2_000_000 {
		t.Errorf("service p50 %v µs, failed p50 %v µs", *stats.ServiceUs.P50, *stats.FailedUs.P50)
	}
}

// An outage of the leader is one gap: what was due in it waits, and nothing is written twice.
func TestLoadSurvivesAChangeOfLeader(t *testing.T) {
	a, b := startServer(t), startServer(t)
	down := func(resptest.Request) []byte { return redcon.AppendError(nil, "CLUSTERDOWN no leader") }
	b.Answer(down)
	stats, entries := load(t, loadgen.Options{
		Rate: 2000, Duration: time.Second, Workload: loadgen.Workload{KeyDist: loadgen.KeysSequential},
	}, []string{a.Addr(), b.Addr()}, func(g *loadgen.Generator) {
		waitOffered(g, 500)
		_ = a.Close()
		time.Sleep(100 * time.Millisecond) // the election
		b.Answer(nil)
	})
	if stats.Failed != 0 || stats.Unknown > 1000 || stats.OK+stats.Unknown != 2000 {
		t.Errorf("ok %d, unknown %d, failed %d", stats.OK, stats.Unknown, stats.Failed)
	}
	w := loadgen.Workload{KeyPrefix: loadgen.Options{}.WithDefaults().Workload.KeyPrefix}
	for _, e := range entries {
		_, onA := a.Value(w.Key(e.Key))
		_, onB := b.Value(w.Key(e.Key))
		switch {
		case onA && onB:
			t.Fatalf("operation %d (%v) was written on both", e.Seq, e.Outcome)
		case e.Outcome == loadgen.OK && !onA && !onB:
			t.Fatalf("operation %d was acknowledged and written nowhere", e.Seq)
		}
	}
}

func TestReadBackReadsEveryKey(t *testing.T) {
	server := startServer(t)
	clk := clock.New()
	target := startTarget(t, Options{Addrs: []string{server.Addr()}, Clock: clk})
	w := loadgen.Options{}.WithDefaults().Workload
	var keys []string
	for n := range uint64(1000) {
		keys = append(keys, w.Key(n))
		if n%2 == 0 {
			server.Put(w.Key(n), []byte(loadgen.FormatValueID(loadgen.RunID(1), n)))
		}
	}
	trace := loadgen.NewTrace(1, 0)
	if err := loadgen.ReadBack(t.Context(), target, keys, 5000, 5*time.Second, clk, trace); err != nil {
		t.Fatal(err)
	}
	for _, e := range trace.Entries() {
		want := int64(loadgen.ValueNone)
		if e.Key%2 == 0 {
			want = int64(e.Key)
		}
		if e.Outcome != loadgen.OK || e.Value != want || e.Seq != 5000+e.Key {
			t.Fatalf("%+v: want value %d", e, want)
		}
	}
	if trace.Len() != 1000 {
		t.Errorf("%d reads, want 1000", trace.Len())
	}
}
