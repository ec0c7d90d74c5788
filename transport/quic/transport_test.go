package quic_test

import (
	"errors"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/quic"
)

// nowhere is an address that nobody answers at: the discard port.
const nowhere = "127.0.0.1:9"

type pair struct {
	t         *testing.T
	ids       [3]*identity.Identity
	delivered [3]chan raft.Message
	nodes     [3]*quic.Transport
	stall     [3]func(raft.Message) // may hold up a delivery
}

func newPair(t *testing.T) *pair {
	authority, err := identity.NewAuthority("pair")
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t}
	for i := 1; i <= 2; i++ {
		if p.ids[i], err = authority.Issue(raft.NodeID(i)); err != nil {
			t.Fatal(err)
		}
		p.delivered[i] = make(chan raft.Message, 1<<12)
	}
	return p
}

func (p *pair) open(id int, incarnation uint64, listen string) *quic.Transport {
	p.t.Helper()
	node, err := quic.New(transport.Options{
		Self: raft.NodeID(id), Cluster: "pair", Incarnation: incarnation, Listen: listen, Identity: p.ids[id],
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = node.Close() })
	p.nodes[id] = node
	return node
}

func (p *pair) start(id int, peer string) {
	p.t.Helper()
	if err := p.nodes[id].SetPeers(map[raft.NodeID]string{raft.NodeID(3 - id): peer}, 0); err != nil {
		p.t.Fatal(err)
	}
	deliver := func(m raft.Message) {
		if stall := p.stall[id]; stall != nil {
			stall(m)
		}
		p.delivered[id] <- m
	}
	if err := p.nodes[id].Start(deliver, func(raft.NodeID, bool) {}); err != nil {
		p.t.Fatal(err)
	}
}

// reach sends heartbeats every few milliseconds until one with this seq arrives, and returns after how long.
func (p *pair) reach(from, to int, seq uint64) time.Duration {
	p.t.Helper()
	begin := time.Now()
	for time.Since(begin) < 10*time.Second {
		p.nodes[from].Send(raft.Message{
			Kind: raft.MsgHeartbeat, From: raft.NodeID(from), To: raft.NodeID(to), Seq: seq, Term: 1 << 40, Commit: 1 << 40,
		})
		select {
		case m := <-p.delivered[to]:
			if m.Seq == seq {
				return time.Since(begin)
			}
		case <-time.After(5 * time.Millisecond):
		}
	}
	p.t.Fatalf("node %d did not reach node %d; metrics:\n%v", from, to, p.nodes[from].Metrics())
	return 0
}

func TestNodeThatVanishedIsReachedAgainWhenItDials(t *testing.T) {
	p := newPair(t)
	a, b := p.open(1, 1, ""), p.open(2, 1, "")
	p.start(1, b.Addr())
	p.start(2, a.Addr())
	p.reach(1, 2, 1)
	p.reach(2, 1, 2)
	if err := b.Vanish(); err != nil {
		t.Fatal(err)
	}
	p.open(2, 2, b.Addr())
	p.start(2, a.Addr())
	towards := p.reach(2, 1, 3)
	took := p.reach(1, 2, 4)
	t.Logf("heard from it after %v, reached it after another %v", towards, took)
	if took > time.Second {
		t.Errorf("reached after %v", took)
	}
}

func TestNodeThatVanishedIsReachedAgainByStatelessReset(t *testing.T) {
	p := newPair(t)
	a, b := p.open(1, 1, ""), p.open(2, 1, "")
	p.start(1, b.Addr())
	p.start(2, a.Addr())
	p.reach(1, 2, 1)
	if err := b.Vanish(); err != nil {
		t.Fatal(err)
	}
	p.open(2, 2, b.Addr())
	p.start(2, nowhere) // so that it cannot tell
	took := p.reach(1, 2, 2)
	t.Logf("reached after %v", took)
	if took > time.Second/2 {
		t.Errorf("reached after %v, want less than half of DeadPeerTimeout", took)
	}
}

func TestIdentityIsRequired(t *testing.T) {
	_, err := quic.New(transport.Options{Self: 1, Cluster: "c"})
	if !errors.Is(err, transport.ErrIdentityRequired) {
		t.Errorf("New without an identity: %v, want %v", err, transport.ErrIdentityRequired)
	}
}
