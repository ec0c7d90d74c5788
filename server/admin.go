package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
)

// Bounds of the admin port.
const (
	adminHeaderBytesMax = 16 << 10
	adminHeaderTimeout  = 5 * time.Second
	adminIdleTimeout    = time.Minute
)

// newAdmin returns the admin port: health, status, metrics and profiles, for this machine only.
func newAdmin(n *Node) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", n.serveReady)
	mux.HandleFunc("GET /status", n.serveStatus)
	mux.HandleFunc("GET /stages", n.serveStages)
	mux.HandleFunc("GET /log/chain", n.serveLogChain)
	mux.HandleFunc("GET /members", n.serveMembers)
	mux.HandleFunc("POST /members", n.serveChange)
	mux.HandleFunc("POST /transfer", n.serveTransfer)
	mux.HandleFunc("POST /snapshot", n.serveSnapshot)
	mux.HandleFunc("GET /faults", n.serveFaults)
	mux.HandleFunc("POST /faults/disk", n.serveAddFaults)
	mux.HandleFunc("DELETE /faults/disk", n.serveClearFaults)
	mux.HandleFunc("POST /faults/links", n.serveAddLinkFaults)
	mux.HandleFunc("DELETE /faults/links", n.serveClearLinkFaults)
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(n), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &http.Server{
		Handler: n.unlessFailed(mux), ReadHeaderTimeout: adminHeaderTimeout, IdleTimeout: adminIdleTimeout,
		MaxHeaderBytes: adminHeaderBytesMax,
		ErrorLog:       slog.NewLogLogger(n.config.Logger.Handler(), slog.LevelDebug),
	}
}

func (n *Node) serveReady(w http.ResponseWriter, _ *http.Request) {
	if s := n.Status(); !s.Ready {
		http.Error(w, "not ready: "+s.NotReady, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (n *Node) serveStatus(w http.ResponseWriter, r *http.Request) {
	status := n.Status()
	if r.URL.Query().Get("hash") == "1" {
		hash, err := n.stateHash()
		if err != nil {
			http.Error(w, "hash the state: "+err.Error(), http.StatusInternalServerError)
			return
		}
		status.StateIndex, status.StateHash = hash.index, hash.sum
	}
	writeJSON(w, status)
}

// StagesAnswer is what /stages answers: what this node saw of the sampled entries, oldest first.
type StagesAnswer struct {
	Node raft.NodeID `json:"node"`
	// StartedNs is the instant that the traces count from, on the machine's monotonic clock (internal/clock), which all
	// processes of a host share. ClockErrorNs bounds its error.
	StartedNs    int64 `json:"started_ns"`
	ClockErrorNs int64 `json:"clock_error_ns"`
	// TraceOneIn is how many entries there are for one that is sampled; -1 when none is.
	TraceOneIn int `json:"trace_one_in"`
	// KeptAfter is the index after which this node still has all that it saw since it was started.
	KeptAfter raft.Index `json:"kept_after"`
	// Voters decide about the entries after VotersFrom: none while two majorities do.
	Voters     []raft.NodeID   `json:"voters,omitempty"`
	VotersFrom raft.Index      `json:"voters_from"`
	Traces     []replica.Trace `json:"traces"`
}

func (n *Node) serveStages(w http.ResponseWriter, _ *http.Request) {
	clock, status := n.recorder.clock, n.replica.Status()
	traces, after := n.replica.TracesAfter()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(StagesAnswer{ // as it comes, without indents: it may be long
		Node: n.config.Node, StartedNs: clock.At(n.replica.Started()).Nanoseconds(),
		ClockErrorNs: clock.Error().Nanoseconds(), TraceOneIn: n.replica.TraceOneIn(), KeptAfter: after,
		Voters: votersOf(status.Configuration), VotersFrom: status.ConfigurationIndex, Traces: traces,
	})
}

// votersOf returns whose majority decides; none of a joint configuration, in which that of two sets does.
func votersOf(c raft.Configuration) (voters []raft.NodeID) {
	for i := range c.Members {
		if c.Members[i].Voter && !c.Joint() {
			voters = append(voters, c.Members[i].ID)
		}
	}
	return voters
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // the client is gone
}
