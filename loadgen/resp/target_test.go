package resp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp/resptest"
)

func startServer(t *testing.T) *resptest.Server {
	t.Helper()
	s, err := resptest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func startTarget(t *testing.T, opts Options) *Target {
	t.Helper()
	target, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	return target
}

func waitReady(t *testing.T, target *Target) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := target.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

// do runs one operation to its end.
func do(target *Target, kind loadgen.OpKind, key, value string, timeout time.Duration) *loadgen.Op {
	now := target.clock.Now()
	op := &loadgen.Op{
		Kind: kind, Key: []byte(key), Intended: now, Sent: -1, Done: -1, Deadline: now + timeout,
	}
	if kind == loadgen.Set {
		op.Value = []byte(value)
	}
	ended := make(chan struct{})
	target.Submit(op, func(*loadgen.Op) { close(ended) })
	<-ended
	return op
}

func wantOutcome(t *testing.T, op *loadgen.Op, want loadgen.Outcome) {
	t.Helper()
	sent := op.Sent == -1 && op.Attempts == 0 || op.Sent >= op.Intended && op.Attempts > 0
	if op.Outcome != want || op.Done < op.Sent || !sent {
		t.Errorf("got %v (%v, %d attempts, intended %v, sent %v, done %v), want %v",
			op.Outcome, op.Err, op.Attempts, op.Intended, op.Sent, op.Done, want)
	}
}

func TestSetAndGet(t *testing.T) {
	server := startServer(t)
	target := startTarget(t, Options{Addrs: []string{server.Addr()}})
	missing := do(target, loadgen.Get, "k", "", 5*time.Second)
	wantOutcome(t, missing, loadgen.OK)
	if missing.Value != nil {
		t.Errorf("missing key: got %q", missing.Value)
	}
	for _, value := range []string{"v", "", strings.Repeat("long", 100_000)} {
		wantOutcome(t, do(target, loadgen.Set, "k", value, 5*time.Second), loadgen.OK)
		read := do(target, loadgen.Get, "k", "", 5*time.Second)
		wantOutcome(t, read, loadgen.OK)
		if string(read.Value) != value || read.Value == nil {
			t.Errorf("got %.20q of %d bytes, want %.20q of %d", read.Value, len(read.Value), value, len(value))
		}
	}
}

func TestMovedIsFollowedByEverybody(t *testing.T) {
	leader, follower := startServer(t), startServer(t)
	follower.Answer(func(resptest.Request) []byte { return redcon.AppendError(nil, "MOVED 0 "+leader.Addr()) })
	target := startTarget(t, Options{Addrs: []string{follower.Addr()}}) // the leader is not in the list
	wantOutcome(t, do(target, loadgen.Set, "k", "v", 5*time.Second), loadgen.OK)
	if got := target.Leader(); got != leader.Addr() {
		t.Errorf("leader is %q, want %q", got, leader.Addr())
	}
	// The leadership moves the other way: one MOVED is enough for all that come after.
	leader.Answer(func(resptest.Request) []byte { return redcon.AppendError(nil, "MOVED 0 "+follower.Addr()) })
	follower.Answer(nil)
	op := do(target, loadgen.Set, "k", "w", 5*time.Second)
	wantOutcome(t, op, loadgen.OK)
	if op.Redirects != 1 || op.Attempts != 2 {
		t.Errorf("%d redirects, %d attempts, want 1 and 2", op.Redirects, op.Attempts)
	}
	if op := do(target, loadgen.Set, "k", "x", 5*time.Second); op.Redirects != 0 || op.Attempts != 1 {
		t.Errorf("%d redirects, %d attempts, want 0 and 1", op.Redirects, op.Attempts)
	}
}

// Service begins with the first attempt: what an operation waits in the client, for somebody to send it to, is not the
// server's.
func TestWaitingForALeaderIsNotService(t *testing.T) {
	server := startServer(t)
	addr := server.Addr()
	_ = server.Close()
	target := startTarget(t, Options{Addrs: []string{addr}})
	ended := make(chan *loadgen.Op, 1)
	now := target.clock.Now()
	op := &loadgen.Op{
		Kind: loadgen.Set, Key: []byte("k"), Intended: now, Dispatched: now, Sent: -1, Done: -1,
		Deadline: now + 10*time.Second,
	}
	target.Submit(op, func(op *loadgen.Op) { ended <- op })
	began := target.clock.Now()
	server, err := resptest.StartAt(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	wantOutcome(t, <-ended, loadgen.OK)
	if op.Sent < began {
		t.Errorf("sent %v before there was a server", began-op.Sent)
	}
}

func TestErrorReplies(t *testing.T) {
	for _, c := range []struct {
		reply string
		kind  loadgen.OpKind
		want  loadgen.Outcome
		tries int // at most; 0: many
	}{
		{"ERR no such command", loadgen.Set, loadgen.Failed, 1},
		{"UNKNOWN outcome not known", loadgen.Set, loadgen.Unknown, 1},
		{"UNKNOWN outcome not known", loadgen.Get, loadgen.Failed, 0},
		{"CLUSTERDOWN no leader", loadgen.Set, loadgen.Failed, 0},
		{"TRYAGAIN busy", loadgen.Set, loadgen.Failed, 0},
	} {
		server := startServer(t)
		target := startTarget(t, Options{Addrs: []string{server.Addr()}})
		waitReady(t, target)
		server.Answer(func(r resptest.Request) []byte {
			if string(r.Args[0]) != "k" { // probes are served
				return nil
			}
			return redcon.AppendError(nil, c.reply)
		})
		op := do(target, c.kind, "k", "v", 300*time.Millisecond)
		wantOutcome(t, op, c.want)
		if c.tries > 0 && op.Attempts > c.tries || c.tries == 0 && op.Attempts < 2 {
			t.Errorf("%s %v: %d attempts, want %d (0: several)", c.reply, c.kind, op.Attempts, c.tries)
		}
		if op.Err == nil || !strings.Contains(op.Err.Error(), c.reply) {
			t.Errorf("%s: error is %v", c.reply, op.Err)
		}
	}
}

// The connection breaks while the answer is awaited: a write is unknown and not sent again, a read is.
func TestBrokenConnection(t *testing.T) {
	server := startServer(t)
	target := startTarget(t, Options{Addrs: []string{server.Addr()}})
	waitReady(t, target)
	arrived := make(chan struct{}, 16)
	server.Answer(func(r resptest.Request) []byte {
		arrived <- struct{}{}
		return []byte{}
	})
	var ops sync.WaitGroup
	var write, read *loadgen.Op
	ops.Go(func() { write = do(target, loadgen.Set, "k", "v", 5*time.Second) })
	ops.Go(func() { read = do(target, loadgen.Get, "k", "", 5*time.Second) })
	<-arrived
	<-arrived
	addr := server.Addr()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := resptest.StartAt(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	ops.Wait()
	wantOutcome(t, write, loadgen.Unknown)
	wantOutcome(t, read, loadgen.OK)
	if write.Attempts != 1 || read.Attempts != 2 || !errors.Is(write.Err, ErrBroken) {
		t.Errorf("attempts %d and %d, want 1 and 2; error %v", write.Attempts, read.Attempts, write.Err)
	}
	if _, ok := again.Value("k"); ok {
		t.Error("the write was sent again")
	}
}

func TestDeadline(t *testing.T) {
	silent := startServer(t)
	target := startTarget(t, Options{Addrs: []string{silent.Addr()}})
	waitReady(t, target)
	silent.Answer(func(resptest.Request) []byte { return []byte{} })
	wantOutcome(t, do(target, loadgen.Set, "k", "v", 150*time.Millisecond), loadgen.Unknown) // owed an answer
	wantOutcome(t, do(target, loadgen.Get, "k", "", 150*time.Millisecond), loadgen.Failed)   // no effect

	dead := startServer(t)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	target = startTarget(t, Options{Addrs: []string{dead.Addr()}})
	op := do(target, loadgen.Set, "k", "v", 150*time.Millisecond) // never sent
	wantOutcome(t, op, loadgen.Failed)
	if op.Attempts != 0 || op.Sent != -1 || !errors.Is(op.Err, ErrDeadline) {
		t.Errorf("%d attempts, sent %v, error %v", op.Attempts, op.Sent, op.Err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := target.WaitReady(ctx); err == nil || !strings.Contains(err.Error(), dead.Addr()) {
		t.Errorf("got %v, want the address that refuses", err)
	}
}

// A leader that is paused keeps its connections: the others must be asked before its operations time out.
func TestSilentLeaderIsReplaced(t *testing.T) {
	paused, other := startServer(t), startServer(t)
	other.Answer(func(resptest.Request) []byte { return redcon.AppendError(nil, "MOVED 0 "+paused.Addr()) })
	target := startTarget(t, Options{Addrs: []string{paused.Addr(), other.Addr()}, SuspectAfter: 20 * time.Millisecond})
	waitReady(t, target)
	paused.Answer(func(resptest.Request) []byte { return []byte{} })
	other.Answer(nil)
	read := do(target, loadgen.Get, "k", "", 3*time.Second)
	wantOutcome(t, read, loadgen.OK)
	if took := read.Done - read.Intended; took > time.Second {
		t.Errorf("took %v", took)
	}
	wantOutcome(t, do(target, loadgen.Set, "k", "v", time.Second), loadgen.OK)
}

// After the leader's death the next one is found within the probe interval, give or take this machine.
func TestNextLeaderIsFoundQuickly(t *testing.T) {
	const electionTakes = 100 * time.Millisecond
	clk := clock.New()
	leader, next, third := startServer(t), startServer(t), startServer(t)
	down := func(resptest.Request) []byte { return redcon.AppendError(nil, "CLUSTERDOWN no leader") }
	next.Answer(down)
	third.Answer(down)
	target := startTarget(t, Options{Addrs: []string{third.Addr(), next.Addr(), leader.Addr()}, Clock: clk})
	waitReady(t, target)
	_ = leader.Close()
	killed := clk.Now()
	var elected time.Duration
	time.AfterFunc(electionTakes, func() {
		elected = clk.Now()
		next.Answer(nil)
	})
	op := do(target, loadgen.Set, "k", "v", 5*time.Second)
	if op.Outcome == loadgen.Unknown { // it was under way when the leader died
		op = do(target, loadgen.Set, "k", "v", 5*time.Second)
	}
	wantOutcome(t, op, loadgen.OK)
	if late := op.Done - elected; op.Done < killed+electionTakes || late > time.Second {
		t.Errorf("answered %v after the election, want a few ms", late)
	}
	t.Logf("answered %v after the election", op.Done-elected)
}

func TestCloseEndsEverything(t *testing.T) {
	silent := startServer(t)
	target := startTarget(t, Options{Addrs: []string{silent.Addr()}})
	waitReady(t, target)
	arrived := make(chan struct{}, 64)
	silent.Answer(func(resptest.Request) []byte { arrived <- struct{}{}; return []byte{} })
	var ops sync.WaitGroup
	var write, read *loadgen.Op
	ops.Go(func() { write = do(target, loadgen.Set, "k", "v", time.Minute) })
	ops.Go(func() { read = do(target, loadgen.Get, "k", "", time.Minute) })
	<-arrived
	<-arrived
	_ = target.Close()
	ops.Wait()
	wantOutcome(t, write, loadgen.Unknown)
	wantOutcome(t, read, loadgen.Failed)
	wantOutcome(t, do(target, loadgen.Set, "k", "v", time.Minute), loadgen.Failed)
}

func TestWaitingIsBounded(t *testing.T) {
	target := startTarget(t, Options{Addrs: []string{"127.0.0.1:1"}, WaitingMax: 3})
	var mu sync.Mutex
	outcomes := map[string]int{}
	var ops sync.WaitGroup
	for i := range 10 {
		ops.Add(1)
		now := target.clock.Now()
		target.Submit(&loadgen.Op{Kind: loadgen.Set, Key: fmt.Append(nil, i), Deadline: now + 100*time.Millisecond},
			func(op *loadgen.Op) {
				mu.Lock()
				defer mu.Unlock()
				outcomes[fmt.Sprint(op.Outcome, " ", errors.Is(op.Err, ErrOverload))]++
				ops.Done()
			})
	}
	ops.Wait()
	if outcomes["failed true"] != 7 || outcomes["failed false"] != 3 {
		t.Errorf("got %v, want 7 overloaded and 3 timed out", outcomes)
	}
}

func TestNextReply(t *testing.T) {
	for _, c := range []struct {
		in string
		n  int
		ok bool
	}{
		{"", 0, true}, {"+OK", 0, true}, {"+OK\r\n", 5, true}, {"$-1\r\n", 5, true}, {"$1\r\nx", 0, true},
		{"$1\r\nx\r\n:1\r\n", 7, true}, {"-ERR x\r\n", 8, true}, {"*1\r\n", 0, false}, {"HTTP/1.1 400", 0, false},
		{"+OK\n", 0, false}, {"$9223372036854775800\r\n", 0, false}, {"$92233720368547758", 0, false},
	} {
		if n, _, ok := nextReply([]byte(c.in)); n != c.n || ok != c.ok {
			t.Errorf("%q: got %d %v, want %d %v", c.in, n, ok, c.n, c.ok)
		}
	}
}

func TestMovedTo(t *testing.T) {
	for in, want := range map[string]string{
		"MOVED 0 10.0.0.1:7": "10.0.0.1:7", "MOVED 0 :7": "127.0.0.1:7",
		"MOVED 0": "", "MOVED 0 nowhere": "", "MOVED 0 x:": "",
	} {
		if got := movedTo([]byte(in), "127.0.0.1:5"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
