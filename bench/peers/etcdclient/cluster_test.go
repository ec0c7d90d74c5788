package etcdclient_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/peers/etcd"
	"github.com/raftmark/raftmark/bench/peers/etcdclient"
	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
)

func startCluster(ctx context.Context, t *testing.T) *etcd.Cluster {
	t.Helper()
	system, err := etcd.Candidate().Start(ctx, bench.SystemOptions{
		Dir: t.TempDir(), Nodes: 3, Heartbeat: 50 * time.Millisecond, ElectionMin: 250 * time.Millisecond,
		ElectionMax: 500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := system.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	cluster, ok := system.(*etcd.Cluster)
	if !ok {
		t.Fatalf("%T is no cluster", system)
	}
	return cluster
}

// killer counts operations that ended, and kills the leader after so many.
type killer struct {
	after atomic.Int64
	kill  func()
}

func (k *killer) Record(*loadgen.Op) {
	if k.after.Add(-1) == 0 {
		k.kill()
	}
}

// The leader is killed under load: what was acknowledged is there, in an order that one server could have given, and
// the load goes on at the new one.
func TestLeaderKilledUnderLoad(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cluster := startCluster(ctx, t)
	clk := clock.New()
	target, err := etcdclient.New(etcdclient.Options{Addrs: cluster.Endpoints(), Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := target.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	before := target.Leader()
	old, err := cluster.Leader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if want := cluster.Endpoints()[old-1]; before != want {
		t.Errorf("got leader %s, want %s", before, want)
	}
	killed := make(chan error, 1)
	kills := &killer{kill: func() { go func() { killed <- cluster.Kill(old) }() }}
	kills.after.Store(100)
	opts := loadgen.Options{
		Rate: 300, Duration: 3 * time.Second, Timeout: 20 * time.Second, Clock: clk,
		Workload: loadgen.Workload{Keys: 10, ReadShare: 0.3, IncrShare: 0.2, CASShare: 0.2, PayloadBytes: 32},
	}.WithDefaults()
	trace, histograms := loadgen.NewTrace(opts.Seed, 0), loadgen.NewHistograms()
	generator, err := loadgen.New(opts, target, loadgen.Tee(trace, histograms, kills))
	if err != nil {
		t.Fatal(err)
	}
	if err := generator.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	history, reads := check.FromTrace(trace, opts.Workload), loadgen.NewTrace(opts.Seed, 0)
	first := uint64(generator.Counters().Offered)
	err = loadgen.ReadBack(ctx, target, history.WrittenKeys(), first, 20*time.Second, clk, reads)
	if err != nil {
		t.Fatal(err)
	}
	history.AddFinal(reads, opts.Workload)
	if lost := check.LostWrites(history); lost.Verdict() != check.VerdictOK || lost.Acked == 0 || lost.Unread > 0 {
		t.Errorf("got %+v", lost)
	}
	if got := check.Linearizable(history, time.Minute); got.Verdict != check.VerdictOK {
		t.Errorf("got %+v", got)
	}
	stats := histograms.Stats()
	if stats.OK < 600 || stats.Failed > 0 || stats.OK+stats.Unknown != 900 {
		t.Errorf("ok %d, failed %d, unknown %d; want nearly all of 900 ok, and none failed", stats.OK, stats.Failed,
			stats.Unknown)
	}
	if now := target.Leader(); now == "" || now == before {
		t.Errorf("got leader %q at the end, %q before", now, before)
	}
}

// Many INCRs of one key at once conflict: each counts once, and each returns a number of its own.
func TestConflictingIncrements(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cluster := startCluster(ctx, t)
	clk := clock.New()
	target, err := etcdclient.New(etcdclient.Options{Addrs: cluster.Endpoints(), At: etcdclient.AtAny, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := target.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	const n = 40
	ended := make(chan loadgen.Op, n)
	submit := func(kind loadgen.OpKind, key string, value, old string) {
		now := clk.Now()
		target.Submit(&loadgen.Op{
			Kind: kind, Key: []byte(key), Value: []byte(value), Old: []byte(old), Intended: now, Dispatched: now, Sent: -1,
			Done: -1, Deadline: now + 50*time.Second,
		}, func(op *loadgen.Op) { ended <- *op })
	}
	for range n {
		submit(loadgen.Incr, "counter", "", "")
	}
	seen, attempts := map[int64]bool{}, 0
	for range n {
		op := <-ended
		if op.Outcome != loadgen.OK || seen[op.Number] || op.Number < 1 || op.Number > n {
			t.Errorf("got %v, number %d: %v", op.Outcome, op.Number, op.Err)
		}
		seen[op.Number] = true
		attempts += op.Attempts
	}
	if attempts <= n {
		t.Errorf("%d attempts of %d increments: there was no conflict to survive", attempts, n)
	}
	submit(loadgen.Get, "counter", "", "")
	if op := <-ended; string(op.Value) != fmt.Sprint(n) {
		t.Errorf("got %q, want %d", op.Value, n)
	}
	for _, step := range []struct {
		kind       loadgen.OpKind
		value, old string
		swapped    bool
		outcome    loadgen.Outcome
	}{
		{loadgen.CAS, "a", "none", false, loadgen.OK}, // there is no such key
		{loadgen.Set, "a", "", false, loadgen.OK},
		{loadgen.CAS, "b", "x", false, loadgen.OK},
		{loadgen.CAS, "b", "a", true, loadgen.OK},
		{loadgen.Incr, "", "", false, loadgen.Failed}, // of what is no number
	} {
		submit(step.kind, "other", step.value, step.old)
		if op := <-ended; op.Outcome != step.outcome || op.Swapped != step.swapped {
			t.Errorf("%+v: got %v, swapped %v, %v", step, op.Outcome, op.Swapped, op.Err)
		}
	}
	submit(loadgen.Get, "other", "", "")
	if op := <-ended; string(op.Value) != "b" {
		t.Errorf("got %q, want b", op.Value)
	}
	submit(loadgen.Get, "nothing", "", "")
	if op := <-ended; op.Outcome != loadgen.OK || op.Value != nil {
		t.Errorf("got %v, %q; want ok and nothing", op.Outcome, op.Value)
	}
}
