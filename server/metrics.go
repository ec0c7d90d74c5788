package server

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// newRegistry returns the metrics of one node, in a registry of its own.
func newRegistry(n *Node) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), nodeCollector{n})
	return r
}

// nodeCollector exports one snapshot a scrape. The names are those of the fields that the numbers come from, so
// that a dashboard, /status and a report say the same.
type nodeCollector struct{ node *Node }

// Describe sends nothing: the metrics follow the structs that they come from (an unchecked collector).
func (nodeCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c nodeCollector) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.node.standing() {
		gauge(out, "raftmark_storage_failed", truth(s.failure.Get() != nil), label{"part", s.part})
	}
	if c.node.failure() != nil {
		return // the replica may not answer any more
	}
	s := c.node.Status()
	gauge(out, "raftmark_ready", truth(s.Ready))
	gauge(out, "raftmark_raft_is_leader", truth(s.Raft.Role == raft.Leader.String()))
	gauge(out, "raftmark_raft_term", float64(s.Raft.Term))
	gauge(out, "raftmark_raft_leader_id", float64(s.Raft.Leader))
	gauge(out, "raftmark_raft_commit_index", float64(s.Raft.CommitIndex))
	gauge(out, "raftmark_raft_last_applied", float64(s.Raft.LastApplied))
	gauge(out, "raftmark_raft_first_index", float64(s.Raft.FirstIndex))
	for _, role := range []MemberRole{RoleVoter, RoleJoining, RoleLeaving, RoleLearner} {
		count := 0
		for i := range s.Raft.Members.Members {
			if s.Raft.Members.Members[i].Role == role {
				count++
			}
		}
		gauge(out, "raftmark_raft_members", float64(count), label{"role", string(role)})
	}
	gauge(out, "raftmark_raft_last_index", float64(s.Raft.LastIndex))
	gauge(out, "raftmark_raft_durable_index", float64(s.Raft.DurableIndex))
	gauge(out, "raftmark_raft_recovering", truth(s.Raft.Recover != nil))
	for _, p := range s.Raft.Peers {
		peer := label{"peer", strconv.FormatUint(uint64(p.ID), 10)}
		gauge(out, "raftmark_raft_peer_match_index", float64(p.Match), peer)
		gauge(out, "raftmark_raft_peer_inflight_messages", float64(p.InflightMessages), peer)
		gauge(out, "raftmark_raft_peer_inflight_bytes", float64(p.InflightBytes), peer)
	}
	gauge(out, "raftmark_refused_peers", float64(len(s.Refused)))
	gauge(out, "raftmark_adoptions", float64(s.Adoptions))
	collectFields(out, "raftmark_disk", s.Disk)
	gauge(out, "raftmark_disk_low", truth(s.Disk.Low))
	gauge(out, "raftmark_disk_no_room", truth(s.Disk.NoRoom != ""))
	counter(out, "raftmark_events_dropped_total", float64(s.EventsDropped))
	collectFields(out, "raftmark_replica", s.Metrics)
	collectFields(out, "raftmark_clients", s.Clients)
	if s.Transport != nil {
		collectTransport(out, *s.Transport)
	}
	gauge(out, "raftmark_insecure_ports", float64(len(s.Insecure)))
	if id := s.Identity; id != nil {
		gauge(out, "raftmark_identity_not_after_seconds", float64(id.NotAfter.Unix()))
		gauge(out, "raftmark_identity_broken", truth(id.Broken != ""))
		collectFields(out, "raftmark_identity", *id)
	}
}

func collectTransport(out chan<- prometheus.Metric, m transport.Metrics) {
	collectFields(out, "raftmark_transport", m)
	collectFields(out, "raftmark_transport_socket", m.Socket)
	if m.Handshakes != nil {
		collectFields(out, "raftmark_transport_handshakes", *m.Handshakes)
	}
	for i, lane := range m.Lanes {
		collectFields(out, "raftmark_transport_lane", lane, label{"lane", transport.Lane(i).String()})
	}
	for reason, count := range m.Drops {
		counter(out, "raftmark_transport_drops_total", float64(count), label{"reason", reason})
	}
	for reason, count := range m.Refusals {
		counter(out, "raftmark_transport_refusals_total", float64(count), label{"reason", reason})
	}
	for reason, count := range m.RefusedBy {
		counter(out, "raftmark_transport_refused_by_total", float64(count), label{"reason", reason})
	}
}

type label struct{ name, value string }

// collectFields exports the number fields of a struct: an unsigned one counts since the start, unless it is
// what is queued; a duration is in seconds, and any other number is a level.
func collectFields(out chan<- prometheus.Metric, prefix string, v any, labels ...label) {
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		field := value.Field(i)
		name := prefix + "_" + snake(value.Type().Field(i).Name)
		switch {
		case field.CanUint() && strings.HasSuffix(name, "_queued"):
			gauge(out, name, float64(field.Uint()), labels...)
		case field.CanUint():
			counter(out, name+"_total", float64(field.Uint()), labels...)
		case field.Type() == reflect.TypeFor[time.Duration]():
			gauge(out, name+"_seconds", time.Duration(field.Int()).Seconds(), labels...)
		case field.CanInt():
			gauge(out, name, float64(field.Int()), labels...)
		}
	}
}

func gauge(out chan<- prometheus.Metric, name string, value float64, labels ...label) {
	send(out, prometheus.GaugeValue, name, value, labels)
}

func counter(out chan<- prometheus.Metric, name string, value float64, labels ...label) {
	send(out, prometheus.CounterValue, name, value, labels)
}

func send(out chan<- prometheus.Metric, kind prometheus.ValueType, name string, value float64, labels []label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, l.value
	}
	desc := prometheus.NewDesc(name, "The same number as in /status.", names, nil)
	out <- prometheus.MustNewConstMetric(desc, kind, value, values...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// snake turns a field's name into a metric's: SyncP99 is sync_p99.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
