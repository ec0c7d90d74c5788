package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport/faults"
	"github.com/raftmark/raftmark/transport/identity"
)

// Options configure one node's transport, whichever it is. The zero value of a field means its default.
type Options struct {
	// Self is this node. Required.
	Self raft.NodeID
	// Cluster is the name of the cluster: 1 to 64 letters, digits, '-', '_' and single '.' inside. Nodes of other
	// clusters are refused. Required.
	Cluster string
	// Incarnation grows with each start of the node, so that peers can tell the newest of two processes that call
	// themselves Self. Default: the wall clock at New, in nanoseconds.
	Incarnation uint64
	// Nonce is a random number of this start; 0 says nothing. It is told to every peer, like Previous.
	Nonce uint64 `json:",omitempty"`
	// Previous are the nonces of the starts before this one, the last first; at most PreviousMax.
	Previous []uint64 `json:",omitempty"`
	// Listen is the address to listen on, "host:port". Default 127.0.0.1:0.
	Listen string
	// Advertise is the address at which others can reach this node, "host:port": they are told it when this node
	// connects to them, so that those that do not have it among their Peers can answer. At most raft.AddressBytesMax
	// bytes. Default: the address listened on, which serves nobody when that is a wildcard such as 0.0.0.0.
	Advertise string
	// Peers are the addresses of the other nodes, "host:port"; Self may be among them and is ignored. SetPeers replaces
	// them.
	Peers map[raft.NodeID]string `json:",omitempty"`
	// PeersOnly refuses every node that is not in Peers. Default: such a node of the same cluster becomes a learned
	// peer, see the package's comment.
	PeersOnly bool
	// LearnedPeersMax bounds the learned peers. Lower, less can be held by nodes that nobody configured; a node that
	// joins knows nobody, and hears of all members at once: keep it above their number. Default raft.MembersMax.
	LearnedPeersMax int
	// LearnedIdleTimeout is how long a learned peer without any connection is remembered. Default 30s.
	LearnedIdleTimeout time.Duration

	// Disk is a random number that the node's disk was marked with when it was empty; 0 says nothing. It is told to every
	// peer.
	Disk uint64 `json:",omitempty"`
	// Admit, when not nil, is asked about each greeting in both directions, before a message is sent or delivered: the
	// node is who it says. An error refuses the connection, for the reason of the RefusedError that it wraps, or else
	// RefusedDisk. It is called concurrently, may block for a while, and must call nothing of the transport.
	Admit func(Greeting) error `json:"-"`

	// QueueMessagesMax bounds the messages that wait for one peer and lane. Raised, more survives a stall, and more memory
	// is held. Default 4096.
	QueueMessagesMax int
	// QueueBytesMax bounds the bytes that wait for one peer and lane; at least FrameBytesMax. Default 32 MiB.
	QueueBytesMax int
	// FrameBytesMax bounds one frame, and so one message, sent or received, in bytes; at least FrameBytesMin.
	// Longer ones are refused before anything is allocated for them. Default 16 MiB.
	FrameBytesMax int
	// BatchBytesMax is where a sender closes a frame although more messages wait: raised, fewer writes under load, and the
	// first message of a frame waits longer at the receiver. Default 128 KiB.
	BatchBytesMax int

	// DialTimeout bounds one attempt to connect. Default 1s.
	DialTimeout time.Duration
	// HandshakeTimeout bounds the greeting, TLS included. Default 2s.
	HandshakeTimeout time.Duration
	// WriteTimeout bounds one write: a peer that takes nothing for so long is disconnected. Default 5s.
	WriteTimeout time.Duration
	// BackoffMin is the pause after the first failed attempt; it doubles up to BackoffMax. Default 10ms.
	BackoffMin time.Duration
	// BackoffMax is the longest pause between attempts. Keep it below the election timeout: a node that comes back should
	// hear its leader before it loses patience. Default 100ms.
	BackoffMax time.Duration

	// DeadPeerTimeout is how long nothing may be heard on a connection, of any lane and in either direction, before the
	// peer is taken for dead and disconnected: idle lanes are probed four times as often. QUIC may do so after three
	// quarters of it. Keep it at several times the 200ms after which TCP repeats a lost segment at the earliest. Lower,
	// a pause of the peer or of the machine, or a lost packet, costs connections that need not have been made again;
	// higher, messages are given to a peer that is gone for longer. Default 1s.
	DeadPeerTimeout time.Duration
	// BodyRateMin is how fast a frame that has begun must go on, in bytes a second, with two seconds of grace: one that is
	// slower is refused (RefusedSlow), so that a few bytes cannot hold memory for long. It is also what a write is given
	// beside WriteTimeout. Lower, slower links work; higher, slow peers are shed sooner. Default 16 KiB/s.
	BodyRateMin int
	// GreetingsMax bounds the accepted connections that are not yet greeted: with more, the newest is refused
	// (RefusedCrowd). Raised, more peers can connect at once, and strangers can hold more: each up to 64 KiB for
	// HandshakeTimeout. Default 64.
	GreetingsMax int
	// GreetingsPerAddressMax bounds those of one IP address, so that one stranger cannot hold all (RefusedAddressCrowd).
	// Default half of GreetingsMax.
	GreetingsPerAddressMax int
	// ConnectionsPerAddressMax bounds the accepted connections of one IP address, greeted or not (RefusedAddressCrowd);
	// a node of TCP makes one for each lane. Keep it above three times the nodes that share an address. Default 256.
	ConnectionsPerAddressMax int

	// Congestion is the congestion control of TCP by the kernel's name for it, such as cubic or bbr; Linux only. Default:
	// the kernel's. QUIC has its own and refuses anything else.
	Congestion string `json:",omitempty"`
	// AppendStreams is the number of QUIC streams that the append lane is spread over: order then holds within each of
	// them only. Raised, a lost packet holds back fewer appends; more of them arrive out of order, which Raft answers with
	// repeats. TCP has one. Default 1.
	AppendStreams int
	// HeartbeatDatagrams has QUIC send heartbeats and their replies as datagrams: never repeated when lost, nor held back
	// by one that was. TCP refuses it. Default: on the control lane's stream.
	HeartbeatDatagrams bool
	// ReceiveWindowBytes bounds what QUIC lets a peer send on one stream beyond what was read. Lower, less memory is held
	// for a slow reader; it must cover bandwidth times round trip. TCP's window is the kernel's. Default 8 MiB.
	ReceiveWindowBytes int

	// Insecure allows plaintext outside of the loopback network: whoever can send packets to this node can read and write
	// everything. Default: without an Identity, all addresses must be loopback ones.
	Insecure bool `json:",omitempty"`
	// Faults break the links of this node on purpose, at the level of the transport's kind; nil has none, and costs
	// nothing.
	// The in-memory transport ignores them.
	Faults *faults.Links `json:"-"`
	// Identity authenticates this node and its peers; nil is plaintext, where a transport allows it.
	Identity *identity.Identity `json:"-"`
	// Logger takes life events; nil discards them.
	Logger *slog.Logger `json:"-"`
}

// Greeting is what a node says of itself when a connection is made: its Options of the same names.
type Greeting struct {
	Node        raft.NodeID
	Disk        uint64
	Incarnation uint64
	Nonce       uint64
	Previous    []uint64
}

// Bounds that Options.Validate checks.
const (
	// PreviousMax bounds Previous.
	PreviousMax = 16
	// FrameBytesMin is the least FrameBytesMax.
	FrameBytesMin = 4 << 10
	// FrameBytesLimit is the greatest FrameBytesMax.
	FrameBytesLimit = 64 << 20
	// PeersMax bounds the peers of one node, the learned ones for themselves.
	PeersMax = 1024
	// BackoffLimit bounds BackoffMax.
	BackoffLimit = 10 * time.Second
	// DeadPeerTimeoutMin and DeadPeerTimeoutLimit bound DeadPeerTimeout.
	DeadPeerTimeoutMin   = 20 * time.Millisecond
	DeadPeerTimeoutLimit = time.Minute
	// AppendStreamsMax bounds AppendStreams.
	AppendStreamsMax = 8
	// ReceiveWindowBytesMin and ReceiveWindowBytesLimit bound ReceiveWindowBytes.
	ReceiveWindowBytesMin   = 64 << 10
	ReceiveWindowBytesLimit = 256 << 20

	connectionsLimit = 1 << 16 // of the bounds on connections
	bodyRateLimit    = 1 << 30
)

// The default frame has room for the longest entry.
const _ = uint(frameBytesDefault - raft.EntryDataBytesMax - FrameBytesMin)

const frameBytesDefault = 16 << 20

// WithDefaults returns a copy in which each zero field has its default, but for Incarnation, which New sets.
func (o Options) WithDefaults() Options {
	o.Peers = maps.Clone(o.Peers)
	setDefault(&o.Listen, "127.0.0.1:0")
	setDefault(&o.LearnedPeersMax, raft.MembersMax)
	setDefault(&o.LearnedIdleTimeout, 30*time.Second)
	setDefault(&o.QueueMessagesMax, 4096)
	setDefault(&o.FrameBytesMax, frameBytesDefault)
	setDefault(&o.QueueBytesMax, max(32<<20, o.FrameBytesMax))
	setDefault(&o.BatchBytesMax, min(128<<10, max(o.FrameBytesMax, FrameBytesMin)))
	setDefault(&o.DialTimeout, time.Second)
	setDefault(&o.HandshakeTimeout, 2*time.Second)
	setDefault(&o.WriteTimeout, 5*time.Second)
	setDefault(&o.BackoffMin, 10*time.Millisecond)
	setDefault(&o.BackoffMax, max(100*time.Millisecond, o.BackoffMin))
	setDefault(&o.DeadPeerTimeout, time.Second)
	setDefault(&o.BodyRateMin, 16<<10)
	setDefault(&o.GreetingsMax, 64)
	setDefault(&o.GreetingsPerAddressMax, max(1, o.GreetingsMax/2))
	setDefault(&o.ConnectionsPerAddressMax, 256)
	setDefault(&o.AppendStreams, 1)
	setDefault(&o.ReceiveWindowBytes, 8<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// congestionName is what the kernel allows: TCP_CA_NAME_MAX less the end.
var congestionName = regexp.MustCompile(`^[a-z0-9_-]{1,15}$`)

var clusterName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// ValidateCluster returns an error unless name can be the name of a cluster.
func ValidateCluster(name string) error {
	if len(name) > 64 || !clusterName.MatchString(name) {
		return fmt.Errorf("Cluster = %q: want 1 to 64 letters, digits, '-', '_' and single '.' inside", name)
	}
	return nil
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(o.Self != raft.None, "Self = 0: want a node id of at least 1")
	if err := ValidateCluster(o.Cluster); err != nil {
		faults = append(faults, err)
	}
	check(len(o.Peers) <= PeersMax, "Peers has %d nodes: want at most %d", len(o.Peers), PeersMax)
	check(len(o.Previous) <= PreviousMax, "Previous has %d nonces: want at most %d", len(o.Previous), PreviousMax)
	check(len(o.Advertise) <= raft.AddressBytesMax,
		"Advertise has %d bytes: want at most %d", len(o.Advertise), raft.AddressBytesMax)
	check(o.LearnedPeersMax >= 1 && o.LearnedPeersMax <= PeersMax,
		"LearnedPeersMax = %d: want 1 to %d; PeersOnly for none", o.LearnedPeersMax, PeersMax)
	check(o.LearnedIdleTimeout > 0, "LearnedIdleTimeout = %v: want more than 0", o.LearnedIdleTimeout)
	check(o.QueueMessagesMax >= 1 && o.QueueMessagesMax <= 1<<20,
		"QueueMessagesMax = %d: want 1 to %d", o.QueueMessagesMax, 1<<20)
	check(o.FrameBytesMax >= FrameBytesMin && o.FrameBytesMax <= FrameBytesLimit,
		"FrameBytesMax = %d: want %d to %d", o.FrameBytesMax, FrameBytesMin, FrameBytesLimit)
	check(o.QueueBytesMax >= o.FrameBytesMax,
		"QueueBytesMax = %d: want at least FrameBytesMax = %d", o.QueueBytesMax, o.FrameBytesMax)
	check(o.BatchBytesMax >= 1 && o.BatchBytesMax <= o.FrameBytesMax,
		"BatchBytesMax = %d: want 1 to FrameBytesMax = %d", o.BatchBytesMax, o.FrameBytesMax)
	check(o.DialTimeout > 0, "DialTimeout = %v: want more than 0", o.DialTimeout)
	check(o.HandshakeTimeout > 0, "HandshakeTimeout = %v: want more than 0", o.HandshakeTimeout)
	check(o.WriteTimeout > 0, "WriteTimeout = %v: want more than 0", o.WriteTimeout)
	check(o.BackoffMin > 0, "BackoffMin = %v: want more than 0", o.BackoffMin)
	check(o.BackoffMax >= o.BackoffMin && o.BackoffMax <= BackoffLimit,
		"BackoffMax = %v: want BackoffMin = %v to %v", o.BackoffMax, o.BackoffMin, BackoffLimit)
	o.validateLimits(check)
	if o.Identity != nil {
		check(o.Identity.Cluster() == o.Cluster && o.Identity.Node() == o.Self,
			"Identity is of node %d of cluster %q: want node %d of cluster %q",
			o.Identity.Node(), o.Identity.Cluster(), o.Self, o.Cluster)
	}
	return errors.Join(faults...)
}

// validateLimits checks what bounds peers that are slow, many or gone, and how the bytes travel.
func (o Options) validateLimits(check func(ok bool, format string, args ...any)) {
	check(o.DeadPeerTimeout >= DeadPeerTimeoutMin && o.DeadPeerTimeout <= DeadPeerTimeoutLimit,
		"DeadPeerTimeout = %v: want %v to %v", o.DeadPeerTimeout, DeadPeerTimeoutMin, DeadPeerTimeoutLimit)
	check(o.BodyRateMin >= 1 && o.BodyRateMin <= bodyRateLimit,
		"BodyRateMin = %d: want 1 to %d", o.BodyRateMin, bodyRateLimit)
	check(o.GreetingsMax >= 1 && o.GreetingsMax <= connectionsLimit,
		"GreetingsMax = %d: want 1 to %d", o.GreetingsMax, connectionsLimit)
	check(o.GreetingsPerAddressMax >= 1 && o.GreetingsPerAddressMax <= o.GreetingsMax,
		"GreetingsPerAddressMax = %d: want 1 to GreetingsMax = %d", o.GreetingsPerAddressMax, o.GreetingsMax)
	check(o.ConnectionsPerAddressMax >= o.GreetingsPerAddressMax && o.ConnectionsPerAddressMax <= connectionsLimit,
		"ConnectionsPerAddressMax = %d: want GreetingsPerAddressMax = %d to %d",
		o.ConnectionsPerAddressMax, o.GreetingsPerAddressMax, connectionsLimit)
	check(o.Congestion == "" || congestionName.MatchString(o.Congestion),
		"Congestion = %q: want a name of the kernel's, such as cubic", o.Congestion)
	check(o.AppendStreams >= 1 && o.AppendStreams <= AppendStreamsMax,
		"AppendStreams = %d: want 1 to %d", o.AppendStreams, AppendStreamsMax)
	check(o.ReceiveWindowBytes >= ReceiveWindowBytesMin && o.ReceiveWindowBytes <= ReceiveWindowBytesLimit,
		"ReceiveWindowBytes = %d: want %d to %d", o.ReceiveWindowBytes, ReceiveWindowBytesMin, ReceiveWindowBytesLimit)
}
