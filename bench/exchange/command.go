package exchange

import (
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// The ends, and the node that connects anew again and again.
const (
	driverNode = raft.NodeID(1)
	echoNode   = raft.NodeID(2)
	freshNode  = raft.NodeID(3)
)

// clusterName is the cluster of the ends.
const clusterName = "exchange"

// command is what an end is told: a line of JSON. One field is set.
type command struct {
	Open    *openCommand `json:"open,omitempty"`
	Peer    *peerCommand `json:"peer,omitempty"`
	Usage   *struct{}    `json:"usage,omitempty"`
	Loop    *Loop        `json:"loop,omitempty"`
	Beat    *Beat        `json:"beat,omitempty"`
	Connect *Connect     `json:"connect,omitempty"`
	Facts   *struct{}    `json:"facts,omitempty"`
}

// openCommand opens the end's transport.
type openCommand struct {
	Node      raft.NodeID `json:"node"`
	Transport string      `json:"transport"`
	TLSDir    string      `json:"tls_dir,omitempty"`
	// Those of server.Config.
	Congestion         string `json:"congestion,omitempty"`
	AppendStreams      int    `json:"append_streams,omitempty"`
	HeartbeatDatagrams bool   `json:"heartbeat_datagrams,omitempty"`
}

// peerCommand names the other end.
type peerCommand struct {
	Node    raft.NodeID `json:"node"`
	Address string      `json:"address"`
}

// answer is what an end says: a line of JSON. One field is set.
type answer struct {
	Err     string       `json:"err,omitempty"`
	Lost    bool         `json:"lost,omitempty"` // Err is ErrLost
	Address string       `json:"address,omitempty"`
	Usage   *usage       `json:"usage,omitempty"`
	Loop    *loopResult  `json:"loop,omitempty"`
	Beat    *beatResult  `json:"beat,omitempty"`
	Connect *connectDone `json:"connect,omitempty"`
	Facts   *Facts       `json:"facts,omitempty"`
}

// Mode says what a loop exchanges.
type Mode string

// The modes.
const (
	Echo   Mode = "echo"
	Stream Mode = "stream"
)

// Loop is a closed loop of messages of one size.
type Loop struct {
	Mode      Mode `json:"mode"`
	SizeBytes int  `json:"size_bytes"` // of the entry that each message carries
	// InFlight is how many messages are under way at any time; of a stream it follows from the size, see StreamWindow.
	InFlight int `json:"in_flight"`
	// Warmup is what is not timed at the begin, Duration what is.
	Warmup   time.Duration `json:"warmup_ns"`
	Duration time.Duration `json:"duration_ns"`
}

// The window of a stream: a leader's defaults for bytes, and for messages more, because a leader puts small entries
// into one message.
const (
	windowBytes    = 8 << 20
	windowMessages = 1024
)

// StreamWindow returns how many messages of a size a stream has under way.
func StreamWindow(sizeBytes int) int {
	return max(1, min(windowMessages, windowBytes/max(1, sizeBytes)))
}

// Background says what the other lanes do while heartbeats are timed.
type Background string

// The backgrounds.
const (
	Idle     Background = "idle"
	Append   Background = "append"   // the append lane is kept full of messages of 1 MiB
	Snapshot Background = "snapshot" // snapshots go on the snapshot lane, one after the other
	// OneLane is the control: the append lane is kept full, and the heartbeat takes it too.
	OneLane Background = "one-lane"
)

// Beat times heartbeats beside a background.
type Beat struct {
	Background Background    `json:"background"`
	Every      time.Duration `json:"every_ns"`
	Duration   time.Duration `json:"duration_ns"`
	// SnapshotBytes is the length of each snapshot.
	SnapshotBytes int `json:"snapshot_bytes"`
}

// Connect makes connections anew.
type Connect struct {
	Count   int    `json:"count"`
	Address string `json:"address"`
	// Again connects one transport to its peer again and again; else each connection is of a transport of its own, as
	// after a start.
	Again bool `json:"again,omitempty"`
}

// loopResult is what the driver measured. Times are nanoseconds; Histogram is encoded.
type loopResult struct {
	Messages  int64  `json:"messages"`  // all that were answered, warm-up included
	Completed int64  `json:"completed"` // within the timed window
	Histogram []byte `json:"histogram"` // of what was sent within it
}

// beatResult is what the driver measured of heartbeats.
type beatResult struct {
	Sent      int    `json:"sent"`
	Lost      int    `json:"lost"`
	Histogram []byte `json:"histogram"` // from Send to the reply, nanoseconds
	Lag       []byte `json:"lag"`       // from when each was due to Send
	FromDue   []byte `json:"from_due"`  // from when each was due to the reply
	// LastedNs is how long the sending took. BackgroundBytes were answered on the other lane within it; SnapshotsNs are
	// the times of those snapshots that ended in it.
	LastedNs        int64   `json:"lasted_ns"`
	BackgroundBytes int64   `json:"background_bytes"`
	SnapshotsNs     []int64 `json:"snapshots_ns,omitempty"`
}

// connectDone is what the driver measured of connections.
type connectDone struct {
	TookNs []int64 `json:"took_ns"`
	// Handshakes are those that the connections' own transports made, of which so many resumed a session.
	Handshakes uint64 `json:"handshakes"`
	Resumed    uint64 `json:"resumed"`
	// Socket is what their sockets did, in both directions; nil when the transport does not count.
	Socket *transport.SocketMetrics `json:"socket,omitempty"`
}
