package link

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/wire"
)

// accepter is node 1, which dials nobody, with node 2 as its peer.
func accepter(t *testing.T, change func(*transport.Options)) (*Node, *lockedLog) {
	t.Helper()
	log := &lockedLog{}
	o := transport.Options{
		Self: 1, Cluster: "c", Incarnation: 10, Peers: map[raft.NodeID]string{2: "127.0.0.1:2"},
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	if change != nil {
		change(&o)
	}
	nobody := func(ctx context.Context, _ *Peer, _ transport.Lane) (Outgoing, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n, err := NewNode(o, nobody, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.Shutdown()
		n.Wait()
	})
	if err := n.Start(func(raft.Message) {}, func(raft.NodeID, bool) {}); err != nil {
		t.Fatal(err)
	}
	return n, log
}

type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) contains(words string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), words)
}

// helloOf is what node 2 says in one of its processes.
func helloOf(incarnation, instance uint64, lane transport.Lane) wire.Hello {
	return wire.Hello{
		Head: wire.OwnHead(), Lane: lane, From: 2, To: 1, Incarnation: incarnation, Instance: instance, Cluster: "c",
		Address: "127.0.0.1:2",
	}
}

func TestGreetingsThatAreRefused(t *testing.T) {
	authority, err := identity.NewAuthority("c")
	if err != nil {
		t.Fatal(err)
	}
	own, err := authority.Issue(1)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := accepter(t, func(o *transport.Options) { o.Identity = own })
	good := helloOf(1, 1, 0)
	if err := n.CheckHello(good, 2); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	for name, c := range map[string]struct {
		change        func(*wire.Hello)
		authenticated raft.NodeID
		reason        transport.Refusal
	}{
		"of an earlier version": {func(h *wire.Hello) {
			h.Head = wire.Head{Protocol: 3, ProtocolMin: 1}
		}, 2, transport.RefusedVersion},
		"of a later version": {func(h *wire.Hello) {
			h.Head = wire.Head{Protocol: 9, ProtocolMin: 7}
		}, 2, transport.RefusedVersion},
		"requires the unknown":    {func(h *wire.Hello) { h.Required = 1 << 63 }, 2, transport.RefusedFeature},
		"of another cluster":      {func(h *wire.Hello) { h.Cluster = "d" }, 2, transport.RefusedCluster},
		"to another node":         {func(h *wire.Hello) { h.To = 3 }, 2, transport.RefusedNode},
		"from this node":          {func(h *wire.Hello) { h.From = 1 }, 1, transport.RefusedSelf},
		"with another's name":     {func(h *wire.Hello) { h.From = 3 }, 2, transport.RefusedIdentity},
		"without a certificate":   {func(*wire.Hello) {}, raft.None, transport.RefusedIdentity},
		"certificate of another":  {func(*wire.Hello) {}, 3, transport.RefusedIdentity},
		"of nobody, who has none": {func(h *wire.Hello) { h.From = raft.None }, raft.None, transport.RefusedUnknownPeer},
	} {
		h := good
		c.change(&h)
		if err := n.CheckHello(h, c.authenticated); transport.OwnReasonOf(err) != c.reason {
			t.Errorf("%s: %v, want %v", name, err, c.reason)
		}
	}
	for name, change := range map[string]func(*wire.Hello){
		"an optional feature": func(h *wire.Hello) { h.Optional = 1<<64 - 1 },
		"a wider window":      func(h *wire.Hello) { h.Head = wire.Head{Protocol: 1 << 40} },
	} {
		h := good
		change(&h)
		if err := n.CheckHello(h, 2); err != nil {
			t.Errorf("%s: %v, want none", name, err)
		}
	}
}

func TestWelcomesThatAreRefused(t *testing.T) {
	n, _ := accepter(t, nil)
	good := wire.Welcome{Head: wire.OwnHead(), Node: 2, Cluster: "c"}
	if err := n.CheckWelcome(good, 2); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*wire.Welcome)
		reason transport.Refusal
		byPeer bool
	}{
		"version": {func(w *wire.Welcome) {
			w.Head = wire.Head{Protocol: 3, ProtocolMin: 3}
		}, transport.RefusedVersion, false},
		"feature": {func(w *wire.Welcome) { w.Required = 4 }, transport.RefusedFeature, false},
		"cluster": {func(w *wire.Welcome) { w.Cluster = "d" }, transport.RefusedCluster, false},
		"node":    {func(w *wire.Welcome) { w.Node = 3 }, transport.RefusedNode, false},
		"refused by a node of a later version": {func(w *wire.Welcome) {
			w.Head, w.Refusal = wire.Head{Protocol: 9, ProtocolMin: 8}, transport.RefusedVersion
		}, transport.RefusedVersion, true},
	} {
		w := good
		c.change(&w)
		before := n.Metrics()
		err := n.CheckWelcome(w, 2)
		if transport.ReasonOf(err) != c.reason || c.byPeer != (transport.OwnReasonOf(err) == transport.RefusedNone) {
			t.Errorf("%s: %v, want %v", name, err, c.reason)
		}
		after := n.Metrics()
		counts, counted := before.Refusals, after.Refusals
		if c.byPeer {
			counts, counted = before.RefusedBy, after.RefusedBy
		}
		if reason := c.reason.String(); counted[reason] != counts[reason]+1 {
			t.Errorf("%s: counted %d times, want once", name, counted[reason]-counts[reason])
		}
	}
}

// admitted admits a process and returns its connection.
type admitted struct {
	closed chan struct{}
	leave  func()
}

func admit(n *Node, h wire.Hello) (*admitted, error) {
	if err := n.CheckHello(h, raft.None); err != nil {
		return nil, err
	}
	a := &admitted{closed: make(chan struct{})}
	_, leave, err := n.Admit(h, func() { close(a.closed) })
	a.leave = leave
	return a, err
}

func (a *admitted) isClosed() bool {
	select {
	case <-a.closed:
		return true
	default:
		return false
	}
}

func TestOneProcessMayConnectAgain(t *testing.T) {
	n, log := accepter(t, nil)
	first, err := admit(n, helloOf(5, 50, 0))
	if err != nil {
		t.Fatal(err)
	}
	lane, err := admit(n, helloOf(5, 50, 1))
	if err != nil {
		t.Fatalf("another lane of the same process: %v", err)
	}
	second, err := admit(n, helloOf(5, 50, 0)) // the first one's end has not been noticed
	if err != nil || !first.isClosed() || lane.isClosed() {
		t.Fatalf("the same process again: %v; the first closed %v, another lane %v, want only the first",
			err, first.isClosed(), lane.isClosed())
	}
	second.leave()
	lane.leave()
	if _, err := admit(n, helloOf(5, 51, 0)); err != nil { // a transport without a disk, say
		t.Errorf("another process of the incarnation once the first is gone: %v", err)
	}
	if log.contains("two processes") {
		t.Error("an alarm about nothing")
	}
}

// TestTwoProcessesOfOneIncarnation has two processes that are the same node: neither may go on, until one is gone.
func TestTwoProcessesOfOneIncarnation(t *testing.T) {
	n, log := accepter(t, nil)
	first, err := admit(n, helloOf(5, 50, 0))
	if err != nil {
		t.Fatal(err)
	}
	duplicate := func(what string, h wire.Hello) {
		t.Helper()
		if _, err := admit(n, h); transport.OwnReasonOf(err) != transport.RefusedDuplicate {
			t.Errorf("%s: %v, want %v", what, err, transport.RefusedDuplicate)
		}
	}
	duplicate("the second", helloOf(5, 51, 1))
	if !first.isClosed() {
		t.Error("the first stays connected")
	}
	first.leave()
	duplicate("the first again", helloOf(5, 50, 0))
	duplicate("the second again", helloOf(5, 51, 1))
	moved := helloOf(5, 50, 0)
	moved.Address = "127.0.0.1:3" // the same process twice, as of a machine that was cloned
	duplicate("the first at another address", moved)
	if !log.contains("level=ERROR") || !log.contains("two processes are the same node") {
		t.Error("no alarm")
	}
	newer, err := admit(n, helloOf(6, 60, 0))
	if err != nil {
		t.Fatalf("a newer incarnation: %v", err)
	}
	if _, err := admit(n, helloOf(5, 50, 1)); transport.OwnReasonOf(err) != transport.RefusedStale {
		t.Errorf("the first beside a newer incarnation: %v, want %v", err, transport.RefusedStale)
	}
	newer.leave()
}

// TestDuplicateIsOverWhenOneIsLeft lets the time pass in which a process that was refused counts as alive.
func TestDuplicateIsOverWhenOneIsLeft(t *testing.T) {
	n, _ := accepter(t, nil)
	first, err := admit(n, helloOf(5, 50, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admit(n, helloOf(5, 51, 0)); err == nil {
		t.Fatal("both were admitted")
	}
	first.leave()
	p := n.Peer(2)
	p.mu.Lock()
	for i := range p.rivals {
		if p.rivals[i].instance == 51 {
			p.rivals[i].refused = time.Now().Add(-duplicateHold - time.Second)
		}
	}
	p.mu.Unlock()
	if _, err := admit(n, helloOf(5, 50, 0)); err != nil {
		t.Errorf("the first, once the second has not been heard of for long: %v", err)
	}
}

// TestTwoProcessesInBothDirections has one process that dials, and finds another one where it dials itself.
func TestTwoProcessesInBothDirections(t *testing.T) {
	n, _ := accepter(t, nil)
	first, err := admit(n, helloOf(5, 50, 0))
	if err != nil {
		t.Fatal(err)
	}
	welcome := wire.Welcome{
		Head: wire.OwnHead(), Node: 2, Cluster: "c", Incarnation: 5, Instance: 50, Address: "127.0.0.1:2",
	}
	if err := n.CheckWelcome(welcome, 2); err != nil {
		t.Errorf("the same process: %v", err)
	}
	welcome.Instance = 51
	var refused *transport.RefusedError
	if err := n.CheckWelcome(welcome, 2); !errors.As(err, &refused) || refused.Reason != transport.RefusedDuplicate {
		t.Errorf("another process: %v, want %v", err, transport.RefusedDuplicate)
	}
	if !first.isClosed() {
		t.Error("the one that dialed stays connected")
	}
}
