package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/transport"
	transportmem "github.com/raftmark/raftmark/transport/mem"
)

const patience = 10 * time.Second

// startCluster runs n nodes in this process, on memory, and returns them when all are ready.
func startCluster(t *testing.T, n int, change func(*Config)) map[raft.NodeID]*Node {
	t.Helper()
	network := transportmem.NewNetwork()
	peers, clients := map[raft.NodeID]Peer{}, map[raft.NodeID]net.Listener{}
	for id := raft.NodeID(1); id <= raft.NodeID(n); id++ {
		clients[id] = listen(t)
		peers[id] = Peer{Peer: fmt.Sprintf("127.0.0.1:%d", id), Client: clients[id].Addr().String()}
	}
	nodes := map[raft.NodeID]*Node{}
	for id := range peers {
		link, err := network.Transport(transport.Options{Self: id, Cluster: "test", Peers: addresses(peers)})
		if err != nil {
			t.Fatal(err)
		}
		c := Config{
			Cluster: "test", Node: id, DataDir: t.TempDir(), Peers: peers, Transport: TransportMem, PeerTransport: link,
			LogStorage: StorageMem, ClientListener: clients[id], AdminListener: listen(t),
		}
		if change != nil {
			change(&c)
		}
		node, err := Start(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = node.Abort() })
		nodes[id] = node
	}
	eventually(t, "all nodes are ready", func() bool {
		for _, node := range nodes {
			if !node.Status().Ready {
				return false
			}
		}
		return true
	})
	return nodes
}

func addresses(peers map[raft.NodeID]Peer) map[raft.NodeID]string {
	out := map[raft.NodeID]string{}
	for id, p := range peers {
		out[id] = p.Peer
	}
	return out
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func leaderOf(nodes map[raft.NodeID]*Node) (leader, follower *Node) {
	for _, n := range nodes {
		if n.Status().IsLeader() {
			leader = n
		} else {
			follower = n
		}
	}
	return leader, follower
}

// conn is a raw connection: what is sent and what comes back, line by line.
type conn struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, address string) *conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &conn{t: t, Conn: c, r: bufio.NewReader(c)}
}

func (c *conn) say(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *conn) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		got, err := c.r.ReadString('\n')
		if err != nil || strings.TrimRight(got, "\r\n") != w {
			c.t.Fatalf("got %q, %v, want %q", got, err, w)
		}
	}
}

func TestCommands(t *testing.T) {
	nodes := startCluster(t, 1, func(c *Config) { c.Client.ValueBytesMax, c.Client.KeyBytesMax = 1000, 20 })
	c := dial(t, nodes[1].ClientAddr())
	long, key := strings.Repeat("v", 1001), strings.Repeat("k", 21)
	for _, row := range []struct{ say, want string }{
		{"PING", "+PONG"}, {"ping hi", "$2|hi"}, {"ECHO x", "$1|x"}, {"SELECT 0", "+OK"},
		{"SELECT 1", "-ERR SELECT is not allowed in cluster mode"},
		{"GET a", "$-1"}, {"SET a 1", "+OK"}, {"get a", "$1|1"}, {"SET a 2 NX", "$-1"}, {"SET a 2 XX", "+OK"},
		{"SET b 2 XX", "$-1"}, {"SET a 3 GET", "$1|2"}, {"SET a 3 NX XX", "-ERR syntax error: NX with XX"},
		{"SET a 3 EX 10", "-ERR syntax error: SET takes NX, XX and GET, not EX"},
		{"INCR a", ":4"}, {"INCR new", ":1"}, {"EXISTS a b a", ":2"}, {"MGET a b new", "*3|$1|4|$-1|$1|1"},
		{"CAS a 4 five", ":1"}, {"CAS a 4 six", ":0"}, {"GET a", "$4|five"}, {"DEL a b new", ":2"}, {"GET a", "$-1"},
		{"NOSUCH x", "-ERR unknown command 'NOSUCH'"},
		{"GET", "-ERR wrong number of arguments for 'GET' command"},
		{"SET k " + long, "-ERR value too large: 1001 bytes, at most 1000"},
		{"GET " + key, "-ERR key too large: 21 bytes, at most 20"},
		{"CLUSTER KEYSLOT foo", ":12182"}, {"CONFIG GET save", "*2|$4|save|$0|"}, {"COMMAND", "*0"},
		{"CLIENT SETNAME me", "+OK"}, {"CLIENT GETNAME", "$2|me"}, {"READONLY", "+OK"},
		{"CLIENT SETNAME " + strings.Repeat("n", 257), "-ERR client name too large: 257 bytes, at most 256"},
		{"HELLO 2 SETNAME " + strings.Repeat("n", 257), "-ERR client name too large: 257 bytes, at most 256"},
		{"CLIENT GETNAME", "$2|me"}, {"CLIENT SETNAME " + strings.Repeat("n", 256), "+OK"},
		{"HELLO 4", "-NOPROTO unsupported protocol version"}, {"QUIT", "+OK"},
	} {
		c.say(row.say)
		c.expect(strings.Split(row.want, "|")...)
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after QUIT: got %v, want the end", err)
	}
}

func TestRESP3(t *testing.T) {
	nodes := startCluster(t, 1, nil)
	c := dial(t, nodes[1].ClientAddr())
	c.say("HELLO 3")
	c.expect("%7", "$6", "server", "$8", "raftmark", "$7", "version", "$5", redisVersion, "$5", "proto", ":3",
		"$2", "id", ":1", "$4", "mode", "$7", "cluster", "$4", "role", "$6", "master", "$7", "modules", "*0")
	c.say("GET nothing", "MGET nothing", "CONFIG GET save")
	c.expect("_", "*1", "_", "%1", "$4", "save", "$0", "")
}

func TestPipelineKeepsOrder(t *testing.T) {
	nodes := startCluster(t, 1, nil)
	c := dial(t, nodes[1].ClientAddr())
	const n = 3000
	var want []string
	go func() {
		w := bufio.NewWriter(c)
		for i := range n {
			fmt.Fprintf(w, "SET k %d\r\nPING p%d\r\nGET k\r\nINCR n\r\n", i, i)
		}
		_ = w.Flush()
	}()
	for i := range n {
		value, ping := fmt.Sprint(i), fmt.Sprintf("p%d", i)
		want = append(want, "+OK", fmt.Sprintf("$%d", len(ping)), ping, fmt.Sprintf("$%d", len(value)), value,
			fmt.Sprintf(":%d", i+1))
	}
	c.expect(want...)
}

func TestFollowerRedirectsAndClusterClientFollows(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, follower := leaderOf(nodes)
	c := dial(t, follower.ClientAddr())
	c.say("GET foo", "SET foo bar", "PING")
	moved := "-MOVED 12182 " + leader.ClientAddr()
	c.expect(moved, moved, "+PONG")

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{follower.ClientAddr()}})
	defer func() { _ = client.Close() }()
	if err := client.Set(ctx, "foo", "bar", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Get(ctx, "foo").Result(); err != nil || got != "bar" {
		t.Errorf("got %q, %v, want bar", got, err)
	}
	if _, err := client.Get(ctx, "nothing").Result(); !errors.Is(err, redis.Nil) {
		t.Errorf("got %v, want %v", err, redis.Nil)
	}
	pipe := client.Pipeline()
	var results []*redis.IntCmd
	for range 100 {
		results = append(results, pipe.Incr(ctx, "n"))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Val() != int64(i+1) {
			t.Fatalf("INCR %d: got %d", i, r.Val())
		}
	}
	shards, err := client.ClusterShards(ctx).Result()
	if err != nil || len(shards) != 1 || len(shards[0].Nodes) != 3 {
		t.Errorf("CLUSTER SHARDS: got %+v, %v, want one shard of three nodes", shards, err)
	}
	checkDescriptions(t, leader, follower)
}

// checkDescriptions looks at what nodes say about themselves.
func checkDescriptions(t *testing.T, leader, follower *Node) {
	t.Helper()
	ctx := context.Background()
	single := func(n *Node) *redis.Client { return redis.NewClient(&redis.Options{Addr: n.ClientAddr()}) }
	l, f := single(leader), single(follower)
	defer func() { _, _ = l.Close(), f.Close() }()
	if role, err := l.Do(ctx, "ROLE").Slice(); err != nil || role[0] != "master" || len(role[2].([]any)) != 2 {
		t.Errorf("ROLE of the leader: got %v, %v", role, err)
	}
	host, _, _ := net.SplitHostPort(leader.ClientAddr())
	if role, err := f.Do(ctx, "ROLE").Slice(); err != nil || role[0] != "slave" || role[1] != host {
		t.Errorf("ROLE of a follower: got %v, %v", role, err)
	}
	if info, err := f.Info(ctx, "raft").Result(); err != nil || !strings.Contains(info, "role:follower") ||
		strings.Contains(info, "# Server") {
		t.Errorf("INFO raft of a follower: got %q, %v", info, err)
	}
	if nodes, err := f.ClusterNodes(ctx).Result(); err != nil || strings.Count(nodes, "\n") != 3 ||
		!strings.Contains(nodes, "myself,slave") || !strings.Contains(nodes, leader.ClientAddr()+"@0 master") {
		t.Errorf("CLUSTER NODES of a follower: got %q, %v", nodes, err)
	}
}

func TestNoLeader(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, follower := leaderOf(nodes)
	for _, n := range nodes {
		if n != follower {
			if err := n.Abort(); err != nil {
				t.Errorf("Abort: %v", err)
			}
		}
	}
	_ = leader
	eventually(t, "the survivor knows no leader", func() bool { return follower.Status().Raft.Leader == raft.None })
	c := dial(t, follower.ClientAddr())
	c.say("GET foo", "CLUSTER SLOTS")
	c.expect("-CLUSTERDOWN no leader", "-CLUSTERDOWN no leader")
	if code, _ := fetch(t, follower, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d, want %d", code, http.StatusServiceUnavailable)
	}
}

func TestRefusals(t *testing.T) {
	n := &Node{config: Config{Node: 1, Peers: map[raft.NodeID]Peer{1: {}, 2: {Client: "h:1"}, 3: {}}}}
	n.members.Store(newMembers(&n.config, n.config.bootstrap(), 0))
	s := newCommands(n)
	for _, c := range []struct {
		err  error
		want string
	}{
		{replica.ErrNotLeader{Leader: 2}, "MOVED 0 h:1"},
		{replica.ErrNotLeader{Leader: 3}, "CLUSTERDOWN no leader"},
		{replica.ErrNotLeader{Leader: 1}, "CLUSTERDOWN no leader"},
		{replica.ErrNotLeader{}, "CLUSTERDOWN no leader"},
		{replica.ErrBusy, "TRYAGAIN proposal queue full"},
		{raft.ErrClosed, "TRYAGAIN this node is stopping"},
		{replica.ErrTooLarge, "ERR proposal too large; it was not executed"},
		{raft.ErrTransferring, "TRYAGAIN leadership is being transferred"},
		{replica.ErrUnconfirmed, "CLUSTERDOWN no leader"},
		{fmt.Errorf("%w: %w", replica.ErrUnknown, raft.ErrClosed),
			"UNKNOWN outcome not known: proposal outcome unknown: closed"},
		{replica.ErrUnknown, "UNKNOWN outcome not known: proposal outcome unknown"},
		{errors.New("odd"), "UNKNOWN outcome not known: odd"},
	} {
		if got := s.refusal(c.err, nil); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
}

func fetch(t *testing.T, n *Node, path string) (int, string) {
	t.Helper()
	r, err := http.Get("http://" + n.AdminAddr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestAdminPort(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, follower := leaderOf(nodes)
	c := dial(t, leader.ClientAddr())
	c.say("SET k v")
	c.expect("+OK")
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ok", "/metrics": "\nraftmark_raft_is_leader 1\n", "/debug/pprof/": "goroutine",
		"/stages": `"voters":[1,2,3],"voters_from":`,
	} {
		if code, body := fetch(t, leader, path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d, %.2000q, want %q", path, code, body, want)
		}
	}
	hashOf := func(n *Node) Status {
		var s Status
		_, body := fetch(t, n, "/status?hash=1")
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatalf("/status: %v in %s", err, body)
		}
		return s
	}
	want := hashOf(leader)
	if want.StateHash == "" || want.Incarnation != 1 || want.PID != os.Getpid() ||
		want.Listen.Client != leader.ClientAddr() {
		t.Errorf("/status: got %+v", want)
	}
	eventually(t, "the follower has the leader's state", func() bool {
		return hashOf(follower).StateHash == want.StateHash
	})
	checkLogChains(t, leader, follower)
}

// checkLogChains asks two nodes for the chain over what both have committed.
func checkLogChains(t *testing.T, nodes ...*Node) {
	t.Helper()
	path := fmt.Sprintf("/log/chain?after=0&upto=%d", nodes[1].Status().Raft.LastApplied)
	var answers []LogChain
	for _, n := range nodes {
		var answer LogChain
		code, body := fetch(t, n, path)
		if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK {
			t.Fatalf("%s: %d, %v in %s", path, code, err, body)
		}
		answers = append(answers, answer)
	}
	if answers[0].Sum != answers[1].Sum || len(answers[0].Sum) != 64 || answers[0].Node == answers[1].Node {
		t.Errorf("%s: got %+v, want equal sums", path, answers)
	}
	for query, want := range map[string]int{
		"?upto=99999999": http.StatusRequestedRangeNotSatisfiable, "?after=x": http.StatusBadRequest, "": http.StatusOK,
	} {
		if code, body := fetch(t, nodes[0], "/log/chain"+query); code != want {
			t.Errorf("/log/chain%s: got %d %s, want %d", query, code, body, want)
		}
	}
}

func TestEventsAreRecorded(t *testing.T) {
	nodes := startCluster(t, 1, nil)
	if err := nodes[1].Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(nodes[1].Config().DataDir, EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	last := int64(0)
	for line := range strings.Lines(string(text)) {
		var e EventRecord
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Node != 1 || e.TimeNs < last {
			t.Fatalf("%q: %v", line, err)
		}
		last = e.TimeNs
		kinds = append(kinds, string(e.Kind))
	}
	all := strings.Join(kinds, " ")
	for _, want := range []string{"start", "campaign", "leader", "term_committed", "stop"} {
		if !strings.Contains(all, want) {
			t.Errorf("got the events %s, want %s among them", all, want)
		}
	}
}

func TestStopIsGraceful(t *testing.T) {
	nodes := startCluster(t, 1, nil)
	c := dial(t, nodes[1].ClientAddr())
	c.say("SET k v")
	c.expect("+OK")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := nodes[1].Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := nodes[1].Wait(); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("the connection is still open")
	}
	if _, err := net.Dial("tcp", nodes[1].Config().ClientListener.Addr().String()); err == nil {
		t.Error("the client port is still open")
	}
}
