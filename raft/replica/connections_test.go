package replica

import (
	"log/slog"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// A lane that breaks alone is no hint that the peer is gone; the last one is.
func TestOnlyTheLastConnectionIsAHint(t *testing.T) {
	core, err := raft.New(raft.Config{ID: 1, Voters: []raft.NodeID{1, 2, 3}, DisconnectHints: true}, raft.Boot{})
	if err != nil {
		t.Fatal(err)
	}
	heartbeat := raft.Message{Kind: raft.MsgHeartbeat, From: 2, To: 1, Term: 1}
	if err := core.Step(heartbeat); err != nil {
		t.Fatal(err)
	}
	l := &loop{
		core: core, Replica: &Replica{logger: slog.New(slog.DiscardHandler), observe: func(Event) {}},
		connections: map[raft.NodeID]int{},
	}
	hear := func(hints ...peerHint) {
		l.work.peers = hints
		l.observePeers()
	}
	up, down := peerHint{id: 2, up: true}, peerHint{id: 2}
	hear(up, up, up, peerHint{id: 3, up: true})
	hear(down)
	hear(peerHint{id: 3})
	hear(down)
	if core.Leader() != 2 {
		t.Fatal("the leader is lost while a connection to it is left")
	}
	hear(down)
	if core.Leader() != raft.None || core.Role() != raft.PreCandidate {
		t.Errorf("%v that follows %d, when the last connection broke; want a pre-candidate", core.Role(), core.Leader())
	}
}
