package bench

import (
	"context"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/transport"
)

// wireReading is what the nodes' transports had counted at one instant, and how much was committed.
type wireReading struct {
	ok       bool // all nodes answered, and count at their sockets
	commit   uint64
	messages uint64
	socket   transport.SocketMetrics // each byte where it was sent
}

// readWire asks all nodes.
func (r *run) readWire(ctx context.Context) wireReading {
	statuses := r.look(ctx)
	reading := wireReading{ok: len(statuses) == r.scenario.Nodes}
	for _, s := range statuses {
		reading.commit = max(reading.commit, s.commit)
		reading.messages += s.messagesSent
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
}

// noteWire keeps what the steady phase cost on the wire, where that is known.
func (r *run) noteWire(before, after wireReading) {
	if !before.ok || !after.ok || after.commit <= before.commit || after.socket.SendBytes < before.socket.SendBytes {
		return // a node has not answered, or is another one by now
	}
	a, b := after.socket, before.socket
	r.wire = wireCost{
		commits: after.commit - before.commit, messages: after.messages - before.messages,
		bytes: a.SendBytes - b.SendBytes, segments: a.SendSegments - b.SendSegments,
		calls: a.Sends + a.Receives - b.Sends - b.Receives,
	}
}

func (w *wireCost) add(other wireCost) {
	w.commits += other.commits
	w.messages += other.messages
	w.bytes += other.bytes
	w.segments += other.segments
	w.calls += other.calls
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
