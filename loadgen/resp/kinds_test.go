package resp

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp/resptest"
)

// doOp runs op to its end.
func doOp(target *Target, op *loadgen.Op, timeout time.Duration) *loadgen.Op {
	now := target.clock.Now()
	op.Intended, op.Sent, op.Done, op.Deadline = now, -1, -1, now+timeout
	ended := make(chan struct{})
	target.Submit(op, func(*loadgen.Op) { close(ended) })
	<-ended
	return op
}

func TestIncrAndCASReturnWhatTheServerSays(t *testing.T) {
	server := startServer(t)
	target := startTarget(t, Options{Addrs: []string{server.Addr()}})
	incr := func() *loadgen.Op {
		return doOp(target, &loadgen.Op{Kind: loadgen.Incr, Key: []byte("n")}, 5*time.Second)
	}
	cas := func(old, value string) *loadgen.Op {
		return doOp(target, &loadgen.Op{
			Kind: loadgen.CAS, Key: []byte("k"), Old: []byte(old), Value: []byte(value),
		}, 5*time.Second)
	}
	for want := int64(1); want <= 3; want++ {
		op := incr()
		if wantOutcome(t, op, loadgen.OK); op.Number != want {
			t.Errorf("got %d, want %d", op.Number, want)
		}
	}
	wantOutcome(t, do(target, loadgen.Set, "k", "a", 5*time.Second), loadgen.OK)
	for _, c := range []struct {
		old, value string
		want       bool
	}{{"a", "b", true}, {"a", "c", false}, {"b", "c", true}} {
		op := cas(c.old, c.value)
		if wantOutcome(t, op, loadgen.OK); op.Swapped != c.want {
			t.Errorf("CAS from %s to %s: swapped %v, want %v", c.old, c.value, op.Swapped, c.want)
		}
	}
	wantOutcome(t, doOp(target, &loadgen.Op{Kind: loadgen.Incr, Key: []byte("k")}, 5*time.Second), loadgen.Failed)
}

// An INCR or CAS whose answer stays away may have happened: it ends unknown, and is sent once.
func TestIncrAndCASAreNotSentAgain(t *testing.T) {
	for _, kind := range []loadgen.OpKind{loadgen.Incr, loadgen.CAS} {
		server := startServer(t)
		var arrived atomic.Int64
		server.Answer(func(r resptest.Request) []byte {
			if string(r.Name) == "GET" {
				return nil
			}
			arrived.Add(1)
			return []byte{}
		})
		target := startTarget(t, Options{Addrs: []string{server.Addr()}, Clock: clock.New()})
		waitReady(t, target)
		op := doOp(target, &loadgen.Op{
			Kind: kind, Key: []byte("k"), Old: []byte("a"), Value: []byte("b"),
		}, 150*time.Millisecond)
		wantOutcome(t, op, loadgen.Unknown)
		if n := arrived.Load(); n != 1 || op.Attempts != 1 {
			t.Errorf("%v: %d arrived, %d attempts, want one", kind, n, op.Attempts)
		}
	}
}
