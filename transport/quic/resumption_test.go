package quic_test

import (
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport/identity"
)

// TestReturnIsResumedUnlessTheCertificateChanged restarts a node's transport with the identity that it had, and with a
// new one.
func TestReturnIsResumedUnlessTheCertificateChanged(t *testing.T) {
	authority, err := identity.NewAuthority("pair")
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t)
	for id := 1; id <= 2; id++ {
		if p.ids[id], err = authority.Issue(raft.NodeID(id)); err != nil {
			t.Fatal(err)
		}
	}
	a, b := p.open(1, 1, ""), p.open(2, 1, "")
	p.start(1, b.Addr())
	p.start(2, a.Addr())
	p.reach(1, 2, 1)
	p.reach(2, 1, 2)
	seq := uint64(10)
	restart := func() (full, resumed uint64) {
		before := p.ids[1].Handshakes()
		listen := p.nodes[2].Addr()
		if err := p.nodes[2].Close(); err != nil {
			t.Fatal(err)
		}
		seq += 2
		p.open(2, seq, listen)
		p.start(2, a.Addr())
		took := p.reach(2, 1, seq)
		took += p.reach(1, 2, seq+1)
		after := p.ids[1].Handshakes()
		full, resumed = after.Done-before.Done-(after.Resumed-before.Resumed), after.Resumed-before.Resumed
		t.Logf("connected again both ways after %v: %d handshakes in full, %d resumed", took, full, resumed)
		return full, resumed
	}
	for round := 0; ; round++ { // who has not dialed before, or was too quick, has no ticket
		if _, resumed := restart(); resumed > 0 {
			break
		}
		if round == 20 {
			t.Fatal("no session was resumed")
		}
	}
	if p.ids[2], err = authority.Issue(2); err != nil {
		t.Fatal(err)
	}
	if full, _ := restart(); full == 0 {
		t.Error("every session was resumed although the certificate is another")
	}
}
