package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/raftmark/raftmark/raft"
)

// LogChain is what /log/chain answers: the chain hash of replica.LogChain over the stored entries (After, Upto] of a
// node, all of them committed.
type LogChain struct {
	Node  raft.NodeID `json:"node"`
	First raft.Index  `json:"first"` // the node's log begins after it
	After raft.Index  `json:"after"`
	Upto  raft.Index  `json:"upto"`
	Sum   string      `json:"sum"`
}

// serveLogChain answers for ?after=A&upto=B; without them from the log's beginning to the last applied entry. What is
// not committed is not hashed: nodes may differ there.
func (n *Node) serveLogChain(w http.ResponseWriter, r *http.Request) {
	now := n.replica.Status()
	answer := LogChain{Node: n.config.Node, First: now.FirstIndex, After: now.FirstIndex, Upto: now.LastApplied}
	query := r.URL.Query()
	if err := errors.Join(indexParam(query, "after", &answer.After), indexParam(query, "upto", &answer.Upto)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if answer.Upto > now.CommitIndex {
		http.Error(w, fmt.Sprintf("upto = %d: want at most the commit index %d", answer.Upto, now.CommitIndex),
			http.StatusRequestedRangeNotSatisfiable)
		return
	}
	sum, err := n.replica.LogChain(r.Context(), answer.After, answer.Upto)
	switch {
	case errors.Is(err, raft.ErrCompacted), errors.Is(err, raft.ErrOutOfRange):
		http.Error(w, err.Error(), http.StatusRequestedRangeNotSatisfiable)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer.Sum = sum.String()
	writeJSON(w, answer)
}

// indexParam reads a parameter that may be absent.
func indexParam(query url.Values, name string, to *raft.Index) error {
	if !query.Has(name) {
		return nil
	}
	v, err := strconv.ParseUint(query.Get(name), 10, 64)
	if err != nil {
		return fmt.Errorf("%s = %.40q: want an index", name, query.Get(name))
	}
	*to = raft.Index(v)
	return nil
}
