package control

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

// port is an admin port of our own: what it answers, one after the other, the last one again and again.
type port struct {
	*httptest.Server
	members server.MembersAnswer
	answers []any // of POST: a server.AdminError is refused, 0 breaks the connection
	asked   []string
	onGet   func() // before a GET is answered
}

func newPort(t *testing.T, members server.MembersAnswer, answers ...any) *port {
	t.Helper()
	p := &port{members: members, answers: answers}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *port) address() string { return strings.TrimPrefix(p.URL, "http://") }

func (p *port) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		if p.onGet != nil {
			p.onGet()
		}
		_ = json.NewEncoder(w).Encode(p.members)
		return
	}
	p.asked = append(p.asked, r.URL.Path)
	answer := p.answers[0]
	if len(p.answers) > 1 {
		p.answers = p.answers[1:]
	}
	switch a := answer.(type) {
	case server.AdminError:
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(a)
	case int:
		panic(http.ErrAbortHandler)
	default:
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func answerOf(node, leader raft.NodeID, term raft.Term, members ...server.Member) server.MembersAnswer {
	return server.MembersAnswer{Node: node, Leader: leader, Term: term, Membership: server.Membership{Members: members}}
}

func TestFindsTheLeaderThroughAnyNode(t *testing.T) {
	leader := newPort(t, answerOf(2, 2, 3), answerOf(2, 2, 3))
	follower := newPort(t, answerOf(1, 2, 3, server.Member{ID: 2, Peer: server.Peer{Admin: leader.address()}}))
	got, err := New(follower.address()).Change(t.Context(), server.MemberChange{Op: "remove", ID: 1})
	if err != nil || got.Node != 2 || len(leader.asked) != 1 || len(follower.asked) != 0 {
		t.Errorf("got %+v, %v; the leader was asked %v, the follower %v", got, err, leader.asked, follower.asked)
	}
}

func TestPassingRefusalsAreTriedAgain(t *testing.T) {
	p := newPort(t, answerOf(1, 1, 1), server.AdminError{Code: server.CodeTermNotCommitted, Err: "soon"},
		server.AdminError{Code: server.CodeNotLeader, Err: "not me"}, answerOf(1, 1, 1))
	if _, err := New(p.address()).Change(t.Context(), server.MemberChange{}); err != nil || len(p.asked) != 3 {
		t.Errorf("got %v after %v, want the third try to do it", err, p.asked)
	}
}

func TestAddGoesOnWhereItWasInterrupted(t *testing.T) {
	late := server.AdminError{Code: server.CodeNotCaughtUp, Err: "far behind"}
	p := newPort(t, answerOf(1, 1, 1, server.Member{ID: 4, Role: server.RoleLearner}), late, late, answerOf(1, 1, 1))
	told := 0
	err := New(p.address()).Add(t.Context(), server.MemberChange{ID: 4}, func(server.MembersAnswer) { told++ })
	if err != nil || told != 2 || !slices.Equal(p.asked, []string{"/members", "/members", "/members"}) {
		t.Errorf("got %v after %v, told %d times, want three promotions and no addition", err, p.asked, told)
	}
}

func TestLearnerKeepsItsAddress(t *testing.T) {
	has := server.Peer{Peer: "127.0.0.1:7104", Client: "127.0.0.1:7004"}
	p := newPort(t, answerOf(1, 1, 1, server.Member{ID: 4, Role: server.RoleLearner, Peer: has}), answerOf(1, 1, 1))
	c := New(p.address())
	if err := c.AddLearner(t.Context(), server.MemberChange{ID: 4, Peer: has}); err != nil || len(p.asked) != 0 {
		t.Errorf("the same addresses: got %v after %v, want that nothing is asked for", err, p.asked)
	}
	other := server.MemberChange{ID: 4, Peer: server.Peer{Peer: "127.0.0.1:7105"}}
	for _, add := range []func() error{
		func() error { return c.AddLearner(t.Context(), other) },
		func() error { return c.Add(t.Context(), other, nil) },
	} {
		err := add()
		if !errors.Is(err, ErrOtherAddress) || !strings.Contains(err.Error(), "peer=127.0.0.1:7104") || len(p.asked) != 0 {
			t.Errorf("another address: got %v after %v, want %v", err, p.asked, ErrOtherAddress)
		}
	}
	if err := c.AddLearner(t.Context(), server.MemberChange{ID: 5, Peer: has}); err != nil || len(p.asked) != 1 {
		t.Errorf("a new node: got %v after %v, want one change", err, p.asked)
	}
}

func TestWhatIsNotAnswered(t *testing.T) {
	broken := newPort(t, answerOf(1, 1, 1), 0)
	if _, err := New(broken.address()).Change(t.Context()); !errors.Is(err, ErrUnknown) {
		t.Errorf("a broken connection: got %v, want %v", err, ErrUnknown)
	}
	unsure := newPort(t, answerOf(1, 1, 1), server.AdminError{Code: server.CodeUnknown, Err: "timed out"})
	if _, err := New(unsure.address()).Change(t.Context()); !errors.Is(err, ErrUnknown) {
		t.Errorf("a node that does not know: got %v, want %v", err, ErrUnknown)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(gone).Change(t.Context()); !errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrUnknown) {
		t.Errorf("nobody there: got %v, want %v", err, ErrNoAnswer)
	}
	alone := newPort(t, answerOf(1, raft.None, 7))
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	alone.onGet = func() {
		if looks++; looks == 2 {
			cancel() // in the middle of a look: the one before it is the answer
		}
	}
	if _, err := New(alone.address()).Change(ctx); !errors.Is(err, ErrNoLeader) {
		t.Errorf("no leader: got %v, want %v", err, ErrNoLeader)
	}
}
