package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
)

const (
	// askedBytesMax bounds the body of a request to the admin port.
	askedBytesMax = 64 << 10
	// askedTimeMax bounds how long one may take; what becomes of it after that is not known.
	askedTimeMax = time.Minute
)

// MembersAnswer is what GET and POST /members answer.
type MembersAnswer struct {
	Node        raft.NodeID `json:"node"` // who answers
	Role        string      `json:"role"`
	Term        raft.Term   `json:"term"`
	Leader      raft.NodeID `json:"leader"`
	CommitIndex raft.Index  `json:"commit_index"`
	Membership
}

// MembersRequest is what POST /members takes: changes that are made all at once.
type MembersRequest struct {
	Changes []MemberChange `json:"changes"`
}

// TransferRequest is what POST /transfer takes; To 0 is whoever is best prepared. It answers with
// MembersAnswer.
type TransferRequest struct {
	To raft.NodeID `json:"to"`
}

// SnapshotAnswer is what POST /snapshot answers: the log begins after FirstIndex.
type SnapshotAnswer struct {
	Node       raft.NodeID `json:"node"`
	FirstIndex raft.Index  `json:"first_index"`
	LastIndex  raft.Index  `json:"last_index"`
}

// AdminError is the answer to a request that was not done.
type AdminError struct {
	// Code is one of the words of adminCodes.
	Code string `json:"code"`
	Err  string `json:"error"`
	// Leader is who leads, and LeaderAdmin where it can be asked, as far as they are known.
	Leader      raft.NodeID `json:"leader,omitempty"`
	LeaderAdmin string      `json:"leader_admin,omitempty"`
}

// Error implements error.
func (e AdminError) Error() string { return e.Err }

// The codes that a client acts upon; the others are in adminCodes.
const (
	CodeNotLeader        = "not_leader"
	CodeTermNotCommitted = "term_not_committed"
	CodeTransferring     = "transferring"
	CodeNotCaughtUp      = "not_caught_up"
	CodeNoQuorum         = "no_quorum"
	CodeUnknown          = "unknown"
	codeBadRequest       = "bad_request"
)

// codeOf returns the word and the HTTP status for an error of the replica.
func codeOf(err error) (string, int) {
	for _, c := range []struct {
		err    error
		code   string
		status int
	}{
		{replica.ErrUnknown, CodeUnknown, http.StatusGatewayTimeout}, // before what it may wrap
		{raft.ErrNotLeader, CodeNotLeader, http.StatusMisdirectedRequest},
		{raft.ErrTermNotCommitted, CodeTermNotCommitted, http.StatusServiceUnavailable},
		{raft.ErrTransferring, CodeTransferring, http.StatusServiceUnavailable},
		{raft.ErrClosed, "closed", http.StatusServiceUnavailable},
		{raft.ErrNotCaughtUp, CodeNotCaughtUp, http.StatusConflict},
		{raft.ErrNoQuorum, CodeNoQuorum, http.StatusConflict},
		{raft.ErrChangePending, "change_pending", http.StatusConflict},
		{raft.ErrNotMember, "not_member", http.StatusConflict},
		{raft.ErrMember, "member", http.StatusConflict},
		{raft.ErrIDUsed, "id_used", http.StatusConflict},
		{raft.ErrNotVoter, "not_voter", http.StatusConflict},
		{raft.ErrBadChange, "bad_change", http.StatusConflict},
		{replica.ErrRolledBack, "rolled_back", http.StatusConflict},
		{replica.ErrNotTransferred, "not_transferred", http.StatusConflict},
	} {
		if errors.Is(err, c.err) {
			return c.code, c.status
		}
	}
	return "failed", http.StatusInternalServerError
}

func (n *Node) serveMembers(w http.ResponseWriter, _ *http.Request) { writeJSON(w, n.membersAnswer()) }

func (n *Node) membersAnswer() MembersAnswer {
	s := n.replica.Status()
	return MembersAnswer{
		Node: s.ID, Role: n.roleName(&s), Term: s.Term, Leader: s.Leader, CommitIndex: s.CommitIndex,
		Membership: n.membership(&s),
	}
}

func (n *Node) serveChange(w http.ResponseWriter, r *http.Request) {
	var asked MembersRequest
	if !n.readAsked(w, r, &asked) {
		return
	}
	changes := make([]raft.Change, len(asked.Changes))
	for i, c := range asked.Changes {
		var err error
		if changes[i], err = c.change(); err != nil {
			n.refuse(w, codeBadRequest, http.StatusBadRequest, fmt.Errorf("changes[%d].%w", i, err))
			return
		}
	}
	if err := n.checkAdded(asked.Changes); err != nil {
		n.refuse(w, codeBadRequest, http.StatusBadRequest, err)
		return
	}
	n.answer(w, r, func(ctx context.Context) error { return n.replica.ChangeConfig(ctx, changes) },
		func() any { return n.membersAnswer() })
}

func (n *Node) serveTransfer(w http.ResponseWriter, r *http.Request) {
	var asked TransferRequest
	if !n.readAsked(w, r, &asked) {
		return
	}
	n.answer(w, r, func(ctx context.Context) error { return n.replica.Transfer(ctx, asked.To) },
		func() any { return n.membersAnswer() })
}

func (n *Node) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	if !n.readAsked(w, r, &struct{}{}) {
		return
	}
	n.answer(w, r, n.replica.Compact, func() any {
		s := n.replica.Status()
		return SnapshotAnswer{Node: s.ID, FirstIndex: s.FirstIndex, LastIndex: s.LastIndex}
	})
}

// readAsked decodes the body of a request; if it cannot, it has answered. Only what says that it is JSON is
// read: a page in a browser cannot send that to another origin without asking.
func (n *Node) readAsked(w http.ResponseWriter, r *http.Request, into any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		n.refuse(w, codeBadRequest, http.StatusUnsupportedMediaType, errors.New("content type: want application/json"))
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, askedBytesMax))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		n.refuse(w, codeBadRequest, http.StatusBadRequest, fmt.Errorf("request: %w", err))
		return false
	}
	return true
}

// answer does what was asked for and answers with the result.
func (n *Node) answer(w http.ResponseWriter, r *http.Request, do func(context.Context) error, result func() any) {
	ctx, cancel := context.WithTimeout(r.Context(), askedTimeMax)
	defer cancel()
	if err := do(ctx); err != nil {
		code, status := codeOf(err)
		n.refuse(w, code, status, err)
		return
	}
	writeJSON(w, result())
}

func (n *Node) refuse(w http.ResponseWriter, code string, status int, err error) {
	leader := raft.NodeID(n.leader.Load())
	e := AdminError{Code: code, Err: err.Error(), Leader: leader, LeaderAdmin: n.peerOf(leader).Admin}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e) // the client is gone
}
