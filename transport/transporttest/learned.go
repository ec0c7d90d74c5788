package transporttest

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

func testLearned(e *env) {
	e.each([]subcase{
		{"answered", testAnswered, false},
		{"made_peer", testMadePeer, false},
		{"most", testLearnedMost, false},
		{"forgotten", testForgotten, false},
		{"moved", testLearnedMoved, true},
		{"address", testUselessAddress, true},
		{"removed", testRemovedIsNotLearned, false},
	})
}

// stranger opens two nodes of which only the first knows the other.
func (e *env) stranger(change func(*transport.Options)) (a, b *node) {
	options := e.options(2)
	if change != nil {
		change(&options)
	}
	a, b = e.open(e.options(1)), e.open(options)
	b.start(nil)
	a.start(map[raft.NodeID]string{2: b.addr})
	return a, b
}

func testAnswered(e *env) {
	a, b := e.stranger(nil)
	a.insist(b, heartbeat(1, 2, 1))
	if b.Metrics().Connects != 0 {
		e.Error("a learned peer was dialed although nothing was sent to it")
	}
	for seq, kind := range []raft.MessageKind{raft.MsgVoteReply, raft.MsgAppendReply, raft.MsgSnapshotReply} {
		m := exampleOf(kind, 2, 1)
		m.Seq = uint64(seq)
		b.push(m)
		if got := a.receive(); !sameMessage(got, m) {
			e.Errorf("got %+v, want %+v", got, m)
		}
	}
	if m := b.Metrics(); m.Peers != 0 || m.LearnedPeers != 1 {
		e.Errorf("%d peers and %d learned ones, want 0 and 1", m.Peers, m.LearnedPeers)
	}
}

// testMadePeer learns a peer and is then told of it: nothing that is connected breaks.
func testMadePeer(e *env) {
	a, b := e.stranger(nil)
	a.insist(b, heartbeat(1, 2, 1))
	b.push(heartbeat(2, 1, 1))
	a.receive()
	b.setPeers(map[raft.NodeID]string{1: a.addr}, 1)
	if m := b.Metrics(); m.Peers != 1 || m.LearnedPeers != 0 {
		e.Errorf("%d peers and %d learned ones, want 1 and 0", m.Peers, m.LearnedPeers)
	}
	e.eventually("both lanes are connected without being used", func() bool { return b.Metrics().Connects >= 2 })
	a.insist(b, heartbeat(1, 2, 2))
	e.eventually("every lane in use is connected", func() bool { return b.connected(1) == 4 && a.connected(2) == 4 })
}

func testLearnedMost(e *env) {
	a, b := e.stranger(func(o *transport.Options) { o.LearnedPeersMax = 1 })
	a.insist(b, heartbeat(1, 2, 1))
	third := e.open(e.options(3))
	third.start(map[raft.NodeID]string{2: b.addr})
	e.refused(third, b, transport.RefusedCrowd)
	if err := a.Close(); err != nil {
		e.Fatal(err)
	}
	third.insist(b, heartbeat(3, 2, 2)) // who is gone makes room
	if n := b.Metrics().LearnedPeers; n != 1 {
		e.Errorf("%d learned peers, want 1", n)
	}
}

func testForgotten(e *env) {
	a, b := e.stranger(func(o *transport.Options) { o.LearnedIdleTimeout = 20 * time.Millisecond })
	a.insist(b, heartbeat(1, 2, 1))
	time.Sleep(2 * 20 * time.Millisecond) // as long as it is connected it is not idle
	if !b.Send(heartbeat(2, 1, 1)) {
		e.Error("a learned peer was forgotten while it was connected")
	}
	a.receive()
	if err := a.Close(); err != nil {
		e.Fatal(err)
	}
	e.eventually("the peer is forgotten", func() bool { return b.Metrics().LearnedPeers == 0 })
	before := b.Metrics().Drops["unknown_peer"]
	if b.Send(heartbeat(2, 1, 2)) || b.Metrics().Drops["unknown_peer"] != before+1 {
		e.Error("a message to a peer that was forgotten was taken, or not counted")
	}
}

// testLearnedMoved starts a learned peer anew at another address, which it tells by connecting.
func testLearnedMoved(e *env) {
	a, b := e.stranger(nil)
	a.insist(b, heartbeat(1, 2, 1))
	b.push(heartbeat(2, 1, 1))
	a.receive()
	if err := a.Close(); err != nil {
		e.Fatal(err)
	}
	moved := e.open(e.options(1))
	moved.start(map[raft.NodeID]string{2: b.addr})
	moved.insist(b, heartbeat(1, 2, 2))
	b.insist(moved, heartbeat(2, 1, 3))
}

func testUselessAddress(e *env) {
	options := e.options(1)
	options.Advertise = "127.0.0.1:0"
	a, b := e.open(options), e.open(e.options(2))
	b.start(nil)
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedAddress)
	e.refusedBy(a, transport.RefusedAddress)
	b.setPeers(map[raft.NodeID]string{1: a.addr}, 0) // then nobody needs what it advertises
	b.insist(a, heartbeat(2, 1, 1))
	a.insist(b, heartbeat(1, 2, 1))
}

func testRemovedIsNotLearned(e *env) {
	a, b := e.open(e.options(1)), e.open(e.options(2))
	b.setPeers(nil, 1)
	if err := b.Start(func(m raft.Message) { b.messages <- m }, b.hear); err != nil {
		e.Fatal(err)
	}
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedRemoved)
	e.refusedBy(a, transport.RefusedRemoved)
}

// refusedBy waits until the node was told why it is refused.
func (e *env) refusedBy(n *node, reason transport.Refusal) {
	e.Helper()
	e.eventually("the refused side knows why", func() bool { return n.Metrics().RefusedBy[reason.String()] > 0 })
}

// gate is an Options.Admit that remembers.
type gate struct {
	mu    sync.Mutex
	known map[raft.NodeID]uint64
	asked map[raft.NodeID]int
}

func newGate(known map[raft.NodeID]uint64) *gate {
	return &gate{known: known, asked: map[raft.NodeID]int{}}
}

func (g *gate) admit(greeting transport.Greeting) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[greeting.Node]++
	if g.known[greeting.Node] != greeting.Disk {
		return errors.New("known with another disk")
	}
	return nil
}

func (g *gate) times(node raft.NodeID) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[node]
}

func testDisk(e *env) {
	e.each([]subcase{
		{"admitted", testDiskAdmitted, false},
		{"hello", testDiskOfHello, false},
		{"welcome", testDiskOfWelcome, false},
		{"learned", testDiskOfLearned, false},
		{"life", testLife, false},
	})
}

// testLife sees all of a greeting at both ends, and refuses it for a reason of its own.
func testLife(e *env) {
	lives := map[raft.NodeID]transport.Greeting{
		1: {Node: 1, Disk: 100, Incarnation: 11, Nonce: 12, Previous: []uint64{13, 14}},
		2: {Node: 2, Disk: 200, Incarnation: 1<<64 - 1, Nonce: 1<<64 - 2},
	}
	heard := make(chan transport.Greeting, 64)
	open := func(id raft.NodeID, admit func(transport.Greeting) error) *node {
		options, life := e.options(id), lives[id]
		options.Disk, options.Incarnation, options.Nonce, options.Previous =
			life.Disk, life.Incarnation, life.Nonce, life.Previous
		options.Admit = func(g transport.Greeting) error {
			select {
			case heard <- g:
			default:
			}
			return admit(g)
		}
		return e.open(options)
	}
	a := open(1, func(transport.Greeting) error { return nil })
	b := open(2, func(transport.Greeting) error {
		return transport.Refused(transport.RefusedLife, "a later one was seen")
	})
	b.start(map[raft.NodeID]string{1: a.addr})
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedLife)
	e.refusedBy(a, transport.RefusedLife)
	e.eventually("both logs say what is wrong", func() bool {
		return a.log.contains("was rolled back or copied") && b.log.contains("a later one was seen")
	})
	seen := map[raft.NodeID]bool{}
	e.eventually("both greetings were heard", func() bool {
		select {
		case g := <-heard:
			seen[g.Node] = true
			if want := lives[g.Node]; !reflect.DeepEqual(g, want) {
				e.Fatalf("heard %+v, want %+v", g, want)
			}
		default:
		}
		return seen[1] && seen[2]
	})
}

// disks opens two nodes with the disks 100 and 200, each with a gate.
func (e *env) disks(first, second *gate) (a, b *node) {
	open := func(id raft.NodeID, g *gate) *node {
		options := e.options(id)
		options.Disk = 100 * uint64(id)
		if g != nil {
			options.Admit = g.admit
		}
		return e.open(options)
	}
	return open(1, first), open(2, second)
}

func testDiskAdmitted(e *env) {
	g1, g2 := newGate(map[raft.NodeID]uint64{2: 200}), newGate(map[raft.NodeID]uint64{1: 100})
	a, b := e.disks(g1, g2)
	peers := addresses(a, b)
	a.start(peers)
	b.start(peers)
	a.insist(b, heartbeat(1, 2, 1))
	b.insist(a, heartbeat(2, 1, 1))
	if g1.times(2) < 2 || g2.times(1) < 2 {
		e.Errorf("asked %d and %d times, want once for a connection of each direction", g1.times(2), g2.times(1))
	}
}

func testDiskOfHello(e *env) {
	a, b := e.disks(nil, newGate(map[raft.NodeID]uint64{1: 99}))
	b.start(map[raft.NodeID]string{1: a.addr})
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedDisk)
	e.refusedBy(a, transport.RefusedDisk)
	e.eventually("both logs say what is wrong", func() bool {
		return a.log.contains("a wiped node must join under a new id") && b.log.contains("known with another disk")
	})
}

// testDiskOfWelcome dials a node whose disk is another: it is hung up on before it is told anything.
func testDiskOfWelcome(e *env) {
	a, b := e.disks(newGate(map[raft.NodeID]uint64{2: 99}), nil)
	b.start(nil)
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedDisk)
	if n := a.Metrics().Refusals["disk"]; n == 0 {
		e.Error("the dialer did not count that it refused")
	}
	e.refusedBy(b, transport.RefusedDisk)
}

func testDiskOfLearned(e *env) {
	a, b := e.disks(nil, newGate(nil))
	b.start(nil)
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedDisk)
	if n := b.Metrics().LearnedPeers; n != 0 {
		e.Errorf("%d learned peers, want 0: it was refused for its disk", n)
	}
}
