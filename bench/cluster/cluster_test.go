package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server"
)

const patience = 20 * time.Second

func startCluster(t *testing.T, o Options) *Cluster {
	t.Helper()
	t.Setenv(nodeEnv, "1")
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.StopGrace = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		for _, n := range c.Nodes() {
			if n.Running() {
				t.Errorf("node %d runs after Close", n.ID())
			}
		}
	})
	return c
}

func leaderWithin(t *testing.T, c *Cluster) *Node {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		n, err := c.Leader(t.Context())
		if err == nil {
			return n
		}
		if !errors.Is(err, ErrNoLeader) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func client(t *testing.T, c *Cluster) *redis.ClusterClient {
	t.Helper()
	var addresses []string
	for _, n := range c.Nodes() {
		addresses = append(addresses, n.ClientAddr())
	}
	r := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses, MaxRedirects: 20})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestKillAndRestartOfTheLeader(t *testing.T) {
	c := startCluster(t, Options{Nodes: 3})
	r := client(t, c)
	if err := r.Set(t.Context(), "before", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	old := leaderWithin(t, c)
	before := c.Now()
	commanded, effective, err := old.Kill()
	if err != nil {
		t.Fatal(err)
	}
	if commanded < before || effective < commanded || effective > c.Now() {
		t.Errorf("got commanded %v, effective %v, want them in order between %v and now", commanded, effective, before)
	}
	if old.Running() {
		t.Error("the leader runs after Kill")
	}
	leader := leaderWithin(t, c)
	if leader == old {
		t.Fatal("the dead node leads")
	}
	single := redis.NewClient(&redis.Options{Addr: leader.ClientAddr()})
	defer func() { _ = single.Close() }()
	if got, err := single.Get(t.Context(), "before").Result(); err != nil || got != "1" {
		t.Errorf("after the kill: got %q, %v, want 1", got, err)
	}
	if err := old.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := old.Status(t.Context())
	if err != nil || s.Incarnation != 2 || s.PID != old.Pid() {
		t.Errorf("after the restart: got incarnation %d, pid %d, %v, want 2 and %d", s.Incarnation, s.PID, err, old.Pid())
	}
	if err := c.Err(); err != nil {
		t.Errorf("a kill that was ordered is no failure: %v", err)
	}
	checkEvents(t, c, leader, effective)
}

// checkEvents wants to find how the new leader was elected after the kill.
func checkEvents(t *testing.T, c *Cluster, leader *Node, killed time.Duration) {
	t.Helper()
	events, err := c.Events()
	if err != nil {
		t.Fatal(err)
	}
	var kinds []replica.EventKind
	for i, e := range events {
		if i > 0 && e.TimeNs < events[i-1].TimeNs {
			t.Fatalf("events out of order: %+v before %+v", events[i-1], e)
		}
		if e.Node == leader.ID() && e.TimeNs > killed.Nanoseconds() {
			kinds = append(kinds, e.Kind)
		}
	}
	if text := fmt.Sprint(kinds); !strings.Contains(text, "leader term_committed") {
		t.Errorf("got the events %s after the kill, want an election", text)
	}
}

func TestPauseAndResume(t *testing.T) {
	c := startCluster(t, Options{Nodes: 3})
	old := leaderWithin(t, c)
	ordered, stopped, err := old.Pause()
	if err != nil {
		t.Fatal(err)
	}
	if paused, err := old.Paused(); err != nil || !paused || stopped <= ordered {
		t.Errorf("got paused %v, %v, ordered at %v, stopped at %v", paused, err, ordered, stopped)
	}
	leader := leaderWithin(t, c)
	for leader == old {
		leader = leaderWithin(t, c)
	}
	if err := old.Resume(); err != nil {
		t.Fatal(err)
	}
	if paused, err := old.Paused(); err != nil || paused {
		t.Errorf("got paused %v, %v after it was resumed", paused, err)
	}
	if err := c.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := old.Pause(); err != nil { // Close must end a paused node, too
		t.Fatal(err)
	}
}

func TestQUICAndAnEarlierFolder(t *testing.T) {
	dir := t.TempDir()
	c := startCluster(t, Options{Nodes: 1, Dir: dir, Transport: server.TransportQUIC})
	if err := client(t, c).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Nodes: 3, Dir: dir}); !server.IsConfig(err) ||
		!strings.Contains(err.Error(), "was used by 1") {
		t.Errorf("three nodes in the folder of one: got %v", err)
	}
	if _, err := Start(t.Context(), Options{Nodes: 1, Dir: dir, Name: "other"}); !server.IsConfig(err) ||
		!strings.Contains(err.Error(), `found "raftmark", want "other"`) {
		t.Errorf("the folder of another cluster: got %v", err)
	}
	again := startCluster(t, Options{Nodes: 1, Dir: dir})
	if got, err := client(t, again).Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("after a stop: got %q, %v, want v", got, err)
	}
}

// A cluster that grew and shrank is found again, without the node that was removed.
func TestAddRemoveAndStartAgain(t *testing.T) {
	dir := t.TempDir()
	c := startCluster(t, Options{Nodes: 1, Dir: dir, Transport: server.TransportTLS})
	if err := client(t, c).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	added, err := c.AddNode(t.Context())
	if err != nil || added.ID() != 2 {
		t.Fatalf("AddNode: got %v, %v, want node 2", added, err)
	}
	if err := c.RemoveNode(t.Context(), 1); err != nil { // the leader
		t.Fatal(err)
	}
	if c.Node(1) != nil || len(c.Nodes()) != 1 || leaderWithin(t, c) != added {
		t.Fatalf("after RemoveNode: got the nodes %v", c.Nodes())
	}
	again, err := c.AddNode(t.Context())
	if err != nil || again.ID() != 3 {
		t.Fatalf("AddNode: got %v, %v, want node 3", again, err)
	}
	if _, err := c.Transfer(t.Context(), 3); err != nil || leaderWithin(t, c) != again {
		t.Fatalf("Transfer: got %v", err)
	}
	now, err := c.Members(t.Context())
	if err != nil || now.Configuration != "2 3" || now.Leader != 3 {
		t.Fatalf("Members: got %+v, %v", now, err)
	}
	commanded, effective, err := again.Stop(t.Context())
	if err != nil || effective < commanded || again.Running() {
		t.Fatalf("Stop: got %v, %v, %v", commanded, effective, err)
	}
	if err := again.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, err := c.Events()
	if err != nil || events[0].Node != 1 {
		t.Errorf("the events of the removed node are gone: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	found := startCluster(t, Options{Nodes: 1, Dir: dir, Transport: server.TransportTLS})
	if found.Node(1) != nil || len(found.Nodes()) != 2 || found.Node(2).ClientAddr() != added.ClientAddr() {
		t.Errorf("started again: got the nodes %v", found.Nodes())
	}
	single := redis.NewClient(&redis.Options{Addr: leaderWithin(t, found).ClientAddr()})
	defer func() { _ = single.Close() }()
	if got, err := single.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("got %q, %v, want v", got, err)
	}
}

func TestAnEndByItselfIsAnError(t *testing.T) {
	c := startCluster(t, Options{Nodes: 1})
	if err := syscall.Kill(c.Nodes()[0].Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Failed():
	case <-time.After(patience):
		t.Fatal("nobody noticed")
	}
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "node 1 ended by itself: signal: killed") {
		t.Errorf("got %v", err)
	}
}

func TestChildrenEndWithTheirParent(t *testing.T) {
	c := startCluster(t, Options{Nodes: 1})
	p := c.Nodes()[0].current()
	if err := p.parent.Close(); err != nil { // what the system does when this process is gone
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatal("the child lives on")
	}
}

func TestFailureShowsTheLastWord(t *testing.T) {
	t.Setenv(nodeEnv, "1")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	o := Options{Nodes: 1, Dir: t.TempDir()}.WithDefaults()
	port := taken.Addr().(*net.TCPAddr).Port
	config, err := o.nodeConfig(1, []ports{{peer: 1, client: port, admin: 2}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	file, log := filepath.Join(o.Dir, "node.yaml"), filepath.Join(o.Dir, "node.log")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(self, log, 0, nil, []string{"node", "--config", file, "--exit-with-parent"})
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	err = p.failure()
	want := fmt.Sprintf("client_listen: listen tcp 127.0.0.1:%d", port)
	if !addressInUse(err) || refused(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want the port that is taken", err)
	}
}

func TestMemoryForgetsItsVote(t *testing.T) {
	c := startCluster(t, Options{Nodes: 1, LogStorage: server.StorageMem})
	if _, _, err := c.Nodes()[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes()[0].Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "forgotten its vote") {
		t.Errorf("got %v", err)
	}
}

func TestOptionsNameEveryFault(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Nodes: -1, Dir: "d"}, "nodes: -1, want 1 to 15"},
		{Options{Nodes: 99, Dir: "d"}, "nodes: 99, want 1 to 15"},
		{Options{}, "dir: empty"},
		{Options{Dir: "d", Heartbeat: time.Second}, "heartbeat: 1s, want less than election_min 150ms"},
		{Options{Dir: "d", Transport: "mem"}, "transport: mem works within one process only"},
		{Options{Dir: "d", StopGrace: -1}, "StopGrace: -1ns"},
		{Options{Dir: "d", Env: []string{"GOMEMLIMIT"}}, `env: "GOMEMLIMIT", want NAME=VALUE`},
	} {
		err := c.o.WithDefaults().Validate()
		if !server.IsConfig(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.o, err, c.want)
		}
	}
	if err := (Options{Dir: "d"}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestFreePortsDiffer(t *testing.T) {
	all, err := freePorts(5)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range all {
		for _, port := range []int{p.peer, p.client, p.admin} {
			if seen[port] || port < portMin || port >= portMax {
				t.Errorf("port %d twice or out of range in %v", port, all)
			}
			seen[port] = true
		}
	}
}

func TestEventsOfAKilledNode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.jsonl")
	text := `{"t_ns":1,"node":1,"kind":"start"}` + "\n" +
		`{"t_ns":2,"node":1,"ki{"t_ns":3,"node":1,"kind":"start"}` + "\n" +
		`{"t_ns":4,"node":1,"kind":"leader","term":2}` + "\n" + `{"t_ns":5,"no`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	events, err := readEvents(file)
	if err != nil || len(events) != 2 || events[1].TimeNs != 4 || events[1].Term != 2 {
		t.Errorf("got %+v, %v, want the two whole lines", events, err)
	}
	if events, err := readEvents(file + "x"); err != nil || events != nil {
		t.Errorf("no file: got %v, %v, want nothing", events, err)
	}
}
