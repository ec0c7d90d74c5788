package server

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// onTCP starts node id on TCP, on a log on disk that is not synced, so that it can be started again.
func onTCP(t *testing.T, c Config) *Node {
	t.Helper()
	c.Cluster, c.Sync, c.Machine = "test", storage.SyncNone, cmp.Or(c.Machine, MachineMem)
	c.ElectionMin, c.Heartbeat = 300*time.Millisecond, 30*time.Millisecond // a busy machine
	own := c.Peers[c.Node]
	c.PeerListen, c.ClientListen, c.AdminListen = own.Peer, own.Client, own.Admin
	n, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Abort() })
	return n
}

// freshPeers returns addresses for nodes from to to, which were free a moment ago.
func freshPeers(t *testing.T, from, to raft.NodeID) map[raft.NodeID]Peer {
	t.Helper()
	peers := map[raft.NodeID]Peer{}
	for id := from; id <= to; id++ {
		var addresses [3]string
		for i := range addresses {
			l := listenBelow(t)
			addresses[i] = l.Addr().String()
			defer func() { _ = l.Close() }() // all are found before the first is free again
		}
		peers[id] = Peer{Peer: addresses[0], Client: addresses[1], Admin: addresses[2]}
	}
	return peers
}

// listenBelow listens on a port below those that systems hand out to outgoing connections, so that it stays
// free.
func listenBelow(t *testing.T) net.Listener {
	t.Helper()
	for range 1000 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))); err == nil {
			return l
		}
	}
	t.Fatal("no free port")
	return nil
}

func startTCP(t *testing.T, n raft.NodeID) (nodes map[raft.NodeID]*Node, peers map[raft.NodeID]Peer) {
	t.Helper()
	nodes, peers = map[raft.NodeID]*Node{}, freshPeers(t, 1, n)
	for id := range peers {
		nodes[id] = onTCP(t, Config{Node: id, DataDir: t.TempDir(), Peers: peers})
	}
	awaitLeader(t, nodes)
	return nodes, peers
}

func awaitLeader(t *testing.T, nodes map[raft.NodeID]*Node) (leader *Node) {
	t.Helper()
	eventually(t, "a node leads", func() bool {
		leader, _ = leaderOf(nodes)
		return leader != nil
	})
	return leader
}

// ask makes a request to an admin port; into takes the answer when that is 200.
func ask(t *testing.T, address, path string, body, into any) error {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post("http://"+address+path, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode == http.StatusOK {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatalf("%s: %v in %s", path, err, answer)
		}
		return nil
	}
	var refused AdminError
	if err := json.Unmarshal(answer, &refused); err != nil {
		t.Fatalf("%s: %s: %s", path, r.Status, answer)
	}
	return refused
}

// change asks whoever leads, until it is not refused for a reason that passes.
func change(t *testing.T, nodes map[raft.NodeID]*Node, changes ...MemberChange) MembersAnswer {
	t.Helper()
	var answer MembersAnswer
	eventually(t, fmt.Sprint(changes), func() bool {
		err := ask(t, awaitLeader(t, nodes).AdminAddr(), "/members", MembersRequest{Changes: changes}, &answer)
		var refused AdminError
		if errors.As(err, &refused) && (refused.Code == CodeNotLeader || refused.Code == CodeNotCaughtUp ||
			refused.Code == CodeTermNotCommitted || refused.Code == CodeTransferring) {
			return false
		}
		if err != nil {
			t.Fatalf("%v: %v", changes, err)
		}
		return true
	})
	return answer
}

// writer writes numbers 1, 2, ... under keys of their own until it is stopped, and remembers which were
// acknowledged.
type writer struct {
	addresses []string
	stop      context.CancelFunc
	wg        sync.WaitGroup
	next      atomic.Int64
	mu        sync.Mutex
	acked     []int64
	gap       time.Duration // the longest time without an acknowledgement
	last      time.Time
}

func startWriter(t *testing.T, peers map[raft.NodeID]Peer, clients int) *writer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &writer{stop: cancel, last: time.Now(), addresses: clientsOf(peers)}
	t.Cleanup(func() {
		cancel()
		w.wg.Wait()
	})
	for range clients {
		w.wg.Go(func() { w.run(ctx) })
	}
	return w
}

// run is one client: it goes where MOVED sends it, and to the next node when it is not answered.
func (w *writer) run(ctx context.Context) {
	var c net.Conn
	var r *bufio.Reader
	moved := ""
	for at := 0; ctx.Err() == nil; {
		if c == nil {
			address := moved
			if moved == "" {
				address = w.addresses[at%len(w.addresses)]
				at++
			}
			moved = ""
			var err error
			if c, err = net.Dial("tcp", address); err != nil {
				c = nil
				continue
			}
			r = bufio.NewReader(c)
		}
		n := w.next.Add(1)
		fmt.Fprintf(c, "SET n%d %d\r\n", n, n)
		_ = c.SetReadDeadline(time.Now().Add(patience))
		line, err := r.ReadString('\n')
		if line == "+OK\r\n" {
			w.ack(n)
			continue
		}
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "-MOVED" {
			moved = fields[2]
		}
		if err != nil || !strings.HasPrefix(line, "-TRYAGAIN") {
			_ = c.Close()
			c = nil
		}
		time.Sleep(time.Millisecond)
	}
	if c != nil {
		_ = c.Close()
	}
}

func clientsOf(peers map[raft.NodeID]Peer) []string {
	var addresses []string
	for _, id := range sortedIDs(peers) {
		addresses = append(addresses, peers[id].Client)
	}
	return addresses
}

func (w *writer) ack(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = append(w.acked, n)
	w.gap = max(w.gap, time.Since(w.last))
	w.last = time.Now()
}

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// end stops the writer and checks that node has all that was acknowledged.
func (w *writer) end(t *testing.T, node *Node) {
	t.Helper()
	w.stop()
	w.wg.Wait()
	r := redis.NewClient(&redis.Options{Addr: node.ClientAddr()})
	defer func() { _ = r.Close() }()
	lost := 0
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.acked {
		if got, err := r.Get(context.Background(), fmt.Sprint("n", n)).Int64(); err != nil || got != n {
			lost++
		}
	}
	if lost > 0 || len(w.acked) == 0 {
		t.Errorf("%d of %d acknowledged writes are lost", lost, len(w.acked))
	}
}

// A cluster of three grows to five and shrinks to three others, its leader among those that go, while
// clients write.
func TestGrowsAndShrinksUnderLoad(t *testing.T) {
	nodes, peers := startTCP(t, 3)
	more := freshPeers(t, 4, 6)
	everybody := maps.Clone(peers)
	maps.Copy(everybody, more)
	w := startWriter(t, everybody, 4)
	for id, p := range more {
		nodes[id] = onTCP(t, Config{Node: id, DataDir: t.TempDir(), Join: true, Peers: map[raft.NodeID]Peer{id: p}})
		s := nodes[id].Status()
		if s.Ready || !strings.Contains(s.NotReady, "waits to be added") || s.Raft.Role != "joining" {
			t.Errorf("a node that waits: got %q, %q", s.Raft.Role, s.NotReady)
		}
	}
	change(t, nodes, MemberChange{Op: "add", ID: 4, Peer: more[4]}, MemberChange{Op: "add", ID: 5, Peer: more[5]})
	got := change(t, nodes, MemberChange{Op: "promote", ID: 4}, MemberChange{Op: "promote", ID: 5})
	if got.Configuration != "1 2 3 4 5" || !got.Committed || got.Joint {
		t.Errorf("got the members %+v", got.Membership)
	}
	change(t, nodes, MemberChange{Op: "add", ID: 6, Peer: more[6]})
	w.awaitMore(t, 100)
	change(t, nodes, MemberChange{Op: "promote", ID: 6},
		MemberChange{Op: "remove", ID: 1}, MemberChange{Op: "remove", ID: 2}, MemberChange{Op: "remove", ID: 3})
	old := map[raft.NodeID]*Node{1: nodes[1], 2: nodes[2], 3: nodes[3]}
	for id := range old {
		delete(nodes, id)
	}
	leader := awaitLeader(t, nodes)
	w.awaitMore(t, 100)
	w.end(t, leader)
	if s := leader.Status(); s.Raft.Members.Configuration != "4 5 6" || s.Raft.Members.LastID != 6 {
		t.Errorf("got the members %+v", s.Raft.Members)
	}
	if all := shard(t, leader).Nodes; len(all) != 3 || int64(portOf(t, leader.ClientAddr())) != all[0].Port {
		t.Errorf("CLUSTER SHARDS: got %+v, want the three that are left, the leader first", all)
	}
	eventually(t, "the removed nodes know it", func() bool {
		for _, n := range old {
			if s := n.Status(); !s.Removed || s.Ready {
				return false
			}
		}
		return true
	})
	findsTheOthers(t, old, leader)
	if err := ask(t, leader.AdminAddr(), "/members", MembersRequest{Changes: []MemberChange{
		{Op: "add", ID: 2, Peer: peers[2]},
	}}, nil); err == nil || !strings.Contains(err.Error(), "id was used before") {
		t.Errorf("an id twice: got %v", err)
	}
}

// findsTheOthers wants clients that know only nodes that were removed to find the cluster.
func findsTheOthers(t *testing.T, removed map[raft.NodeID]*Node, leader *Node) {
	t.Helper()
	var known []string
	for id, n := range removed {
		known = append(known, n.ClientAddr())
		seen := map[string]bool{}
		eventually(t, fmt.Sprintf("removed node %d sends clients to each voter", id), func() bool {
			c := dial(t, n.ClientAddr())
			defer func() { _ = c.Close() }()
			c.say("GET k")
			line, err := c.r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "-MOVED" {
				seen[fields[2]] = true
			}
			return seen[leader.ClientAddr()] && len(seen) > 1
		})
	}
	r := redis.NewClusterClient(&redis.ClusterOptions{Addrs: known})
	defer func() { _ = r.Close() }()
	if err := r.Set(context.Background(), "k", "v", 0).Err(); err != nil {
		t.Errorf("a client that knows %v: %v", known, err)
	}
}

func (w *writer) awaitMore(t *testing.T, n int) {
	t.Helper()
	want := w.count() + n
	eventually(t, "writes go on", func() bool { return w.count() >= want })
}

func shard(t *testing.T, n *Node) redis.ClusterShard {
	t.Helper()
	r := redis.NewClient(&redis.Options{Addr: n.ClientAddr()})
	defer func() { _ = r.Close() }()
	got, err := r.ClusterShards(context.Background()).Result()
	if err != nil || len(got) != 1 {
		t.Fatalf("CLUSTER SHARDS: got %v, %v", got, err)
	}
	return got[0]
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// A node that joins when the log no longer has its beginning gets a snapshot, on every kind of machine, and both have
// their state again after a start.
func TestJoinsBySnapshot(t *testing.T) {
	for _, machine := range []string{MachinePebble, MachineMem, MachineNull} {
		t.Run(machine, func(t *testing.T) {
			peers := freshPeers(t, 1, 2)
			start := func(id raft.NodeID, dir string) *Node {
				c := Config{Node: id, DataDir: dir, Peers: map[raft.NodeID]Peer{id: peers[id]}, Join: id > 1, Machine: machine}
				c.Raft.SnapshotKeepEntries, c.Raft.TailEntriesMax = -1, 4
				return onTCP(t, c)
			}
			dirs := []string{t.TempDir(), t.TempDir()}
			nodes := map[raft.NodeID]*Node{1: start(1, dirs[0])}
			c := dial(t, awaitLeader(t, nodes).ClientAddr())
			for range 100 {
				c.say("SET k v")
				c.expect("+OK")
			}
			var compacted SnapshotAnswer
			err := ask(t, nodes[1].AdminAddr(), "/snapshot", struct{}{}, &compacted)
			if err != nil || compacted.FirstIndex < 100 {
				t.Fatalf("snapshot: got %+v, %v", compacted, err)
			}
			joins := start(2, dirs[1])
			change(t, nodes, MemberChange{Op: "add", ID: 2, Peer: peers[2]})
			change(t, nodes, MemberChange{Op: "promote", ID: 2})
			eventually(t, "the snapshot is installed", func() bool { return joins.Status().Metrics.SnapshotsInstalled == 1 })
			for _, n := range []*Node{joins, nodes[1]} {
				if err := n.Stop(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			nodes = map[raft.NodeID]*Node{1: start(1, dirs[0]), 2: start(2, dirs[1])}
			awaitLeader(t, nodes)
			var hashes [2]stateHash
			eventually(t, "both have one state", func() bool {
				for i := range hashes {
					var err error
					if hashes[i], err = nodes[raft.NodeID(i+1)].stateHash(); err != nil {
						t.Fatal(err)
					}
				}
				return hashes[0] == hashes[1] && hashes[0].index > compacted.FirstIndex
			})
		})
	}
}

// A node that lost its disk has forgotten whom it voted for, and what it acknowledged.
func TestWipedNodeIsRefused(t *testing.T) {
	nodes, peers := startTCP(t, 3)
	_, follower := leaderOf(nodes)
	id, config := follower.config.Node, follower.Config()
	eventually(t, "all nodes know each other's disk", func() bool {
		for other, n := range nodes {
			text, err := os.ReadFile(filepath.Join(n.Config().DataDir, "PEERS"))
			if err != nil || other != id && !strings.Contains(string(text), fmt.Sprintf("\n%d: ", id)) {
				return false
			}
		}
		return true
	})
	if err := follower.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(config.DataDir); err != nil {
		t.Fatal(err)
	}
	delete(nodes, id)
	wiped := onTCP(t, Config{Node: id, DataDir: config.DataDir, Peers: peers})
	eventually(t, "it says why it is not ready", func() bool {
		return strings.Contains(wiped.Status().NotReady, "must join under a new id")
	})
	if code, text := fetch(t, wiped, "/readyz"); code != http.StatusServiceUnavailable ||
		!strings.Contains(text, "must join under a new id") {
		t.Errorf("/readyz: got %d, %q", code, text)
	}
	if refusals := wiped.Status().Transport.RefusedBy["disk"]; refusals == 0 {
		t.Error("/status of the wiped node has no refusal")
	}
	eventually(t, "one of the others says whom it refuses, and the wiped node has turned silent", func() bool {
		refusals := 0
		for _, n := range nodes {
			for _, refused := range n.Status().Refused {
				if refused.Node == id && strings.Contains(refused.Err, "must join under a new id") {
					refusals++
				}
			}
		}
		return refusals > 0 && wiped.silenced.Load()
	})
	if s := wiped.Status(); s.Raft.Role == raft.Leader.String() || s.Raft.CommitIndex > 0 {
		t.Errorf("the wiped node takes part: %+v", s.Raft)
	}
}

// The cluster goes on at once when its leader is told to stop, long before any election timeout.
func TestStoppedLeaderHandsOver(t *testing.T) {
	const electionMin = 2 * time.Second
	nodes := startCluster(t, 3, func(c *Config) {
		c.ElectionMin, c.Heartbeat = electionMin, 50*time.Millisecond
		c.Client.RequestTimeout = patience
	})
	peers := map[raft.NodeID]Peer{}
	for id, n := range nodes {
		peers[id] = Peer{Client: n.ClientAddr()}
	}
	leader, _ := leaderOf(nodes)
	w := startWriter(t, peers, 2)
	w.awaitMore(t, 50)
	if err := leader.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	delete(nodes, leader.config.Node)
	w.awaitMore(t, 50)
	w.mu.Lock()
	gap := w.gap
	w.mu.Unlock()
	if gap > electionMin/3 {
		t.Errorf("%v without a write, want far below the least election timeout %v", gap, electionMin)
	}
	w.end(t, awaitLeader(t, nodes))
}

func TestAdminRefusals(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, follower := leaderOf(nodes)
	one := func(op string, id raft.NodeID) MembersRequest {
		return MembersRequest{Changes: []MemberChange{{Op: op, ID: id}}}
	}
	for _, c := range []struct {
		node       *Node
		path       string
		body       any
		code, want string
	}{
		{follower, "/members", one("remove", 1), CodeNotLeader, "not the leader"},
		{follower, "/transfer", TransferRequest{}, CodeNotLeader, "not the leader"},
		{leader, "/members", one("remove", 9), "not_member", "not a member: remove 9; the members are 1 2 3"},
		{leader, "/members", one("promote", leader.config.Node), "bad_change", "impossible membership change"},
		{leader, "/members", one("eat", 1), codeBadRequest, `op: "eat", want add`},
		{leader, "/members", one("add", 4), codeBadRequest, `peer: "", want host:port`},
		{leader, "/members", MembersRequest{Changes: []MemberChange{
			{Op: "remove", ID: 1}, {Op: "remove", ID: 2}, {Op: "remove", ID: 3},
		}}, "bad_change", "no voter"},
		{leader, "/members", MembersRequest{}, "bad_change", "changes nothing"},
		{leader, "/members", map[string]int{"change": 1}, codeBadRequest, "unknown field"},
		{leader, "/transfer", TransferRequest{To: 9}, "not_member", "not a member"},
		{leader, "/transfer", TransferRequest{To: leader.config.Node}, "not_voter", "it leads already"},
	} {
		err := ask(t, c.node.AdminAddr(), c.path, c.body, nil)
		var refused AdminError
		if !errors.As(err, &refused) || refused.Code != c.code || !strings.Contains(refused.Err, c.want) ||
			refused.Leader != leader.config.Node {
			t.Errorf("%s %+v: got %+v, want %s: %s", c.path, c.body, err, c.code, c.want)
		}
	}
	r, err := http.Post("http://"+leader.AdminAddr()+"/members", "text/plain", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a form of a browser: got %s", r.Status)
	}
}

func TestTransferAndSnapshotOnDemand(t *testing.T) {
	nodes := startCluster(t, 3, func(c *Config) { c.Raft.SnapshotKeepEntries = -1 })
	leader, follower := leaderOf(nodes)
	c := dial(t, leader.ClientAddr())
	for range 20 {
		c.say("INCR n")
	}
	for i := range 20 {
		c.expect(fmt.Sprintf(":%d", i+1))
	}
	var compacted SnapshotAnswer
	if err := ask(t, leader.AdminAddr(), "/snapshot", struct{}{}, &compacted); err != nil || compacted.FirstIndex < 20 {
		t.Errorf("snapshot: got %+v, %v", compacted, err)
	}
	var now MembersAnswer
	if err := ask(t, leader.AdminAddr(), "/transfer", TransferRequest{To: follower.config.Node}, &now); err != nil {
		t.Fatal(err)
	}
	if now.Leader != follower.config.Node {
		t.Errorf("after the transfer: got the leader %d, want %d", now.Leader, follower.config.Node)
	}
}

func TestPeerText(t *testing.T) {
	for _, p := range []Peer{{}, {Peer: "h:1"}, {Peer: "h:1", Client: "[::1]:2", Admin: "h:3"}, {Admin: "h:3"}} {
		if got, err := DecodePeer(p.Encode()); err != nil || got != p {
			t.Errorf("%q: got %+v, %v, want %+v", p.Encode(), got, err, p)
		}
	}
	for _, text := range []string{"h:1", "peer=", "peer=h:1,peer=h:2", "admin=h:1,", "pear=h:1", "peer=h:1;client=h:2,"} {
		if got, err := DecodePeer(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}
