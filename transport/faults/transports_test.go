package faults_test

import (
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/faults"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/quic"
	"github.com/raftmark/raftmark/transport/tcp"
)

const patience = 10 * time.Second

type node interface {
	Addr() string
	SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error
	Start(deliver func(raft.Message), peer func(id raft.NodeID, up bool)) error
	Send(m raft.Message) bool
	Close() error
}

// pairOf starts nodes 1 and 2 of a kind; node 1 has the faults. What a node hears comes out of its channel.
func pairOf(t *testing.T, kind string) (l *faults.Links, nodes [3]node, heard [3]chan raft.Message) {
	t.Helper()
	level := faults.ConnectionLevel
	if kind == "quic" {
		level = faults.DatagramLevel
	}
	l = faults.New(level, 1)
	authority, err := identity.NewAuthority("faults")
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[raft.NodeID]string{}
	for id := raft.NodeID(1); id <= 2; id++ {
		o := transport.Options{Self: id, Cluster: "faults", DeadPeerTimeout: 300 * time.Millisecond}
		if id == 1 {
			o.Faults = l
		}
		if kind != "tcp" {
			if o.Identity, err = authority.Issue(id); err != nil {
				t.Fatal(err)
			}
		}
		if kind == "quic" {
			nodes[id], err = quic.New(o)
		} else {
			nodes[id], err = tcp.New(o)
		}
		if err != nil {
			t.Fatal(err)
		}
		addresses[id] = nodes[id].Addr()
		t.Cleanup(func() { _ = nodes[id].Close() })
	}
	t.Cleanup(func() { _ = l.Close() })
	for id := raft.NodeID(1); id <= 2; id++ {
		into := make(chan raft.Message, 4096)
		heard[id] = into
		deliver := func(m raft.Message) {
			select {
			case into <- m:
			default:
			}
		}
		if err := nodes[id].SetPeers(addresses, 0); err != nil {
			t.Fatal(err)
		}
		if err := nodes[id].Start(deliver, func(raft.NodeID, bool) {}); err != nil {
			t.Fatal(err)
		}
	}
	return l, nodes, heard
}

// heartbeat sends one message of a term.
func heartbeat(n node, from, to raft.NodeID, term raft.Term) {
	n.Send(raft.Message{Kind: raft.MsgHeartbeat, From: from, To: to, Term: term})
}

// reaches sends messages of a term until one arrives, and returns how long the one that did took at most.
func reaches(t *testing.T, n node, from, to raft.NodeID, heard chan raft.Message, term raft.Term) time.Duration {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < patience; {
		sent := time.Now()
		heartbeat(n, from, to, term)
		select {
		case m := <-heard:
			if m.Term == term {
				return time.Since(sent)
			}
		case <-tick.C:
		}
	}
	t.Fatalf("nothing arrives from %d to %d", from, to)
	return 0
}

func each(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range []string{"tcp", "tls", "quic"} {
		t.Run(kind, func(t *testing.T) { test(t, kind) })
	}
}

func TestIsolatedNode(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		l, nodes, heard := pairOf(t, kind)
		reaches(t, nodes[1], 1, 2, heard[2], 1)
		reaches(t, nodes[2], 2, 1, heard[1], 1)
		if err := l.Add(faults.Rule{Direction: faults.Both, Action: faults.Cut}); err != nil {
			t.Fatal(err)
		}
		// Long enough for each side to notice, hang up, and dial again in vain.
		for end := time.Now().Add(700 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			heartbeat(nodes[1], 1, 2, 2)
			heartbeat(nodes[2], 2, 1, 2)
		}
		for id := 1; id <= 2; id++ {
			for len(heard[id]) > 0 {
				if m := <-heard[id]; m.Term == 2 {
					t.Fatalf("node %d heard %+v through a cut", id, m)
				}
			}
		}
		if l.Rules()[0].Hits == 0 {
			t.Error("nothing met the cut")
		}
		l.Clear("")
		reaches(t, nodes[1], 1, 2, heard[2], 3)
		reaches(t, nodes[2], 2, 1, heard[1], 3)
	})
}

// What is cut one way goes on the other way, at least until the sender misses the acknowledgements.
func TestOneWayCut(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		for direction, silent := range map[faults.Direction]raft.NodeID{faults.Out: 1, faults.In: 2} {
			l, nodes, heard := pairOf(t, kind)
			other := 3 - silent
			reaches(t, nodes[1], 1, 2, heard[2], 1)
			reaches(t, nodes[2], 2, 1, heard[1], 1)
			if err := l.Add(faults.Rule{Peer: 2, Direction: direction, Action: faults.Cut}); err != nil {
				t.Fatal(err)
			}
			heartbeat(nodes[silent], silent, other, 2)
			reaches(t, nodes[other], other, silent, heard[silent], 2)
			select {
			case m := <-heard[other]:
				if m.Term == 2 {
					t.Errorf("%s: %+v came through a cut", direction, m)
				}
			case <-time.After(50 * time.Millisecond):
			}
			l.Clear("")
			reaches(t, nodes[silent], silent, other, heard[other], 3)
		}
	})
}

func TestSlowLossyLink(t *testing.T) {
	const delay = 10 * time.Millisecond
	each(t, func(t *testing.T, kind string) {
		l, nodes, heard := pairOf(t, kind)
		reaches(t, nodes[1], 1, 2, heard[2], 1)
		if err := l.Add(
			faults.Rule{Direction: faults.Out, Action: faults.Delay, Delay: faults.Duration(delay)},
			faults.Rule{Direction: faults.Both, Action: faults.Drop, Probability: .1},
			faults.Rule{Direction: faults.Out, Action: faults.Bandwidth, Bandwidth: 10 << 20},
		); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if took := reaches(t, nodes[1], 1, 2, heard[2], 2); took > patience || time.Since(begin) < delay {
			t.Errorf("arrived after %v, want %v at least", time.Since(begin), delay)
		}
		for term := raft.Term(3); term < 100; term++ {
			heartbeat(nodes[1], 1, 2, term)
		}
		for want := raft.Term(3); want < 100; {
			select {
			case m := <-heard[2]:
				if m.Term < want-1 || m.Term > want {
					t.Fatalf("term %d after %d: lost or overtaken within a lane", m.Term, want-1)
				}
				want = m.Term + 1
			case <-time.After(patience):
				t.Fatalf("term %d never arrives", want)
			}
		}
		for _, r := range l.Rules() {
			if r.Action != faults.Drop && r.Hits == 0 {
				t.Errorf("%+v: no hits", r)
			}
		}
	})
}

// A transport whose links are cut ends at once.
func TestCloseUnderACut(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		l, nodes, heard := pairOf(t, kind)
		reaches(t, nodes[1], 1, 2, heard[2], 1)
		if err := l.Add(faults.Rule{Direction: faults.Both, Action: faults.Cut}); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			heartbeat(nodes[1], 1, 2, 2)
		}
		begin := time.Now()
		if err := nodes[1].Close(); err != nil || time.Since(begin) > 3*time.Second {
			t.Errorf("closed after %v: %v", time.Since(begin), err)
		}
	})
}
