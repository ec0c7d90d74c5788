package server

import (
	"log/slog"
	"net"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

// Names of what a node can be built from; wiring.go turns them into constructors.
const (
	TransportTCP  = "tcp"
	TransportTLS  = "tls"
	TransportQUIC = "quic"
	// TransportMem is given as an object, in Config.PeerTransport: only nodes of one process can use it.
	TransportMem = "mem"

	StoragePebble = "pebble"
	StorageMem    = "mem"

	MachinePebble = "pebble"
	MachineMem    = "mem"
	MachineNull   = "null"

	// ReadsIndex serves GET, MGET and EXISTS from the leader's state machine, after a round of heartbeats
	// has confirmed that it leads (ReadIndex, thesis §6.4).
	ReadsIndex = "index"
	// ReadsLog sends them through the log, as if they were writes.
	ReadsLog = "log"
	// ReadsLease leaves out the round for the time of Config.Lease after the last one: it trusts the clocks.
	ReadsLease = "lease"
)

// Defaults of [Config].
const (
	DefaultCluster      = "raftmark"
	DefaultHeartbeat    = 50 * time.Millisecond
	DefaultElectionMin  = 150 * time.Millisecond
	DefaultTickInterval = 5 * time.Millisecond
	DefaultDiskStallMax = StallLimit(time.Second)
	DefaultDiskReserve  = ByteLimit(256 << 20)
	DefaultKeyBytesMax  = 1 << 10
	DefaultValueMax     = 1 << 20
	DefaultKeysMax      = 512
)

// Peer is where one node of the cluster can be reached.
type Peer struct {
	// Peer is where the other nodes connect to, "host:port".
	Peer string `yaml:"peer" json:"peer"`
	// Client is where Redis clients connect to; followers send them here when this node leads. Empty: nowhere.
	Client string `yaml:"client,omitempty" json:"client,omitempty"`
	// Admin is the HTTP port for status and metrics. Empty: none.
	Admin string `yaml:"admin,omitempty" json:"admin,omitempty"`
	// Priority orders the nodes of a new cluster in elections: one below the highest waits for so many more
	// election timeouts, before it stands, as there are higher priorities. Later it is changed with the
	// membership. Default 0.
	Priority uint8 `yaml:"priority,omitempty" json:"priority,omitempty"`
}

// Config is everything that one node needs to know. Zero fields are defaults.
type Config struct {
	// Cluster is the name of the cluster; nodes and data folders of another one are refused. Default
	// "raftmark".
	Cluster string `yaml:"cluster" json:"cluster"`
	// Node is this node's id; it must be a key of Peers, unless Join. Required. An id is used once: a node
	// that lost its data folder joins under a new one.
	Node raft.NodeID `yaml:"node" json:"node"`
	// DataDir is this node's data folder, created when it is missing. Required.
	DataDir string `yaml:"data_dir" json:"data_dir"`
	// AdoptCopiedFolder starts on a data folder that is a copy, too: for a disk that was moved, whose original is
	// gone for good. Set it for one start only: it takes the protection away. Default: such a folder is refused.
	AdoptCopiedFolder bool `yaml:"adopt_copied_folder,omitempty" json:"adopt_copied_folder,omitempty"`
	// Peers are all nodes that the cluster begins with, this one included, the same at each of them.
	// Required unless Join. From then on the membership in the log says who is a member; Peers say where
	// those are found that moved: for a member that is named here, these addresses count and not those of
	// the log.
	Peers map[raft.NodeID]Peer `yaml:"peers,omitempty" json:"peers,omitempty"`
	// Join says that this node is none of those that the cluster begins with: it waits until it is added to
	// a cluster that runs (raftmark ctl members add), and learns from its leader who is a member. Peers may
	// be left out.
	Join bool `yaml:"join,omitempty" json:"join,omitempty"`

	// PeerListen is the address for the other nodes, on the loopback network unless Transport is tls or quic, or
	// Insecure; what they are told as the address to answer at is Peers[Node].Peer or, when that is not given,
	// this one. Default: Peers[Node].Peer.
	PeerListen string `yaml:"peer_listen,omitempty" json:"peer_listen"`
	// ClientListen is the address of the client port, on the loopback network unless Insecure. Empty: no client
	// port.
	ClientListen string `yaml:"client_listen,omitempty" json:"client_listen"`
	// AdminListen is the address of the admin port, on the loopback network unless Insecure; with EnableFaults
	// there in any case. Empty: no admin port.
	AdminListen string `yaml:"admin_listen,omitempty" json:"admin_listen"`
	// Insecure allows what neither encrypts nor asks who is there outside of the loopback network, too: Transport
	// tcp, the client port, the admin port. Whoever can reach such a port can read and change everything; what is
	// exposed is said at the start and in /status. Default false.
	Insecure bool `yaml:"insecure,omitempty" json:"insecure,omitempty"`

	// Transport carries messages between nodes: tcp, tls, quic or mem. Default tcp.
	Transport string `yaml:"transport" json:"transport"`
	// TLSDir is the folder with this node's certificate and key (see raftmark certs), which are reread when they
	// change. Required with tls and quic.
	TLSDir string `yaml:"tls_dir,omitempty" json:"tls_dir,omitempty"`
	// DeadPeerTimeout is how long nothing may be heard on a connection with another node before it is given up, on
	// every lane; quiet ones are probed four times as often. Default: twice ElectionMin, at least 500ms and at most
	// 1m. Lower: fewer messages for a node that is gone, and more connections made again after a pause of the
	// machine or a lost packet, which TCP repeats after 200ms at the earliest; see transport.Options.
	DeadPeerTimeout time.Duration `yaml:"dead_peer_timeout,omitempty" json:"dead_peer_timeout_ns,omitempty"`
	// Congestion is the congestion control of Transport tcp and tls by the kernel's name for it, such as cubic or bbr.
	// Linux only. Default: the kernel's.
	Congestion string `yaml:"congestion,omitempty" json:"congestion,omitempty"`
	// AppendStreams is the number of streams that Transport quic spreads the append lane over. Default 1: they keep
	// their order. More: a lost packet holds back fewer of them.
	AppendStreams int `yaml:"append_streams,omitempty" json:"append_streams,omitempty"`
	// HeartbeatDatagrams has Transport quic send heartbeats as datagrams, which nothing lost before holds back.
	// Default false: on a stream.
	HeartbeatDatagrams bool `yaml:"heartbeat_datagrams,omitempty" json:"heartbeat_datagrams,omitempty"`
	// LogStorage holds the raft log: pebble (on disk) or mem (lost with the process: for measuring only).
	// Default pebble.
	LogStorage string `yaml:"log_storage" json:"log_storage"`
	// Sync is the durability class of LogStorage pebble: fsync, or none (for measuring only). Default fsync.
	Sync storage.Sync `yaml:"sync" json:"sync"`
	// Machine holds the keys: pebble, mem, or null (keeps nothing: for measuring only). Default: as LogStorage.
	Machine string `yaml:"machine" json:"machine"`

	// Reads says how GET, MGET and EXISTS are served: index, log or lease. Default index. With log each
	// costs as much as a write; lease saves a round of messages, and is linearizable only as long as clocks
	// do not drift apart by more than what Lease is shorter than ElectionMin. All nodes need the same.
	Reads string `yaml:"reads" json:"reads"`
	// Lease is how long a leader trusts the answer of a majority, with Reads lease only; at least two
	// TickIntervals below ElectionMin as rounded to them. Default four fifths of ElectionMin.
	Lease time.Duration `yaml:"lease,omitempty" json:"lease_ns,omitempty"`

	// Heartbeat is the time between a leader's heartbeats; below ElectionMin. Default 50ms. Lower: a dead
	// leader is noticed sooner when the election timeouts are lowered with it, and there are more messages.
	Heartbeat time.Duration `yaml:"heartbeat" json:"heartbeat_ns"`
	// ElectionMin and ElectionMax bound the randomized election timeout. Defaults 150ms and twice
	// ElectionMin. Lower: shorter outages, and more elections without need when the machine is busy.
	ElectionMin time.Duration `yaml:"election_min" json:"election_min_ns"`
	ElectionMax time.Duration `yaml:"election_max" json:"election_max_ns"`
	// TickInterval is the clock of the core: the three times above are rounded to it. Default 5ms. Lower: finer
	// timeouts, more wake-ups.
	TickInterval time.Duration `yaml:"tick_interval" json:"tick_interval_ns"`
	// DiskStallMax is how long one write of the log may take before this node neither leads nor stands for
	// election, until the write is done: TickInterval or more, or off for no limit. Default 1s. Lower: a shorter
	// outage when a leader's disk hangs; more changes of leader on a disk with hiccups.
	DiskStallMax StallLimit `yaml:"disk_stall_max,omitempty" json:"disk_stall_max"`
	// DiskReserve is how much of the file system of DataDir is to stay free, as in 256MiB, or off. With less the
	// node refuses commands with -DISKFULL, takes no entries from its leader, and hands leadership over, until a
	// quarter more than that is free again; with less than half of it, it does not start. Votes, reads and what frees
	// room go on. Default 256MiB; off with LogStorage mem. Lower: more of the disk can be used; what is under way when
	// it is noticed, within a tenth of a second, may no longer fit, and a write that does not fit ends the node.
	DiskReserve ByteLimit `yaml:"disk_reserve,omitempty" json:"disk_reserve"`
	// LogBytesMax is the budget of the raft log, as in 1GiB, or off: see replica.Options.LogBytesMax. Default 1GiB, or
	// four times the greater of Raft.SnapshotLogBytes and Raft.UncommittedBytesMax when that is more. Lower: less disk;
	// more snapshots for followers that were away; commands are refused sooner when the machine cannot be persisted.
	LogBytesMax ByteLimit `yaml:"log_bytes_max,omitempty" json:"log_bytes_max"`
	// TraceOneIn samples one in so many entries for /stages: see replica.Options.TraceOneIn. All nodes need the same.
	// Default 16; -1 for none.
	TraceOneIn int `yaml:"trace_one_in,omitempty" json:"trace_one_in"`
	// EnableFaults lets the admin port break this node's disk and links on purpose: /faults. Default false, which has
	// no such path and no layer for it below the stores and the transport. For tests and measurements only.
	EnableFaults bool `yaml:"enable_faults,omitempty" json:"enable_faults"`
	// DiskFaults are rules in force from the start on, before the disk is read; with EnableFaults only. A stall then
	// keeps the node from starting. Default none.
	DiskFaults []faultfs.Rule `yaml:"disk_faults,omitempty" json:"disk_faults,omitempty"`
	// LinkFaults are rules of the links to the other nodes in force from the start on; with EnableFaults only. Default
	// none.
	LinkFaults []linkfaults.Rule `yaml:"link_faults,omitempty" json:"link_faults,omitempty"`
	// Seed starts the source of the election timeouts, together with the node's id and the number of its
	// start; 0 draws one, which /status then shows. With the same seed each start of each node draws as it
	// did the last time.
	Seed uint64 `yaml:"seed,omitempty" json:"seed"`

	// Raft are the limits of the protocol. Default: those of raft.Config.
	Raft RaftLimits `yaml:"raft,omitempty" json:"raft"`
	// Client are the limits of the client port.
	Client ClientLimits `yaml:"client,omitempty" json:"client"`

	// PeerTransport is the transport itself; required with Transport mem, and only then.
	PeerTransport replica.Transport `yaml:"-" json:"-"`
	// ClientListener and AdminListener, when not nil, are used in place of ClientListen and AdminListen.
	// The node closes them.
	ClientListener net.Listener `yaml:"-" json:"-"`
	AdminListener  net.Listener `yaml:"-" json:"-"`
	// Logger takes life events; nil discards them.
	Logger *slog.Logger `yaml:"-" json:"-"`

	measureSpace func(dir string) (storage.Space, error) // in the place of storage.MeasureSpace, in tests
}

// RaftLimits are the limits of raft.Config, and of replica.Options where raft.Config has none of the name,
// that an experiment may want to change; zero is its default. Units and costs are documented there.
type RaftLimits struct {
	NoPreVote             bool `yaml:"no_pre_vote,omitempty" json:"no_pre_vote"`
	NoCheckQuorum         bool `yaml:"no_check_quorum,omitempty" json:"no_check_quorum"`
	MessageEntriesMax     int  `yaml:"message_entries_max,omitempty" json:"message_entries_max"`
	MessageBytesMax       int  `yaml:"message_bytes_max,omitempty" json:"message_bytes_max"`
	InflightMessagesMax   int  `yaml:"inflight_messages_max,omitempty" json:"inflight_messages_max"`
	InflightBytesMax      int  `yaml:"inflight_bytes_max,omitempty" json:"inflight_bytes_max"`
	UncommittedEntriesMax int  `yaml:"uncommitted_entries_max,omitempty" json:"uncommitted_entries_max"`
	UncommittedBytesMax   int  `yaml:"uncommitted_bytes_max,omitempty" json:"uncommitted_bytes_max"`
	TailEntriesMax        int  `yaml:"tail_entries_max,omitempty" json:"tail_entries_max"`
	TailBytesMax          int  `yaml:"tail_bytes_max,omitempty" json:"tail_bytes_max"`
	ApplyBytesMax         int  `yaml:"apply_bytes_max,omitempty" json:"apply_bytes_max"`
	DisconnectHints       bool `yaml:"disconnect_hints,omitempty" json:"disconnect_hints"`
	AdaptiveWindow        bool `yaml:"adaptive_window,omitempty" json:"adaptive_window"`
	PromoteLagMax         int  `yaml:"promote_lag_max,omitempty" json:"promote_lag_max"`
	SnapshotChunkBytes    int  `yaml:"snapshot_chunk_bytes,omitempty" json:"snapshot_chunk_bytes"`
	SnapshotInflightBytes int  `yaml:"snapshot_inflight_bytes,omitempty" json:"snapshot_inflight_bytes"`
	// SnapshotLogBytes and SnapshotLogEntries say after how much log it is compacted; -1 bytes is never.
	SnapshotLogBytes   int `yaml:"snapshot_log_bytes,omitempty" json:"snapshot_log_bytes"`
	SnapshotLogEntries int `yaml:"snapshot_log_entries,omitempty" json:"snapshot_log_entries"`
	// SnapshotKeepEntries is how many entries stay then; -1 is none.
	SnapshotKeepEntries int `yaml:"snapshot_keep_entries,omitempty" json:"snapshot_keep_entries"`
}

// ClientLimits bound what clients can ask of a node. Zero fields are defaults.
type ClientLimits struct {
	// ConnectionsMax bounds the clients connected at once; one more is told so and closed. Default 1024.
	ConnectionsMax int `yaml:"connections_max,omitempty" json:"connections_max"`
	// InflightRequestsMax and InflightBytesMax bound the unanswered requests of a connection; at the bound
	// it is not read. Defaults 1024 and 16 MiB. Higher: deeper pipelines, more memory.
	InflightRequestsMax int `yaml:"inflight_requests_max,omitempty" json:"inflight_requests_max"`
	InflightBytesMax    int `yaml:"inflight_bytes_max,omitempty" json:"inflight_bytes_max"`
	// InflightBytesAllMax bounds the unanswered requests of all connections together; at the bound none of
	// them is read until others were answered. Default 64 MiB, at least InflightBytesMax.
	InflightBytesAllMax int `yaml:"inflight_bytes_all_max,omitempty" json:"inflight_bytes_all_max"`
	// KeyBytesMax and ValueBytesMax bound a key and a value. Defaults 1 KiB and 1 MiB.
	KeyBytesMax   int `yaml:"key_bytes_max,omitempty" json:"key_bytes_max"`
	ValueBytesMax int `yaml:"value_bytes_max,omitempty" json:"value_bytes_max"`
	// KeysMax bounds the keys of one command (MGET, DEL, EXISTS). Default 512.
	KeysMax int `yaml:"keys_max,omitempty" json:"keys_max"`
	// RequestTimeout is the longest that a command waits for its outcome; it is then answered with
	// -UNKNOWN, and may still be applied. Default 5s.
	RequestTimeout time.Duration `yaml:"request_timeout,omitempty" json:"request_timeout_ns"`
}
