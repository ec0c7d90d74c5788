package bench

import (
	"context"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/transport"
)

// wireReading is what the nodes' transports had counted at one instant, and how much was committed.
type wireReading struct {
	answered int
	ok       bool // all nodes answered, and count at their sockets
	commit   uint64
	messages uint64
	writes   map[uint64]uint64 // of the logs, by node
	leader   uint64
	socket   transport.SocketMetrics // each byte where it was sent
}

// readWire asks all nodes.
func (r *run) readWire(ctx context.Context) wireReading {
	statuses := r.look(ctx)
	reading := wireReading{ok: len(statuses) == r.scenario.Nodes, answered: len(statuses), writes: map[uint64]uint64{}}
	if leader, ok := leaderOf(statuses); ok {
		reading.leader = leader.node
	}
	for _, s := range statuses {
		reading.commit = max(reading.commit, s.commit)
		reading.messages += s.messagesSent
		reading.writes[s.node] = s.writes
		reading.socket.Sends += s.socket.Sends
		reading.socket.Receives += s.socket.Receives
		reading.socket.SendSegments += s.socket.SendSegments
		reading.socket.SendBytes += s.socket.SendBytes
		reading.ok = reading.ok && s.socket != (transport.SocketMetrics{})
	}
	return reading
}

// wireCost is what the transports did between two readings, for all that was committed meanwhile.
type wireCost struct {
	commits, messages, bytes, segments, calls uint64

	logCommits, logWrites, leaderWrites uint64 // also of transports that do not count
}

// noteWire keeps what the steady phase cost on the wire, where that is known.
func (r *run) noteWire(before, after wireReading) {
	r.noteLogWrites(before, after)
	if !before.ok || !after.ok || after.commit <= before.commit || after.socket.SendBytes < before.socket.SendBytes {
		return // a node has not answered, or is another one by now
	}
	a, b := after.socket, before.socket
	w := &r.wire
	w.commits, w.messages = after.commit-before.commit, after.messages-before.messages
	w.bytes, w.segments = a.SendBytes-b.SendBytes, a.SendSegments-b.SendSegments
	w.calls = a.Sends + a.Receives - b.Sends - b.Receives
}

// noteLogWrites keeps how often the logs were synced between two readings of the same processes under one leader.
func (r *run) noteLogWrites(before, after wireReading) {
	if after.commit <= before.commit || before.leader == 0 || before.leader != after.leader ||
		before.answered != r.scenario.Nodes || after.answered != r.scenario.Nodes {
		return
	}
	var all uint64
	for node, writes := range after.writes {
		was, known := before.writes[node]
		if !known || writes < was {
			return // it was started again
		}
		all += writes - was
	}
	r.wire.logCommits, r.wire.logWrites = after.commit-before.commit, all
	r.wire.leaderWrites = after.writes[after.leader] - before.writes[after.leader]
}

func (w *wireCost) add(other wireCost) {
	w.commits += other.commits
	w.messages += other.messages
	w.bytes += other.bytes
	w.segments += other.segments
	w.calls += other.calls
	w.logCommits += other.logCommits
	w.logWrites += other.logWrites
	w.leaderWrites += other.leaderWrites
}

// logWritesPerCommit returns the synced writes of the logs for a commit; nil when they are not known.
func (w wireCost) logWritesPerCommit() *result.LogWrites {
	if w.logCommits == 0 {
		return nil
	}
	n := float64(w.logCommits)
	return &result.LogWrites{
		Commits: int64(w.logCommits), PerCommit: float64(w.logWrites) / n, PerCommitLeader: float64(w.leaderWrites) / n,
	}
}

// perCommit is the cost as the result has it; nil when it is not known.
func (w wireCost) perCommit() *result.WirePerCommit {
	if w.commits == 0 {
		return nil
	}
	n := float64(w.commits)
	cost := &result.WirePerCommit{
		Commits: int64(w.commits), Messages: float64(w.messages) / n, Bytes: float64(w.bytes) / n,
		Calls: float64(w.calls) / n,
	}
	if w.segments > 0 {
		segments := float64(w.segments) / n
		cost.Segments = &segments
	}
	return cost
}
