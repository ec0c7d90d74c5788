package etcdclient

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
)

// kvServer answers Range and Put as it is told. Nothing else is served: nobody leads.
type kvServer struct {
	pb.UnimplementedKVServer
	addr       string
	gets, puts atomic.Int64
	answer     atomic.Pointer[func(ctx context.Context) error]
}

func startKV(t *testing.T, answer func(ctx context.Context) error) *kvServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &kvServer{addr: listener.Addr().String()}
	s.answer.Store(&answer)
	server := grpc.NewServer()
	pb.RegisterKVServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return s
}

func (s *kvServer) Range(ctx context.Context, _ *pb.RangeRequest) (*pb.RangeResponse, error) {
	s.gets.Add(1)
	return &pb.RangeResponse{}, (*s.answer.Load())(ctx)
}

func (s *kvServer) Put(ctx context.Context, _ *pb.PutRequest) (*pb.PutResponse, error) {
	s.puts.Add(1)
	return &pb.PutResponse{}, (*s.answer.Load())(ctx)
}

func newTarget(t *testing.T, addrs ...string) *Target {
	t.Helper()
	target, err := New(Options{Addrs: addrs, Conns: 1, Clock: clock.New()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	})
	return target
}

// do executes one operation and waits for its end.
func do(t *testing.T, target *Target, kind loadgen.OpKind, timeout time.Duration) loadgen.Op {
	t.Helper()
	ended := submit(target, kind, timeout)
	select {
	case op := <-ended:
		return op
	case <-time.After(30 * time.Second):
		t.Fatal("the operation has no end")
		return loadgen.Op{}
	}
}

func submit(target *Target, kind loadgen.OpKind, timeout time.Duration) <-chan loadgen.Op {
	ended := make(chan loadgen.Op, 2) // one too many would be seen
	now := target.clock.Now()
	target.Submit(&loadgen.Op{
		Kind: kind, Key: []byte("key"), Value: []byte("new"), Old: []byte("old"),
		Intended: now, Dispatched: now, Sent: -1, Done: -1, Deadline: now + timeout,
	}, func(op *loadgen.Op) { ended <- *op })
	return ended
}

// The client's own retries are off: each attempt is one request to one server, and the next one is ours, elsewhere.
// A client that tries again by itself would stay with the first server.
func TestEachAttemptIsOneRequest(t *testing.T) {
	var first atomic.Bool
	answer := func(context.Context) error {
		if !first.Swap(true) {
			return rpctypes.ErrGRPCLeaderChanged // Unavailable: what a client tries again
		}
		return nil
	}
	a, b := startKV(t, answer), startKV(t, answer)
	op := do(t, newTarget(t, a.addr, b.addr), loadgen.Get, 20*time.Second)
	if op.Outcome != loadgen.OK || op.Attempts != 2 || a.gets.Load() != 1 || b.gets.Load() != 1 {
		t.Errorf("got %v after %d attempts, %d and %d requests; want ok after one at each server", op.Outcome, op.Attempts,
			a.gets.Load(), b.gets.Load())
	}
	if op.Sent < op.Dispatched || op.Done < op.Sent {
		t.Errorf("dispatched %v, sent %v, done %v", op.Dispatched, op.Sent, op.Done)
	}
}

// A write that may have been applied is never sent again; one that was not is, until its deadline.
func TestWritesAreSentAgainOnlyWhenNotApplied(t *testing.T) {
	for _, c := range []struct {
		answer   error
		again    bool
		want     loadgen.Outcome
		deadline bool
	}{
		{rpctypes.ErrGRPCTimeoutDueToLeaderFail, false, loadgen.Unknown, false},
		{rpctypes.ErrGRPCRequestTooLarge, false, loadgen.Failed, false},
		{rpctypes.ErrGRPCRequestTooManyRequests, true, loadgen.Failed, true},
	} {
		s := startKV(t, func(context.Context) error { return c.answer })
		op := do(t, newTarget(t, s.addr), loadgen.Set, 300*time.Millisecond)
		if op.Outcome != c.want || (s.puts.Load() > 1) != c.again || errors.Is(op.Err, ErrDeadline) != c.deadline {
			t.Errorf("%v: got %v, %v after %d requests", c.answer, op.Outcome, op.Err, s.puts.Load())
		}
		if !c.again && op.Attempts != 1 {
			t.Errorf("%v: got %d attempts, want 1", c.answer, op.Attempts)
		}
	}
}

// Silence: a write ends unknown at its deadline, a read failed. Nobody there: nothing was sent, and both failed.
func TestDeadlines(t *testing.T) {
	silent := startKV(t, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr string
		kind loadgen.OpKind
		want loadgen.Outcome
	}{
		{silent.addr, loadgen.Set, loadgen.Unknown},
		{silent.addr, loadgen.Get, loadgen.Failed},
		{nobody, loadgen.Set, loadgen.Failed},
		{nobody, loadgen.Incr, loadgen.Failed},
		{nobody, loadgen.CAS, loadgen.Failed},
		{nobody, loadgen.Get, loadgen.Failed},
	} {
		op := do(t, newTarget(t, c.addr), c.kind, 300*time.Millisecond)
		if op.Outcome != c.want || !errors.Is(op.Err, ErrDeadline) || op.Done < op.Deadline ||
			(op.Sent < 0) != (c.addr == nobody) || (op.Attempts == 0) != (c.addr == nobody) {
			t.Errorf("%v: got %v, %v, sent %v after %d attempts", c.kind, op.Outcome, op.Err, op.Sent, op.Attempts)
		}
		if c.addr == nobody && !strings.Contains(op.Err.Error(), "refused") {
			t.Errorf("%v: got %v, want the last answer, too", c.kind, op.Err)
		}
	}
}

// Close ends what is under way, each once; nothing begins after it.
func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	asked := make(chan struct{}, 2)
	s := startKV(t, func(ctx context.Context) error {
		asked <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	target := newTarget(t, s.addr)
	set, get := submit(target, loadgen.Set, time.Minute), submit(target, loadgen.Get, time.Minute)
	<-asked
	<-asked
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	if len(set) != 1 || len(get) != 1 {
		t.Fatalf("%d and %d ends after Close, want one each", len(set), len(get))
	}
	if op := <-set; op.Outcome != loadgen.Unknown || !errors.Is(op.Err, ErrClosed) {
		t.Errorf("set: got %v, %v", op.Outcome, op.Err)
	}
	if op := <-get; op.Outcome != loadgen.Failed || !errors.Is(op.Err, ErrClosed) {
		t.Errorf("get: got %v, %v", op.Outcome, op.Err)
	}
	if op := do(t, target, loadgen.Set, time.Minute); op.Outcome != loadgen.Failed || !errors.Is(op.Err, ErrClosed) {
		t.Errorf("after Close: got %v, %v", op.Outcome, op.Err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"Addrs: 0 given":           {},
		`Addrs[0] = "h": want`:     {Addrs: []string{"h"}},
		"Conns = -1":               {Addrs: []string{"h:1"}, Conns: -1},
		`At = "x"`:                 {Addrs: []string{"h:1"}, At: "x"},
		"DialTimeout = -1ns":       {Addrs: []string{"h:1"}, DialTimeout: -1},
		"StatusInterval = -1ns":    {Addrs: []string{"h:1"}, StatusInterval: -1},
		"BackoffMax = 1ns: want B": {Addrs: []string{"h:1"}, BackoffMax: 1},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
