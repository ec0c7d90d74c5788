package server

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server/resp"
)

// redisRole returns the word that Redis clients know for a node's part in the cluster.
func redisRole(s raft.Status) string {
	if s.Role == raft.Leader {
		return "master"
	}
	return "replica"
}

// redisID returns the name of a node in the form of the Redis cluster protocol: 40 hexadecimal digits.
func redisID(id raft.NodeID) string { return fmt.Sprintf("%040x", uint64(id)) }

// member is one node as Redis clients see it.
type member struct {
	id   raft.NodeID
	host string
	port int
}

// members returns the members of the cluster that have a client port, learners too, the leader first.
func (s *commands) members(leader raft.NodeID) []member {
	var list []member
	peers := s.node.members.Load().peers
	for _, id := range sortedIDs(peers) {
		host, port, err := net.SplitHostPort(peers[id].Client)
		if err != nil {
			continue
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			continue
		}
		m := member{id: id, host: host, port: n}
		if id == leader {
			list = slices.Insert(list, 0, m)
		} else {
			list = append(list, m)
		}
	}
	return list
}

// cluster is CLUSTER SLOTS | SHARDS | NODES | INFO | KEYSLOT | MYID.
func (s *commands) cluster(c *resp.Conn, args [][]byte) {
	status := s.node.replica.Status()
	if status.Leader == raft.None {
		status.Leader = s.node.insteadOf(s.redirects.Load())
	}
	switch sub := strings.ToUpper(string(args[1])); {
	case sub == "KEYSLOT" && len(args) == 3:
		c.Reply(resp.AppendInt(nil, int64(slotOf(args[2]))))
	case len(args) != 2:
		s.unknownSub(c, args)
	case sub == "MYID":
		c.Reply(resp.AppendBulkString(nil, redisID(status.ID)))
	case sub == "INFO":
		c.Reply(resp.AppendBulkString(nil, s.clusterInfo(status)))
	case sub == "NODES":
		c.Reply(resp.AppendBulkString(nil, s.clusterNodes(status)))
	case sub != "SLOTS" && sub != "SHARDS":
		s.unknownSub(c, args)
	case status.Leader == raft.None:
		c.ReplyError("CLUSTERDOWN no leader")
	case sub == "SLOTS":
		c.Reply(appendSlots(nil, s.members(status.Leader)))
	default:
		c.Reply(appendShards(nil, s.members(status.Leader), status, c.Protocol()))
	}
}

// appendSlots appends the one range of slots, the leader's, with its replicas.
func appendSlots(b []byte, members []member) []byte {
	b = resp.AppendArray(b, 1)
	b = resp.AppendArray(b, 2+len(members))
	b = resp.AppendInt(resp.AppendInt(b, 0), slotCount-1)
	for _, m := range members {
		b = resp.AppendArray(b, 4)
		b = resp.AppendInt(resp.AppendBulkString(b, m.host), int64(m.port))
		b = resp.AppendArray(resp.AppendBulkString(b, redisID(m.id)), 0)
	}
	return b
}

func appendShards(b []byte, members []member, s raft.Status, p resp.Protocol) []byte {
	b = resp.AppendMap(resp.AppendArray(b, 1), 2, p)
	b = resp.AppendArray(resp.AppendBulkString(b, "slots"), 2)
	b = resp.AppendInt(resp.AppendInt(b, 0), slotCount-1)
	b = resp.AppendArray(resp.AppendBulkString(b, "nodes"), len(members))
	for _, m := range members {
		role := "replica"
		if m.id == s.Leader {
			role = "master"
		}
		b = resp.AppendMap(b, 7, p)
		b = resp.AppendBulkString(resp.AppendBulkString(b, "id"), redisID(m.id))
		b = resp.AppendInt(resp.AppendBulkString(b, "port"), int64(m.port))
		b = resp.AppendBulkString(resp.AppendBulkString(b, "ip"), m.host)
		b = resp.AppendBulkString(resp.AppendBulkString(b, "endpoint"), m.host)
		b = resp.AppendBulkString(resp.AppendBulkString(b, "role"), role)
		b = resp.AppendInt(resp.AppendBulkString(b, "replication-offset"), int64(s.CommitIndex))
		b = resp.AppendBulkString(resp.AppendBulkString(b, "health"), "online")
	}
	return b
}

func (s *commands) clusterInfo(status raft.Status) string {
	state, size := "ok", 1
	if status.Leader == raft.None {
		state, size = "fail", 0
	}
	var b strings.Builder
	for _, line := range []struct {
		name  string
		value any
	}{
		{"cluster_enabled", 1}, {"cluster_state", state}, {"cluster_slots_assigned", slotCount},
		{"cluster_slots_ok", slotCount * size}, {"cluster_known_nodes", len(s.node.members.Load().peers)},
		{"cluster_size", size}, {"cluster_current_epoch", status.Term}, {"cluster_my_epoch", status.Term},
	} {
		fmt.Fprintf(&b, "%s:%v\r\n", line.name, line.value)
	}
	return b.String()
}

func (s *commands) clusterNodes(status raft.Status) string {
	var b strings.Builder
	for _, m := range s.members(status.Leader) {
		flags, primary, slots := "slave", redisID(status.Leader), ""
		if m.id == status.Leader {
			flags, primary, slots = "master", "-", fmt.Sprintf(" 0-%d", slotCount-1)
		} else if status.Leader == raft.None {
			primary = "-"
		}
		if m.id == status.ID {
			flags = "myself," + flags
		}
		fmt.Fprintf(&b, "%s %s@0 %s %s 0 0 %d connected%s\n", redisID(m.id),
			net.JoinHostPort(m.host, strconv.Itoa(m.port)), flags, primary, status.Term, slots)
	}
	return b.String()
}

// role is ROLE: the leader tells where its followers are, a follower where its leader is.
func (s *commands) role(c *resp.Conn, _ [][]byte) {
	status := s.node.replica.Status()
	members := s.members(status.Leader)
	if status.Role != raft.Leader {
		leader, state := member{}, "connect"
		if len(members) > 0 && members[0].id == status.Leader {
			leader, state = members[0], "connected"
		}
		b := resp.AppendBulkString(resp.AppendArray(nil, 5), "slave")
		b = resp.AppendInt(resp.AppendBulkString(b, leader.host), int64(leader.port))
		c.Reply(resp.AppendInt(resp.AppendBulkString(b, state), int64(status.LastApplied)))
		return
	}
	match := map[raft.NodeID]raft.Index{}
	for _, p := range status.Peers {
		match[p.ID] = p.Match
	}
	followers := slices.DeleteFunc(members, func(m member) bool { return m.id == status.ID })
	b := resp.AppendBulkString(resp.AppendArray(nil, 3), "master")
	b = resp.AppendArray(resp.AppendInt(b, int64(status.LastApplied)), len(followers))
	for _, m := range followers {
		b = resp.AppendBulkString(resp.AppendArray(b, 3), m.host)
		b = resp.AppendBulkString(b, strconv.Itoa(m.port))
		b = resp.AppendBulkString(b, strconv.FormatUint(uint64(match[m.id]), 10))
	}
	c.Reply(b)
}

// info is INFO [section ...]: the sections server, raft, clients and cluster.
func (s *commands) info(c *resp.Conn, args [][]byte) {
	status := s.node.Status()
	wanted := map[string]bool{}
	for _, section := range args[1:] {
		wanted[strings.ToLower(string(section))] = true
	}
	all := len(wanted) == 0 || wanted["all"] || wanted["everything"] || wanted["default"]
	var b strings.Builder
	section := func(name string, pairs ...any) {
		if !all && !wanted[strings.ToLower(name)] {
			return
		}
		fmt.Fprintf(&b, "# %s\r\n", name)
		for i := 0; i < len(pairs); i += 2 {
			fmt.Fprintf(&b, "%v:%v\r\n", pairs[i], pairs[i+1])
		}
		b.WriteString("\r\n")
	}
	section("Server", "redis_version", redisVersion, "redis_mode", "cluster", "server_name", "raftmark",
		"process_id", status.PID, "go_version", runtime.Version(), "os", runtime.GOOS, "arch", runtime.GOARCH,
		"uptime_in_seconds", int64(time.Duration(status.UptimeNs).Seconds()), "data_dir", status.DataDir,
		"transport", status.Config.Transport, "log_storage", status.Config.LogStorage, "machine", status.Config.Machine)
	section("Raft", "cluster", status.Cluster, "node", status.Node, "role", status.Raft.Role, "term", status.Raft.Term,
		"leader", status.Raft.Leader, "commit_index", status.Raft.CommitIndex, "last_applied", status.Raft.LastApplied,
		"last_index", status.Raft.LastIndex, "durable_index", status.Raft.DurableIndex, "ready", status.Ready,
		"members", status.Raft.Members.Configuration, "reads", status.Reads, "lease_ms", status.Config.Lease.Milliseconds())
	section("Clients", "connected_clients", status.Clients.Connected, "accepted", status.Clients.Accepted,
		"refused", status.Clients.Refused, "commands", status.Clients.Commands, "redirects", status.Clients.Redirects)
	section("Replication", "role", map[bool]string{true: "master", false: "slave"}[status.IsLeader()],
		"master_repl_offset", status.Raft.CommitIndex)
	section("Cluster", "cluster_enabled", 1)
	c.Reply(resp.AppendBulkString(nil, b.String()))
}
