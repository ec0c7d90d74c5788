package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server/resp"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
	"github.com/raftmark/raftmark/transport"
)

// Bounds that Validate checks.
const (
	nodesMax        = 15
	tickMin         = time.Millisecond
	tickMax         = time.Second
	electionLimit   = time.Minute
	requestTimeMax  = 10 * time.Minute
	connectionsMax  = 1 << 16
	inflightMax     = 1 << 20
	keyBytesLimit   = 64 << 10
	valueBytesLimit = raft.EntryDataBytesMax / 2
	keysLimit       = 1 << 14
	diskReserveMin  = ByteLimit(1 << 20)
	// deadPeerDefaultMin is the least default of dead_peer_timeout: the kernel repeats a lost segment of TCP after
	// 200 ms at the earliest, so that below twice that one lost packet looks like a dead peer.
	deadPeerDefaultMin = 500 * time.Millisecond
	// A message of this size, or with the one longest entry, fits in the transport's default frame. A
	// longer one would be dropped each time that it is sent.
	messageBytesLimit = raft.EntryDataBytesMax
)

// One SET at its limits fits in an entry, with its framing.
const _ = uint(raft.EntryDataBytesMax - valueBytesLimit - keyBytesLimit - 1<<10)

// WithDefaults returns a copy with the zero fields set.
func (c Config) WithDefaults() Config {
	c.Peers = maps.Clone(c.Peers)
	c.Cluster = cmp.Or(c.Cluster, DefaultCluster)
	c.PeerListen = cmp.Or(c.PeerListen, c.Peers[c.Node].Peer)
	c.Transport = cmp.Or(c.Transport, TransportTCP)
	c.LogStorage = cmp.Or(c.LogStorage, StoragePebble)
	c.Sync = cmp.Or(c.Sync, storage.SyncFsync)
	c.Machine = cmp.Or(c.Machine, c.LogStorage)
	c.Heartbeat = cmp.Or(c.Heartbeat, DefaultHeartbeat)
	c.ElectionMin = cmp.Or(c.ElectionMin, DefaultElectionMin)
	c.ElectionMax = cmp.Or(c.ElectionMax, 2*c.ElectionMin)
	c.TickInterval = cmp.Or(c.TickInterval, DefaultTickInterval)
	if c.Transport != TransportMem {
		c.DeadPeerTimeout = cmp.Or(c.DeadPeerTimeout,
			min(max(2*c.ElectionMin, deadPeerDefaultMin), transport.DeadPeerTimeoutLimit))
	}
	c.DiskStallMax = cmp.Or(c.DiskStallMax, DefaultDiskStallMax)
	if c.LogStorage == StorageMem {
		c.DiskReserve = cmp.Or(c.DiskReserve, BytesOff)
	}
	c.DiskReserve = cmp.Or(c.DiskReserve, DefaultDiskReserve)
	c.TraceOneIn = cmp.Or(c.TraceOneIn, replica.TraceOneInDefault)
	c.Reads = cmp.Or(c.Reads, ReadsIndex)
	if c.Reads == ReadsLease {
		c.Lease = cmp.Or(c.Lease, c.ElectionMin/5*4)
	}
	c.Client = c.Client.withDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (l ClientLimits) withDefaults() ClientLimits {
	l.ConnectionsMax = cmp.Or(l.ConnectionsMax, resp.DefaultConnectionsMax)
	l.InflightRequestsMax = cmp.Or(l.InflightRequestsMax, resp.DefaultInflightRequestsMax)
	l.InflightBytesMax = cmp.Or(l.InflightBytesMax, resp.DefaultInflightBytesMax)
	l.InflightBytesAllMax = cmp.Or(l.InflightBytesAllMax, max(resp.DefaultInflightBytesAllMax, l.InflightBytesMax))
	l.KeyBytesMax = cmp.Or(l.KeyBytesMax, DefaultKeyBytesMax)
	l.ValueBytesMax = cmp.Or(l.ValueBytesMax, DefaultValueMax)
	l.KeysMax = cmp.Or(l.KeysMax, DefaultKeysMax)
	l.RequestTimeout = cmp.Or(l.RequestTimeout, resp.DefaultRequestTimeout)
	return l
}

// faults collects what is wrong with a configuration.
type faults []error

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

func (f *faults) between(field string, value, low, high int) {
	f.check(value >= low && value <= high, "%s: %d, want %d to %d", field, value, low, high)
}

func (f *faults) oneOf(field, value string, names ...string) {
	f.check(slices.Contains(names, value), "%s: %q, want one of %s", field, value, strings.Join(names, ", "))
}

// Validate returns every fault of a configuration whose defaults are set: each names the field, the value
// and the bound.
func (c Config) Validate() error {
	var f faults
	if err := transport.ValidateCluster(c.Cluster); err != nil {
		f.check(false, "cluster: %q, want 1 to 64 letters, digits, '-', '_' and single '.' inside", c.Cluster)
	}
	f.check(c.Node != raft.None, "node: 0, want at least 1")
	f.check(c.DataDir != "", "data_dir: empty, want a folder")
	c.checkPeers(&f)
	c.checkListen(&f)
	c.checkParts(&f)
	c.checkTransport(&f)
	c.checkTimes(&f)
	f.check(c.DiskReserve == BytesOff || c.DiskReserve >= diskReserveMin,
		"disk_reserve: %v, want at least %v, or off", c.DiskReserve, diskReserveMin)
	f.check(c.LogBytesMax >= BytesOff, "log_bytes_max: %v, want more than 0, or off", c.LogBytesMax)
	f.check(c.TraceOneIn >= replica.TraceOff, "trace_one_in: %d, want at least 1, or -1 for none", c.TraceOneIn)
	c.Client.check(&f)
	f.check(c.EnableFaults || len(c.DiskFaults) == 0, "disk_faults: %d rules, want none unless enable_faults",
		len(c.DiskFaults))
	if err := faultfs.Validate(c.DiskFaults); err != nil {
		f.check(false, "disk_faults: %w", err)
	}
	c.checkLinkFaults(&f)
	f.check(c.Raft.MessageBytesMax <= messageBytesLimit,
		"raft.message_bytes_max: %d, want at most %d", c.Raft.MessageBytesMax, messageBytesLimit)
	f.check(c.Raft.SnapshotChunkBytes <= messageBytesLimit,
		"raft.snapshot_chunk_bytes: %d, want at most %d", c.Raft.SnapshotChunkBytes, messageBytesLimit)
	if len(f) == 0 {
		if err := c.core().WithDefaults().Validate(); err != nil {
			f.check(false, "raft: %w", err)
		}
	}
	return errors.Join(f...)
}

func (c Config) checkPeers(f *faults) {
	least, most := 1, nodesMax
	if c.Join {
		least, most = 0, raft.MembersMax
	}
	f.check(len(c.Peers) >= least && len(c.Peers) <= most, "peers: %d nodes, want %d to %d", len(c.Peers), least, most)
	if _, ok := c.Peers[c.Node]; !ok && c.Node != raft.None && len(c.Peers) > 0 && !c.Join {
		f.check(false, "node: %d is not one of the peers %v; to join them, set join", c.Node, sortedIDs(c.Peers))
	}
	f.check(!c.Join || c.PeerListen != "" || c.Transport == TransportMem,
		"peer_listen: empty, want host:port when join is set and peers have no node %d", c.Node)
	seen := map[string]string{}
	for _, id := range sortedIDs(c.Peers) {
		p := c.Peers[id]
		f.check(id != raft.None, "peers: node 0, want at least 1")
		for _, a := range []struct{ kind, address string }{{"peer", p.Peer}, {"client", p.Client}, {"admin", p.Admin}} {
			field := fmt.Sprintf("peers.%d.%s", id, a.kind)
			if a.address == "" {
				f.check(a.kind != "peer" || c.Transport == TransportMem, "%s: empty, want host:port", field)
				continue
			}
			if err := checkAddress(a.address); err != nil {
				f.check(false, "%s: %q, %w", field, a.address, err)
				continue
			}
			other, taken := seen[a.address]
			f.check(!taken || strings.HasSuffix(a.address, ":0"), "%s: %q is also %s", field, a.address, other)
			seen[a.address] = field
		}
	}
}

func (c Config) checkListen(f *faults) {
	encrypted := c.Transport == TransportTLS || c.Transport == TransportQUIC
	for _, l := range []struct {
		field, address string
		anywhere       bool
	}{
		{"peer_listen", c.PeerListen, encrypted || c.Insecure},
		{"client_listen", c.ClientListen, c.Insecure}, {"admin_listen", c.AdminListen, c.Insecure && !c.EnableFaults},
	} {
		check := checkLoopback
		if l.anywhere {
			check = checkAddress
		}
		if err := check(l.address); l.address != "" && err != nil {
			f.check(false, "%s: %q, %w", l.field, l.address, err)
		}
	}
}

func (c Config) checkParts(f *faults) {
	f.oneOf("transport", c.Transport, TransportTCP, TransportTLS, TransportQUIC, TransportMem)
	f.oneOf("log_storage", c.LogStorage, StoragePebble, StorageMem)
	f.oneOf("machine", c.Machine, MachinePebble, MachineMem, MachineNull)
	f.oneOf("sync", string(c.Sync), string(storage.SyncFsync), string(storage.SyncNone))
	f.oneOf("reads", c.Reads, ReadsIndex, ReadsLog, ReadsLease)
	switch c.Transport {
	case TransportTLS, TransportQUIC:
		f.check(c.TLSDir != "", "tls_dir: empty, want a folder with certificates when transport is %s", c.Transport)
	case TransportMem:
		f.check(c.PeerTransport != nil, "transport: mem works within one process only")
	}
	f.check(c.LogStorage != StorageMem || c.Machine != MachinePebble,
		"machine: pebble outlives log_storage mem, want mem or null")
}

// checkTransport checks what only some transports can do; nothing is ignored silently.
func (c Config) checkTransport(f *faults) {
	overTCP := c.Transport == TransportTCP || c.Transport == TransportTLS
	f.check(c.Congestion == "" || overTCP,
		"congestion: %q, want none unless transport is tcp or tls: quic has its own", c.Congestion)
	f.check(c.AppendStreams == 0 || c.AppendStreams >= 1 && c.AppendStreams <= transport.AppendStreamsMax,
		"append_streams: %d, want 1 to %d", c.AppendStreams, transport.AppendStreamsMax)
	f.check(c.AppendStreams <= 1 || c.Transport == TransportQUIC,
		"append_streams: %d, want 1 unless transport is quic", c.AppendStreams)
	f.check(!c.HeartbeatDatagrams || c.Transport == TransportQUIC,
		"heartbeat_datagrams: true, want false unless transport is quic")
	if c.Transport != TransportMem {
		f.check(c.DeadPeerTimeout >= transport.DeadPeerTimeoutMin && c.DeadPeerTimeout <= transport.DeadPeerTimeoutLimit,
			"dead_peer_timeout: %v, want %v to %v",
			c.DeadPeerTimeout, transport.DeadPeerTimeoutMin, transport.DeadPeerTimeoutLimit)
	}
}

func (c Config) checkTimes(f *faults) {
	f.check(c.TickInterval >= tickMin && c.TickInterval <= tickMax,
		"tick_interval: %v, want %v to %v", c.TickInterval, tickMin, tickMax)
	f.check(c.DiskStallMax == StallOff || time.Duration(c.DiskStallMax) >= c.TickInterval,
		"disk_stall_max: %v, want at least tick_interval %v, or off", c.DiskStallMax, c.TickInterval)
	f.check(c.Heartbeat > 0, "heartbeat: %v, want more than 0", c.Heartbeat)
	whose := ""
	if c.ElectionMin == DefaultElectionMin {
		whose = ", its default: set that, too"
	}
	f.check(c.Heartbeat < c.ElectionMin, "heartbeat: %v, want less than election_min %v%s",
		c.Heartbeat, c.ElectionMin, whose)
	f.check(c.ElectionMin > 0, "election_min: %v, want more than 0", c.ElectionMin)
	f.check(c.ElectionMax >= c.ElectionMin && c.ElectionMax <= electionLimit,
		"election_max: %v, want election_min %v to %v", c.ElectionMax, c.ElectionMin, electionLimit)
	f.check(c.Lease == 0 || c.Reads == ReadsLease, "lease: %v, want none unless reads is lease", c.Lease)
	if c.Reads == ReadsLease && c.TickInterval > 0 { // the rounded timeout is what followers keep
		most := time.Duration(c.ticks(c.ElectionMin)-2) * c.TickInterval
		f.check(c.Lease > 0 && c.Lease <= most,
			"lease: %v, want more than 0 and at most election_min, rounded to ticks, - 2 tick_interval = %v", c.Lease, most)
	}
	f.check(c.TickInterval <= 0 || c.Heartbeat <= 0 || c.Heartbeat >= c.TickInterval,
		"heartbeat: %v, want at least tick_interval %v", c.Heartbeat, c.TickInterval)
}

func (l ClientLimits) check(f *faults) {
	f.between("client.connections_max", l.ConnectionsMax, 1, connectionsMax)
	f.between("client.inflight_requests_max", l.InflightRequestsMax, 1, inflightMax)
	f.between("client.inflight_bytes_max", l.InflightBytesMax, 1, 1<<30)
	f.between("client.inflight_bytes_all_max", l.InflightBytesAllMax, l.InflightBytesMax, 1<<34)
	f.between("client.key_bytes_max", l.KeyBytesMax, 1, keyBytesLimit)
	f.between("client.value_bytes_max", l.ValueBytesMax, 1, valueBytesLimit)
	f.between("client.keys_max", l.KeysMax, 1, keysLimit)
	f.check(l.RequestTimeout > 0 && l.RequestTimeout <= requestTimeMax,
		"client.request_timeout: %v, want more than 0 and at most %v", l.RequestTimeout, requestTimeMax)
}

// ticks returns a time in ticks: rounded, at least one.
func (c Config) ticks(d time.Duration) int { return max(1, int((d+c.TickInterval/2)/c.TickInterval)) }

// core returns the configuration of the protocol.
func (c Config) core() raft.Config {
	l := c.Raft
	return raft.Config{
		ID: c.Node, Bootstrap: c.bootstrap(),
		ElectionTicksMin: c.ticks(c.ElectionMin), ElectionTicksMax: c.ticks(c.ElectionMax),
		HeartbeatTicks: c.ticks(c.Heartbeat),
		NoPreVote:      l.NoPreVote, NoCheckQuorum: l.NoCheckQuorum, DisconnectHints: l.DisconnectHints,
		MessageEntriesMax: l.MessageEntriesMax, MessageBytesMax: l.MessageBytesMax,
		InflightMessagesMax: l.InflightMessagesMax, InflightBytesMax: l.InflightBytesMax,
		UncommittedEntriesMax: l.UncommittedEntriesMax, UncommittedBytesMax: l.UncommittedBytesMax,
		TailEntriesMax: l.TailEntriesMax, TailBytesMax: l.TailBytesMax, ApplyBytesMax: l.ApplyBytesMax,
		AdaptiveWindow: l.AdaptiveWindow, PromoteLagMax: l.PromoteLagMax,
		SnapshotChunkBytes: l.SnapshotChunkBytes, SnapshotInflightBytes: l.SnapshotInflightBytes,
		LeaseNanos: c.Lease.Nanoseconds(), Seed: c.Seed,
	}
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return errors.New("want host:port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("want a port from 0 to 65535")
	}
	return nil
}

// checkLoopback refuses addresses that other machines could reach, where nobody is asked who is there.
func checkLoopback(address string) error {
	if err := checkAddress(address); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(address)
	if host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("want a loopback address, as in 127.0.0.1:7001, unless insecure is set")
}

func sortedIDs[V any](m map[raft.NodeID]V) []raft.NodeID { return slices.Sorted(maps.Keys(m)) }
