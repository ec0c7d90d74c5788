package mem_test

import (
	"testing"
	"testing/synctest"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/mem"
)

func TestACutLinkLosesOneDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := mem.NewNetwork()
		peers := map[raft.NodeID]string{1: "one", 2: "two"}
		var received [3][]raft.Message
		var nodes [3]*mem.Transport
		for i := 1; i <= 2; i++ {
			node, err := network.Transport(transport.Options{Self: raft.NodeID(i), Cluster: "c", Peers: peers})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = node.Close() }()
			deliver := func(m raft.Message) { received[i] = append(received[i], m) }
			if err := node.Start(deliver, func(raft.NodeID, bool) {}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			nodes[i] = node
		}
		exchange := func(seq uint64, want1, want2 int) {
			t.Helper()
			for i := 1; i <= 2; i++ {
				m := raft.Message{Kind: raft.MsgHeartbeat, From: raft.NodeID(i), To: raft.NodeID(3 - i), Seq: seq}
				if !nodes[i].Send(m) {
					t.Errorf("message %d of node %d was not taken", seq, i)
				}
			}
			synctest.Wait()
			if len(received[1]) != want1 || len(received[2]) != want2 {
				t.Errorf("nodes 1 and 2 received %d and %d, want %d and %d", len(received[1]), len(received[2]), want1, want2)
			}
		}
		exchange(1, 1, 1)
		network.SetLink(1, 2, false)
		exchange(2, 2, 1)
		network.SetLink(1, 2, true)
		exchange(3, 3, 2)
		if got := nodes[1].Metrics().Drops["cut"]; got != 1 {
			t.Errorf("cut drops = %d, want 1", got)
		}
	})
}
