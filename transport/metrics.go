package transport

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/raftmark/raftmark/transport/identity"
)

// Metrics is a snapshot of what a transport counted since New.
type Metrics struct {
	// Lanes are the counts of each lane, all peers together.
	Lanes [LaneCount]LaneMetrics
	// Connects counts outgoing connections (of QUIC: streams) that were greeted.
	Connects uint64
	// Accepts counts incoming ones.
	Accepts uint64
	// Disconnects counts connections of both directions that ended.
	Disconnects uint64
	// DialsFailed counts attempts to connect that failed.
	DialsFailed uint64
	// Drops counts messages not sent, by [Drop].
	Drops map[string]uint64
	// Refusals counts connections refused or closed by this node, by [Refusal].
	Refusals map[string]uint64
	// RefusedBy counts connections that peers refused to this node, by [Refusal].
	RefusedBy map[string]uint64
	// DeadPeers counts connections of both directions that ended because nothing was heard for
	// Options.DeadPeerTimeout.
	DeadPeers uint64
	// Greetings are the accepted connections that are not greeted, now, and GreetingsMost the most there were at once.
	Greetings, GreetingsMost int
	// Socket are the counts at the socket: with what TLS, QUIC and probes add.
	Socket SocketMetrics
	// Handshakes are those of TLS, in both directions, of which so many resumed a session; nil without an identity.
	Handshakes *identity.Handshakes `json:",omitempty"`
	// Peers are the nodes of Options.Peers, and LearnedPeers those that came without being in it, now.
	Peers, LearnedPeers int
}

// LaneMetrics are the counts of one lane. Bytes are those of frames, without what TLS, QUIC or TCP add.
type LaneMetrics struct {
	MessagesSent, BytesSent, FramesSent             uint64
	MessagesReceived, BytesReceived, FramesReceived uint64
	// MessagesQueued and BytesQueued are what waits now, or is being written.
	MessagesQueued, BytesQueued uint64
}

// SocketMetrics count what went through the sockets of a transport, greetings included.
type SocketMetrics struct {
	// Sends and Receives are calls of the system, as this program made them; those of TCP may enter the kernel more than
	// once when its buffer is full.
	Sends, Receives uint64
	// SendSegments and ReceiveSegments are packets as the protocol counts them: UDP datagrams, TCP segments before the
	// network card divides or joins them. 0 where the system does not tell.
	SendSegments, ReceiveSegments uint64
	// SendBytes and ReceiveBytes are those that were handed to and taken from the system, without headers of UDP, TCP and
	// below.
	SendBytes, ReceiveBytes uint64
	// Retransmits are the TCP segments that the kernel sent again. 0 where the system does not tell, and with UDP.
	Retransmits uint64
}

// String returns the metrics as an aligned table.
func (m Metrics) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "lane\tsent\tbytes\tframes\treceived\tbytes\tframes\tqueued\tbytes\t")
	for i, l := range m.Lanes {
		fmt.Fprintf(w, "%v\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", Lane(i), l.MessagesSent, l.BytesSent, l.FramesSent,
			l.MessagesReceived, l.BytesReceived, l.FramesReceived, l.MessagesQueued, l.BytesQueued)
	}
	_ = w.Flush() // writes to a strings.Builder, which cannot fail
	fmt.Fprintf(&b, "connects %d, accepts %d, disconnects %d, dials failed %d\n",
		m.Connects, m.Accepts, m.Disconnects, m.DialsFailed)
	fmt.Fprintf(&b, "dead peers %d, greetings %d, at most %d\n", m.DeadPeers, m.Greetings, m.GreetingsMost)
	s := m.Socket
	fmt.Fprintf(&b, "socket: %d sends of %d bytes in %d segments, %d again; %d receives of %d bytes in %d segments\n",
		s.Sends, s.SendBytes, s.SendSegments, s.Retransmits, s.Receives, s.ReceiveBytes, s.ReceiveSegments)
	if h := m.Handshakes; h != nil {
		fmt.Fprintf(&b, "handshakes %d, resumed %d, the latest %s\n", h.Done, h.Resumed, h.Latest)
	}
	fmt.Fprintf(&b, "peers %d, learned %d\n", m.Peers, m.LearnedPeers)
	writeReasons(&b, "drops", m.Drops)
	writeReasons(&b, "refusals", m.Refusals)
	writeReasons(&b, "refused by peers", m.RefusedBy)
	return b.String()
}

func writeReasons(b *strings.Builder, title string, counts map[string]uint64) {
	b.WriteString(title + ":")
	none := true
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		if counts[reason] > 0 {
			fmt.Fprintf(b, " %s %d", reason, counts[reason])
			none = false
		}
	}
	if none {
		b.WriteString(" none")
	}
	b.WriteString("\n")
}
