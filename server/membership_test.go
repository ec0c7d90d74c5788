package server

import (
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// What the log has as the address of a member, it has for ever.
func TestUnusableAddressesAreRefused(t *testing.T) {
	nodes, peers := startTCP(t, 1)
	free := freshPeers(t, 2, 2)[2]
	with := func(change func(*Peer)) Peer {
		p := free
		change(&p)
		return p
	}
	for _, c := range []struct {
		peer Peer
		want string
	}{
		{with(func(p *Peer) { p.Peer = "0.0.0.0:7101" }), "changes[0].peer: "},
		{with(func(p *Peer) { p.Peer = "127.0.0.1:0" }), "changes[0].peer: "},
		{with(func(p *Peer) { p.Client = "[::]:7001" }), "changes[0].client: "},
		{with(func(p *Peer) { p.Peer = "192.0.2.1:7101" }), "without an identity"},
		{with(func(p *Peer) { p.Admin = "a,client=b:7201" }), "want none with ','"},
		{with(func(p *Peer) { p.Peer = peers[1].Peer }), "is an address of node 1"},
		{with(func(p *Peer) { p.Client = peers[1].Admin }), "is an address of node 1"},
		{with(func(p *Peer) { p.Client = p.Peer }), "is an address of node 2"},
	} {
		err := ask(t, nodes[1].AdminAddr(), "/members",
			MembersRequest{Changes: []MemberChange{{Op: "add", ID: 2, Peer: c.peer}}}, nil)
		var refused AdminError
		if !errors.As(err, &refused) || refused.Code != codeBadRequest || !strings.Contains(refused.Err, c.want) {
			t.Errorf("%+v: got %v, want %q", c.peer, err, c.want)
		}
	}
	if now := nodes[1].Status().Raft.Members; now.LastID != 1 {
		t.Errorf("got the members %+v, want node 1", now)
	}
}

// A configuration that is not committed may be rolled back: the members of both are peers, and the node itself is none.
func TestTransportKnowsTheMembersOfBothConfigurations(t *testing.T) {
	member := func(id raft.NodeID, address string) raft.Member {
		return raft.Member{ID: id, Voter: true, Address: Peer{Peer: address}.Encode()}
	}
	n := &Node{config: Config{Node: 1, Transport: TransportTCP, Logger: slog.New(slog.DiscardHandler)}}
	own, second := member(1, "127.0.0.1:1"), member(2, "127.0.0.1:2")
	third, fourth := member(3, "127.0.0.1:3"), member(4, "h:4")
	peers, removedUpTo := n.transportPeers(&raft.Status{
		Committed:     raft.Configuration{Members: []raft.Member{own, second}, LastID: 2},
		Configuration: raft.Configuration{Members: []raft.Member{own, third, fourth}, LastID: 4},
	})
	want := map[raft.NodeID]string{2: "127.0.0.1:2", 3: "127.0.0.1:3"} // the last one is not on the loopback network
	if !maps.Equal(peers, want) || removedUpTo != 2 {
		t.Errorf("got %v, removed up to %d, want %v, 2", peers, removedUpTo, want)
	}
}

// Whoever greets under an id that is nobody's yet takes it from nobody.
func TestDiskIsRecordedWhenANodeBecomesAMember(t *testing.T) {
	c := Config{
		Node: 1, DataDir: claimedDir(t), Peers: map[raft.NodeID]Peer{1: {}, 2: {}}, Logger: slog.New(slog.DiscardHandler),
	}
	open := func() *gate {
		g, err := openGate(c)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	g := open()
	admit := func(node raft.NodeID, disk uint64, want error) {
		t.Helper()
		life := storage.Life{Disk: disk, Incarnation: 1, Nonce: disk}
		if err := g.admit(node, life); !errors.Is(err, want) {
			t.Errorf("node %d with disk %d: got %v, want %v", node, disk, err, want)
		}
	}
	none := readFile(t, filepath.Join(c.DataDir, "PEERS"))
	admit(3, 30, nil)
	admit(3, 31, nil)
	if now := readFile(t, filepath.Join(c.DataDir, "PEERS")); now != none {
		t.Errorf("a stranger is recorded:\n%s", now)
	}
	admit(2, 20, nil)
	admit(2, 21, storage.ErrOtherDisk)
	for node := raft.NodeID(100); node < 100+2*strangersMax; node++ {
		admit(node, 1, nil)
	}
	if n := len(g.strangers); n > strangersMax {
		t.Errorf("%d strangers are remembered, want at most %d", n, strangersMax)
	}
	admit(3, 32, nil)
	member := func(id raft.NodeID) raft.Member { return raft.Member{ID: id, Voter: true} }
	err := g.follow(raft.Configuration{Members: []raft.Member{member(1), member(3)}},
		raft.Configuration{Members: []raft.Member{member(1), member(4)}})
	if err != nil {
		t.Fatal(err)
	}
	admit(4, 40, nil)
	for range 2 {
		admit(3, 31, storage.ErrOtherDisk)
		admit(3, 32, nil)
		admit(4, 41, storage.ErrOtherDisk)
		g = open()
	}
}
