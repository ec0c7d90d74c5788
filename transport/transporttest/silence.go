package transporttest

import (
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// testSilence freezes what is between two nodes: nobody is told, and each notices on all of its connections. Before
// that, nothing is said for a while, and nothing breaks.
func testSilence(e *env) {
	if e.config.Proxy == nil {
		e.Skip("there is nothing between the nodes")
	}
	const dead = 500 * time.Millisecond
	nodes := make([]*node, 2)
	proxies := make([]*Proxy, 2)
	for i := range nodes {
		options := e.options(raft.NodeID(i + 1))
		options.DeadPeerTimeout = dead
		nodes[i] = e.open(options)
		proxies[i] = e.config.Proxy(e, nodes[i].addr)
	}
	nodes[0].start(map[raft.NodeID]string{2: proxies[1].Addr})
	nodes[1].start(map[raft.NodeID]string{1: proxies[0].Addr})
	connectAll := func(seq uint64) {
		for i, n := range nodes {
			other := nodes[1-i]
			for _, kind := range []raft.MessageKind{raft.MsgHeartbeat, raft.MsgAppend, raft.MsgSnapshot} {
				m := exampleOf(kind, n.id, other.id)
				m.Seq = seq
				n.insist(other, m)
			}
		}
		e.eventually("all lanes are connected, both ways", func() bool {
			return nodes[0].connected(2) == 2*transport.LaneCount && nodes[1].connected(1) == 2*transport.LaneCount
		})
	}
	connectAll(1)
	before := nodes[0].Metrics().Disconnects + nodes[1].Metrics().Disconnects
	late := sleepWatched(3 * dead) // nothing happens that could be waited for
	if after := nodes[0].Metrics().Disconnects + nodes[1].Metrics().Disconnects; after != before {
		if late < dead/4 {
			e.Errorf("%d quiet connections broke", after-before)
		} else {
			e.Logf("%d quiet connections broke, and this process stood still for %v", after-before, late)
		}
		connectAll(3)
	}
	for _, p := range proxies {
		p.Freeze(true)
	}
	begin := time.Now()
	for i, n := range nodes {
		peer := nodes[1-i].id
		e.eventually("every connection is given up", func() bool { return n.connected(peer) == 0 })
		took := time.Since(begin)
		e.Logf("node %d: nothing was connected %v after the freeze; dead peer timeout %v", n.id, took, dead)
		if took > 2*dead {
			e.Errorf("node %d: all connections were given up after %v, want %v", n.id, took, dead)
		}
		if m := n.Metrics(); m.DeadPeers == 0 {
			e.Errorf("node %d counted no dead peer:\n%v", n.id, m)
		}
	}
	for _, p := range proxies {
		p.Freeze(false)
	}
	connectAll(2)
}

// sleepWatched sleeps, and returns the longest time by which the process was late meanwhile: a machine that is busy
// with other tests can hold up the answers of a peer that is well.
func sleepWatched(d time.Duration) (late time.Duration) {
	const step = 10 * time.Millisecond
	for end := time.Now().Add(d); time.Now().Before(end); {
		begin := time.Now()
		time.Sleep(step)
		late = max(late, time.Since(begin)-step)
	}
	return late
}
