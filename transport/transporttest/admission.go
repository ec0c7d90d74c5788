package transporttest

import (
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

func testAdmission(e *env) {
	t, ok := e.TB.(*testing.T)
	if !ok {
		e.Fatal("admission needs *testing.T")
	}
	for _, c := range []struct {
		name string
		run  func(*env)
		skip bool
	}{
		{"cluster", testWrongCluster, false},
		{"unknown_peer", testUnknownPeer, false},
		{"from", testWrongFrom, false},
		{"node", testWrongNode, e.config.ByID},
		{"self", testSelf, e.config.ByID},
		{"incarnation", testIncarnation, e.config.ByID},
	} {
		if !c.skip {
			t.Run(c.name, func(t *testing.T) { c.run(e.sub(t)) })
		}
	}
}

// unwanted is the Seq of messages that must not arrive.
const unwanted = 999

// refused waits until one of the nodes has refused the other for one of the reasons, and checks that node to
// received nothing.
func (e *env) refused(from, to *node, reasons ...transport.Refusal) {
	e.Helper()
	e.eventually("the connection is refused", func() bool {
		from.Send(heartbeat(from.id, to.id, unwanted))
		for _, reason := range reasons {
			if from.Metrics().Refusals[reason.String()]+to.Metrics().Refusals[reason.String()] > 0 {
				return true
			}
		}
		return false
	})
	for len(to.messages) > 0 {
		if m := to.receive(); m.Seq == unwanted {
			e.Errorf("node %d received %+v", to.id, m)
		}
	}
	if metrics := from.Metrics(); metrics.Lanes[0].MessagesSent > 0 {
		e.Errorf("node %d sent messages:\n%v", from.id, metrics)
	}
}

func testWrongCluster(e *env) {
	stranger := e.options(1)
	stranger.Cluster = "elsewhere"
	a, b := e.open(stranger), e.open(e.options(2))
	b.start(map[raft.NodeID]string{1: a.addr})
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedCluster, transport.RefusedIdentity)
}

func testUnknownPeer(e *env) {
	options := e.options(2)
	options.PeersOnly = true
	a, b := e.open(e.options(1)), e.open(options)
	b.start(nil)
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedUnknownPeer)
}

// testWrongNode dials node 2 under the id 3.
func testWrongNode(e *env) {
	options := e.options(1)
	options.PeersOnly = true // so that it does not learn who node 2 is
	a, b := e.open(options), e.open(e.options(2))
	b.start(map[raft.NodeID]string{1: a.addr})
	a.start(map[raft.NodeID]string{3: b.addr})
	a.Send(heartbeat(1, 3, 1))
	e.refused(a, b, transport.RefusedNode, transport.RefusedIdentity)
}

// testSelf connects two nodes that both say that they are node 1.
func testSelf(e *env) {
	a, b := e.open(e.options(1)), e.open(e.options(1))
	b.start(nil)
	a.start(map[raft.NodeID]string{2: b.addr})
	e.refused(a, b, transport.RefusedSelf, transport.RefusedNode, transport.RefusedIdentity)
}

func testWrongFrom(e *env) {
	nodes := e.cluster(2, nil)
	e.eventually("the connection is closed for a message from somebody else", func() bool {
		nodes[0].Send(heartbeat(7, 2, 1))
		return nodes[1].Metrics().Refusals[transport.RefusedFrom.String()] > 0
	})
	if len(nodes[1].messages) > 0 {
		e.Errorf("delivered %+v", <-nodes[1].messages)
	}
	nodes[0].insist(nodes[1], heartbeat(1, 2, 2))
}

// testIncarnation has three processes that call themselves node 1: the newest wins.
func testIncarnation(e *env) {
	b := e.open(e.options(2))
	at := func(incarnation uint64) *node {
		options := e.options(1)
		options.Incarnation = incarnation
		return e.open(options)
	}
	first, stale, newest := at(50), at(49), at(51)
	b.start(map[raft.NodeID]string{1: first.addr})
	first.start(map[raft.NodeID]string{2: b.addr})
	first.insist(b, heartbeat(1, 2, 1))
	for len(b.messages) > 0 {
		b.receive()
	}
	stale.start(map[raft.NodeID]string{2: b.addr})
	e.refused(stale, b, transport.RefusedStale)
	newest.start(map[raft.NodeID]string{2: b.addr})
	newest.insist(b, heartbeat(1, 2, 2))
	before := b.Metrics().Refusals[transport.RefusedStale.String()]
	e.eventually("the first is refused once the newest is connected", func() bool {
		first.Send(heartbeat(1, 2, 3))
		return b.Metrics().Refusals[transport.RefusedStale.String()] > before+2 && first.Metrics().DialsFailed > 0
	})
}
