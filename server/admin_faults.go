package server

import (
	"errors"
	"net/http"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/faultfs"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

// FaultsRequest is what POST /faults/disk takes: rules that are added to those in force, all of them or none.
type FaultsRequest struct {
	Rules []faultfs.Rule `json:"rules"`
}

// FaultsAnswer is what /faults and all below it answer: the rules in force, in their order, and what became of them.
type FaultsAnswer struct {
	Node raft.NodeID `json:"node"`
	// Rules are those of the disk.
	Rules []faultfs.RuleState `json:"rules"`
	// Links are those of the links to the other nodes.
	Links []linkfaults.RuleState `json:"links"`
}

// errNoRules says that a request adds nothing.
var errNoRules = errors.New("rules: none, want at least one")

// errFaultsOff says how a node gets /faults.
var errFaultsOff = errors.New(
	"this node has no faults: start it with --enable-faults (enable_faults in its configuration)")

// faultsEnabled reports whether this node has faults; if not, it has answered.
func (n *Node) faultsEnabled(w http.ResponseWriter) bool {
	if n.faults == nil {
		n.refuse(w, "faults_off", http.StatusNotFound, errFaultsOff)
	}
	return n.faults != nil
}

// endFaults lets go on what faults hold up, so that the node can stop.
func (n *Node) endFaults() {
	_ = n.links.Close() // neither has an error
	if n.faults != nil {
		_ = n.faults.Close()
	}
}

func (n *Node) serveFaults(w http.ResponseWriter, _ *http.Request) {
	if n.faultsEnabled(w) {
		n.answerFaults(w)
	}
}

func (n *Node) answerFaults(w http.ResponseWriter) {
	writeJSON(w, FaultsAnswer{Node: n.config.Node, Rules: n.faults.Rules(), Links: n.links.Rules()})
}

func (n *Node) serveAddFaults(w http.ResponseWriter, r *http.Request) {
	var asked FaultsRequest
	if !n.faultsEnabled(w) || !n.readAsked(w, r, &asked) {
		return
	}
	if len(asked.Rules) == 0 {
		n.refuse(w, codeBadRequest, http.StatusBadRequest, errNoRules)
		return
	}
	if err := n.faults.Add(asked.Rules...); err != nil {
		n.refuse(w, codeBadRequest, http.StatusBadRequest, err)
		return
	}
	n.config.Logger.Warn("disk faults added", "node", uint64(n.config.Node), "rules", asked.Rules)
	n.answerFaults(w)
}

func (n *Node) serveClearFaults(w http.ResponseWriter, _ *http.Request) {
	if !n.faultsEnabled(w) {
		return
	}
	n.faults.Clear()
	n.config.Logger.Warn("disk faults cleared", "node", uint64(n.config.Node))
	n.answerFaults(w)
}
