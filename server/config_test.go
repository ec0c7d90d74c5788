package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/transport"
)

func validConfig(dir string) Config {
	return Config{
		Cluster: "test", Node: 1, DataDir: dir,
		Peers: map[raft.NodeID]Peer{
			1: {Peer: "127.0.0.1:7101", Client: "127.0.0.1:7001", Admin: "127.0.0.1:7201"},
			2: {Peer: "127.0.0.1:7102", Client: "127.0.0.1:7002", Admin: "127.0.0.1:7202"},
		},
	}
}

func TestValidateNamesFieldValueAndBound(t *testing.T) {
	if err := validConfig("d").WithDefaults().Validate(); err != nil {
		t.Fatalf("the valid configuration: %v", err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*Config)
		want  []string
	}{
		{"no nodes", func(c *Config) { c.Peers = nil }, []string{"peers: 0 nodes, want 1 to 15"}},
		{"no id", func(c *Config) { c.Node = 0 }, []string{"node: 0, want at least 1"}},
		{"a stranger", func(c *Config) { c.Node = 7 }, []string{"node: 7 is not one of the peers [1 2]"}},
		{"no folder", func(c *Config) { c.DataDir = "" }, []string{"data_dir: empty"}},
		{"cluster name", func(c *Config) { c.Cluster = "a/b" }, []string{`cluster: "a/b"`}},
		{"heartbeat too slow", func(c *Config) { c.Heartbeat = 150 * time.Millisecond },
			[]string{"heartbeat: 150ms, want less than election_min 150ms"}},
		{"heartbeat below a tick", func(c *Config) { c.Heartbeat = time.Millisecond },
			[]string{"heartbeat: 1ms, want at least tick_interval 5ms"}},
		{"negative heartbeat", func(c *Config) { c.Heartbeat = -1 }, []string{"heartbeat: -1ns, want more than 0"}},
		{"election range", func(c *Config) { c.ElectionMax = 100 * time.Millisecond },
			[]string{"election_max: 100ms, want election_min 150ms to 1m0s"}},
		{"tick", func(c *Config) { c.TickInterval = time.Microsecond }, []string{"tick_interval: 1µs, want 1ms to 1s"}},
		{"disk stall", func(c *Config) { c.DiskStallMax = StallLimit(time.Millisecond) },
			[]string{"disk_stall_max: 1ms, want at least tick_interval 5ms, or off"}},
		{"transport", func(c *Config) { c.Transport = "pigeon" },
			[]string{`transport: "pigeon", want one of tcp, tls, quic, mem`}},
		{"mem transport by name", func(c *Config) { c.Transport = TransportMem },
			[]string{"transport: mem works within one process only"}},
		{"no certificates", func(c *Config) { c.Transport = TransportQUIC },
			[]string{"tls_dir: empty, want a folder with certificates when transport is quic"}},
		{"machine outlives log", func(c *Config) { c.LogStorage, c.Machine = StorageMem, MachinePebble },
			[]string{"machine: pebble outlives log_storage mem"}},
		{"sync", func(c *Config) { c.Sync = "maybe" }, []string{`sync: "maybe", want one of fsync, none`}},
		{"open to the world", func(c *Config) { c.ClientListen, c.AdminListen = "0.0.0.0:7001", ":7201" },
			[]string{`client_listen: "0.0.0.0:7001", want a loopback`, `admin_listen: ":7201", want host:port`}},
		{"address twice", func(c *Config) { c.Peers[2] = Peer{Peer: "127.0.0.1:7101"} },
			[]string{`peers.2.peer: "127.0.0.1:7101" is also peers.1.peer`}},
		{"no peer address", func(c *Config) { c.Peers[2] = Peer{} }, []string{"peers.2.peer: empty, want host:port"}},
		{"port", func(c *Config) { c.Peers[2] = Peer{Peer: "127.0.0.1:70000"} },
			[]string{`peers.2.peer: "127.0.0.1:70000", want a port from 0 to 65535`}},
		{"limits", func(c *Config) { c.Client.KeysMax, c.Client.RequestTimeout = -1, -1 },
			[]string{"client.keys_max: -1, want 1 to 16384", "client.request_timeout: -1ns"}},
		{"trace", func(c *Config) { c.TraceOneIn = -2 }, []string{"trace_one_in: -2, want at least 1"}},
		{"raft limits", func(c *Config) { c.Raft.InflightMessagesMax = -1 },
			[]string{"raft: InflightMessagesMax: -1; want at least 1"}},
		{"messages longer than a frame", func(c *Config) { c.Raft.MessageBytesMax = 32 << 20 },
			[]string{"raft.message_bytes_max: 33554432, want at most 8388608"}},
		{"what only tcp can do", func(c *Config) { c.Transport, c.TLSDir, c.Congestion = TransportQUIC, "d", "cubic" },
			[]string{`congestion: "cubic", want none unless transport is tcp or tls`}},
		{"what only quic can do", func(c *Config) { c.AppendStreams, c.HeartbeatDatagrams = 2, true },
			[]string{"append_streams: 2, want 1 unless transport is quic", "heartbeat_datagrams: true"}},
		{"dead peer timeout", func(c *Config) { c.DeadPeerTimeout = time.Hour },
			[]string{"dead_peer_timeout: 1h0m0s, want 20ms to 1m0s"}},
		{"all faults at once", func(c *Config) { c.DataDir, c.Transport, c.Heartbeat = "", "x", time.Hour },
			[]string{"data_dir", "transport", "heartbeat"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := validConfig("d")
			c.spoil(&config)
			err := config.WithDefaults().Validate()
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to say %q", err, want)
				}
			}
		})
	}
}

// A configuration that passed must not fail when the client port is opened, after the disk was.
func TestValidClientLimitsAreServed(t *testing.T) {
	c := validConfig("d")
	c.Client.KeysMax, c.Client.KeyBytesMax, c.Client.ValueBytesMax = keysLimit, keyBytesLimit, valueBytesLimit
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := c.respOptions().WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfigRoundTrips(t *testing.T) {
	want := validConfig("/data/1").WithDefaults()
	if want.TraceOneIn != replica.TraceOneInDefault {
		t.Errorf("got one trace in %d, want the default said", want.TraceOneIn)
	}
	want.Logger = nil
	want.Raft.InflightMessagesMax = 7
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "heartbeat: 50ms") {
		t.Errorf("durations are not readable:\n%s", text)
	}
	file := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("YAML: got %+v, want %+v", got, want)
	}
	asJSON, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(asJSON, &back); err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("JSON: got %+v, %v, want %+v", back, err, want)
	}
}

func TestConfigFileFaultsAreOneLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "node: 1\nhartbeat: 5ms\n", "hartbeat"},
		{"wrong type", "node: one\n", "Config.Node"},
		{"duration without unit", "heartbeat: fast\n", "fast"},
		{"empty", "", "empty"},
		{"not YAML", "a: [", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, c.want)
			}
		})
	}
}

// A segment of TCP that was lost is repeated after 200ms at the earliest, which must not look like a dead peer.
func TestDefaultDeadPeerTimeoutOutlastsALostSegment(t *testing.T) {
	for electionMin, want := range map[time.Duration]time.Duration{
		0:                      500 * time.Millisecond,
		10 * time.Millisecond:  500 * time.Millisecond,
		300 * time.Millisecond: 600 * time.Millisecond,
		electionLimit:          transport.DeadPeerTimeoutLimit,
	} {
		c := validConfig("d")
		c.ElectionMin = electionMin
		if got := c.WithDefaults().DeadPeerTimeout; got != want {
			t.Errorf("election_min %v: dead_peer_timeout %v, want %v", electionMin, got, want)
		}
	}
}

func TestTimesBecomeTicks(t *testing.T) {
	c := validConfig("d")
	c.TickInterval, c.Heartbeat = 10*time.Millisecond, 44*time.Millisecond
	c.ElectionMin, c.ElectionMax = 100*time.Millisecond, 255*time.Millisecond
	core := c.WithDefaults().core()
	if core.HeartbeatTicks != 4 || core.ElectionTicksMin != 10 || core.ElectionTicksMax != 26 {
		t.Errorf("got %d, %d..%d ticks, want 4, 10..26", core.HeartbeatTicks, core.ElectionTicksMin, core.ElectionTicksMax)
	}
}

// Followers wait for the rounded timeout, so the lease is measured by that.
func TestLeaseIsBoundByTicks(t *testing.T) {
	for _, c := range []struct {
		electionMin, lease time.Duration
		ok                 bool
	}{
		{154 * time.Millisecond, 130 * time.Millisecond, true},
		{154 * time.Millisecond, 134 * time.Millisecond, false},
		{146 * time.Millisecond, 130 * time.Millisecond, true},
		{146 * time.Millisecond, 131 * time.Millisecond, false},
	} {
		config := validConfig("d")
		config.Reads, config.Lease = ReadsLease, c.lease
		config.TickInterval, config.ElectionMin = 10*time.Millisecond, c.electionMin
		err := config.WithDefaults().Validate()
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "130ms") {
			t.Errorf("election_min %v, lease %v: got %v, want at most 130ms", c.electionMin, c.lease, err)
		}
	}
}

func TestStartRefusesTheFolderOfAnother(t *testing.T) {
	dir := t.TempDir()
	claim, err := storage.NewClaim(storage.Options{Dir: dir, Cluster: "other", Node: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Start(validConfig(dir))
	if !IsConfig(err) || !strings.Contains(err.Error(), `found "other", want "test"`) {
		t.Errorf("got %v, want the configuration's fault, naming both clusters", err)
	}
}

func TestSlots(t *testing.T) {
	for key, want := range map[string]int{ // of the Redis cluster specification, and of redis-server
		"123456789": 0x31c3 % slotCount, "foo": 12182, "{user1000}.following": slotOf([]byte("user1000")),
		"foo{}{bar}": slotOf([]byte("foo{}{bar}")), "foo{{bar}}zap": slotOf([]byte("{bar")), "": 0,
	} {
		if got := slotOf([]byte(key)); got != want {
			t.Errorf("slot of %q: got %d, want %d", key, got, want)
		}
	}
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{
		"SyncP99": "sync_p99", "MessagesIn": "messages_in", "EntriesAWriteP50": "entries_a_write_p50",
		"DialsFailed": "dials_failed", "PID": "pid", "HTTPPort": "http_port",
	} {
		if got := snake(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
