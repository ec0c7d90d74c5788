package wholetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
)

// hotKeys is how many keys are written again and again; the others are written once, so that the loss of each single
// write shows.
const hotKeys = 4

// client writes and reads, one operation at a time, as what a client of the server does.
type client struct {
	c      *cluster
	rng    *rand.Rand
	leader raft.NodeID // as far as it knows
	large  bool        // some values are
}

// run works until stop is closed.
func (cl *client) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if cl.rng.IntN(3) == 0 {
			cl.read()
		} else {
			cl.write()
		}
		if cl.rng.IntN(4) == 0 {
			time.Sleep(time.Duration(cl.rng.IntN(4_000)) * time.Microsecond)
		}
	}
}

// pick returns the node to ask, or nil.
func (cl *client) pick() *node {
	nodes := cl.c.running()
	if len(nodes) == 0 {
		return nil
	}
	if i := slices.IndexFunc(nodes, func(n *node) bool { return n.id == cl.leader }); i >= 0 && cl.rng.IntN(20) > 0 {
		return nodes[i]
	}
	return nodes[cl.rng.IntN(len(nodes))]
}

// heed learns from an error who leads, and waits a little.
func (cl *client) heed(err error) {
	if err == nil {
		return
	}
	cl.leader = raft.None
	var other replica.ErrNotLeader
	if errors.As(err, &other) {
		cl.leader = other.Leader
	}
	time.Sleep(time.Duration(1+cl.rng.IntN(10)) * time.Millisecond)
}

// attempt is how long a client waits for an answer.
const attempt = 500 * time.Millisecond

// key returns what to write a value of size to. Large ones are written over: the state stays small.
func (cl *client) key(once string, size int) string {
	if size > smallMax || cl.rng.IntN(2) == 0 {
		return fmt.Sprintf("hot%d", cl.rng.IntN(hotKeys))
	}
	return "once" + once
}

// smallMax is the size of most values, at most.
const smallMax = 200

func (cl *client) size() int {
	if cl.large && cl.rng.IntN(8) == 0 {
		return 16<<10 + cl.rng.IntN(64<<10)
	}
	return cl.rng.IntN(smallMax)
}

func (cl *client) write() {
	n := cl.pick()
	if n == nil {
		cl.heed(replica.ErrBusy)
		return
	}
	h, dark := cl.c.history, &cl.c.disk.dark
	size := cl.size()
	id, value := h.newValue(size)
	op := check.Op{Kind: loadgen.Set, Key: cl.key(id, size), Value: id, Sent: h.call()}
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	reply, err := n.ProposeWait(ctx, kv.AppendSet(nil, []byte(op.Key), []byte(value), 0))
	cancel()
	switch {
	case err == nil:
		if r, bad := kv.DecodeReply(reply); bad != nil || r.Kind != kv.ReplyOK {
			cl.c.faults.addf("a write was answered %v, %v", r, bad)
		}
		op.Outcome = loadgen.OK
	case replica.Definite(err):
		op.Outcome = loadgen.Failed
	default:
		op.Outcome = loadgen.Unknown
	}
	h.done(op, func() bool { return !dark.Load() })
	cl.heed(err)
}

func (cl *client) read() {
	n := cl.pick()
	if n == nil {
		cl.heed(replica.ErrBusy)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	defer cancel()
	cl.heed(cl.c.readKeys(ctx, n, []string{fmt.Sprintf("hot%d", cl.rng.IntN(hotKeys))}, false))
}

// readKeys reads keys linearizably at n, and notes what it saw.
func (c *cluster) readKeys(ctx context.Context, n *node, keys []string, final bool) error {
	h, dark := c.history, &c.disk.dark
	sent := h.call()
	if _, err := n.ReadIndex(ctx); err != nil {
		return err
	}
	for _, key := range keys {
		op := check.Op{Kind: loadgen.Get, Key: key, Final: final, Sent: sent}
		reply, err := n.machine.Read(kv.AppendGet(nil, []byte(key)))
		if err != nil {
			return err
		}
		r, err := kv.DecodeReply(reply)
		switch {
		case err != nil:
			return err
		case r.Kind == kv.ReplyNil:
		case r.Kind == kv.ReplyBulk:
			op.Value = idOf(r.Bulk)
		default:
			return fmt.Errorf("a read was answered %v", r)
		}
		h.done(op, func() bool { return !dark.Load() })
	}
	return nil
}
