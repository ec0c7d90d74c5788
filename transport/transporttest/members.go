package transporttest

import (
	"maps"
	"runtime"
	"sync"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// each runs the cases that the transport can be put to, each with nodes of its own.
func (e *env) each(cases []subcase) {
	t, ok := e.TB.(*testing.T)
	if !ok {
		e.Fatal("needs *testing.T")
	}
	for _, c := range cases {
		if !c.needsAddresses || !e.config.ByID {
			t.Run(c.name, func(t *testing.T) { c.run(e.sub(t)) })
		}
	}
}

type subcase struct {
	name           string
	run            func(*env)
	needsAddresses bool
}

func testMembers(e *env) {
	e.each([]subcase{
		{"add", testAdd, false},
		{"remove", testRemove, false},
		{"put_back", testPutBack, false},
		{"move", testMove, true},
		{"churn", testChurn, false},
		{"closed", testSetPeersOfClosed, false},
	})
}

// setPeers replaces the node's peers while it runs.
func (n *node) setPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) {
	n.env.Helper()
	if err := n.SetPeers(peers, removedUpTo); err != nil {
		n.env.Fatalf("set peers of node %d: %v", n.id, err)
	}
}

// connected says that as many connections with that peer are up.
func (n *node) connected(peer raft.NodeID) int {
	ups, downs := n.heard(peer)
	return ups - downs
}

func testAdd(e *env) {
	nodes := e.cluster(2, nil)
	late := e.open(e.options(3))
	late.start(nil) // it knows nobody
	peers := addresses(nodes[0], nodes[1], late)
	for _, n := range nodes {
		n.setPeers(peers, 0)
	}
	for i, n := range nodes {
		n.insist(late, heartbeat(n.id, 3, uint64(i+1)))
		if m := n.Metrics(); m.Peers != 2 || m.LearnedPeers != 0 {
			e.Errorf("node %d has %d peers and %d learned ones, want 2 and 0", n.id, m.Peers, m.LearnedPeers)
		}
	}
	nodes[0].insist(nodes[1], heartbeat(1, 2, 9))
	e.eventually("the others are connected as before", func() bool {
		return nodes[0].connected(2) == 4 && nodes[1].connected(1) == 4
	})
}

func testRemove(e *env) {
	nodes := e.cluster(3, nil)
	stay := addresses(nodes[0], nodes[1])
	e.eventually("everybody is connected to node 3 both ways", func() bool {
		return nodes[0].connected(3) == 4 && nodes[1].connected(3) == 4
	})
	for _, n := range nodes[:2] {
		n.setPeers(stay, 3)
		if n.connected(3) != 0 {
			e.Errorf("node %d: %d connections with node 3 are up after it was removed", n.id, n.connected(3))
		}
		before := n.Metrics().Drops["unknown_peer"]
		if n.Send(heartbeat(n.id, 3, unwanted)) {
			e.Errorf("node %d took a message to a node that was removed", n.id)
		}
		if got := n.Metrics().Drops["unknown_peer"] - before; got != 1 {
			e.Errorf("node %d counted %d messages to an unknown peer, want 1", n.id, got)
		}
	}
	e.eventually("the removed node is refused, and knows why", func() bool {
		nodes[2].Send(heartbeat(3, 1, unwanted))
		return nodes[0].Metrics().Refusals["removed"] > 0 && nodes[1].Metrics().Refusals["removed"] > 0 &&
			nodes[2].Metrics().RefusedBy["removed"] >= 2
	})
	for len(nodes[0].messages) > 0 { // what was under way when it was removed
		nodes[0].receive()
	}
	if nodes[2].Send(heartbeat(3, 1, unwanted)); nodes[0].connected(3) != 0 || nodes[0].Metrics().LearnedPeers != 0 {
		e.Error("a removed node is connected")
	}
	nodes[0].insist(nodes[1], heartbeat(1, 2, 1))
	if len(nodes[0].messages) > 0 {
		e.Errorf("node 1 received %+v from a removed node", nodes[0].receive())
	}
}

// testPutBack removes a node and takes that back, as the configuration does when it is truncated.
func testPutBack(e *env) {
	nodes := e.cluster(3, nil)
	all := addresses(nodes...)
	for seq := range uint64(3) {
		nodes[0].setPeers(addresses(nodes[0], nodes[1]), 3)
		nodes[0].setPeers(all, 3)
		nodes[0].insist(nodes[2], heartbeat(1, 3, seq))
		for len(nodes[0].messages) > 0 {
			nodes[0].receive()
		}
		nodes[2].insist(nodes[0], heartbeat(3, 1, seq))
	}
	nodes[1].insist(nodes[2], heartbeat(2, 3, 9))
}

// testMove starts node 2 anew at another address, where it cannot reach node 1 by itself.
func testMove(e *env) {
	nodes := e.cluster(2, nil)
	moved := e.open(e.options(2))
	moved.start(nil)
	nodes[0].setPeers(addresses(nodes[0], moved), 0)
	nodes[0].insist(moved, heartbeat(1, 2, 1))
	e.eventually("the connections to the old address are closed", func() bool { return nodes[1].connected(1) <= 2 })
	for len(nodes[1].messages) > 0 {
		nodes[1].receive()
	}
	nodes[0].setPeers(addresses(nodes...), 0)
	nodes[0].insist(nodes[1], heartbeat(1, 2, 2))
}

// testChurn changes the peers while everybody sends, and counts the goroutines.
func testChurn(e *env) {
	nodes := e.cluster(3, nil)
	for _, n := range nodes { // a queue of its own is not what this is about
		go func() {
			for range n.messages {
			}
		}()
	}
	all := addresses(nodes...)
	before := runtime.NumGoroutine()
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for _, n := range nodes {
		senders.Go(func() {
			for seq := uint64(0); ; seq++ {
				select {
				case <-stop:
					return
				default:
				}
				for _, to := range []raft.NodeID{1, 2, 3, 9} {
					n.Send(exampleOf(raft.MessageKind(1+seq%13), n.id, to))
				}
				runtime.Gosched()
			}
		})
	}
	more := maps.Clone(all)
	more[9] = "127.0.0.1:9" // nobody is there
	for round := range 30 {
		nodes[0].setPeers(more, 0)
		nodes[1].setPeers(all, 0)
		nodes[0].Metrics()
		nodes[0].setPeers(all, 9)
		nodes[1].setPeers(addresses(nodes[0], nodes[1]), raft.NodeID(3*(round%2)))
	}
	close(stop)
	senders.Wait()
	nodes[1].setPeers(all, 0)
	e.eventually("everybody is connected again", func() bool {
		for _, n := range nodes {
			for _, other := range nodes {
				if n != other && n.connected(other.id) < 4 {
					return false
				}
			}
		}
		return true
	})
	sent := nodes[1].Metrics().Lanes[transport.LaneControl].MessagesReceived
	e.eventually("messages pass", func() bool {
		nodes[2].Send(heartbeat(3, 2, 1))
		return nodes[1].Metrics().Lanes[transport.LaneControl].MessagesReceived > sent
	})
	// The snapshot lanes are connected now and were not before: in each of six directions, at both ends, a
	// connection takes at most a few goroutines.
	const snapshotLanes = 6 * 6
	e.eventually("the goroutines of removed peers end", func() bool {
		return runtime.NumGoroutine() <= before+snapshotLanes
	})
}

func testSetPeersOfClosed(e *env) {
	n := e.open(e.options(1))
	n.start(nil)
	if err := n.Close(); err != nil {
		e.Fatal(err)
	}
	if err := n.SetPeers(map[raft.NodeID]string{2: "127.0.0.1:9"}, 0); err == nil {
		e.Error("the peers of a closed transport were set")
	}
}
