package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/raftmark/raftmark/storage/faultfs"
)

func TestKillAllAndRestartAll(t *testing.T) {
	c := startCluster(t, Options{Nodes: 3})
	if err := client(t, c).Set(t.Context(), "before", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	before := c.Now()
	commanded, effective, err := c.KillAll()
	if err != nil {
		t.Fatal(err)
	}
	if commanded < before || effective <= commanded || effective > c.Now() {
		t.Errorf("got commanded %v, effective %v, want them in order between %v and now", commanded, effective, before)
	}
	for _, n := range c.Nodes() {
		if n.Running() {
			t.Errorf("node %d runs after KillAll", n.ID())
		}
	}
	if _, _, err := c.KillAll(); err == nil || !strings.Contains(err.Error(), "node 1 does not run") {
		t.Errorf("got %v from a second KillAll, want that there is nobody to kill", err)
	}
	if err := c.RestartAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	leader := leaderWithin(t, c)
	single := redis.NewClient(&redis.Options{Addr: leader.ClientAddr()})
	defer func() { _ = single.Close() }()
	if got, err := single.Get(t.Context(), "before").Result(); err != nil || got != "1" {
		t.Errorf("after the power came back: got %q, %v, want 1", got, err)
	}
	if err := c.Err(); err != nil {
		t.Errorf("a kill that was ordered is no failure: %v", err)
	}
}

func TestKillAllWantsAllToRun(t *testing.T) {
	c := startCluster(t, Options{Nodes: 3})
	if _, _, err := c.Node(3).Kill(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.KillAll(); err == nil || !c.Node(1).Running() || !c.Node(2).Running() {
		t.Errorf("got %v with a node that does not run, want an error and the others running", err)
	}
}

func TestDiskFaultsAreMetAndCleared(t *testing.T) {
	c := startCluster(t, Options{Nodes: 1, EnableFaults: true})
	admin, r := c.Node(1).AdminAddr(), client(t, c)
	const delay = 150 * time.Millisecond
	rule := faultfs.Rule{Op: faultfs.Sync, Path: "log/", Action: faultfs.Delay, Delay: faultfs.Duration(delay)}
	if _, err := c.Control().AddFaults(t.Context(), admin, rule); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := r.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < delay {
		t.Errorf("a write took %v while each sync takes %v", took, delay)
	}
	now, err := c.Control().Faults(t.Context(), admin)
	if err != nil || len(now.Rules) != 1 || now.Rules[0].Hits == 0 {
		t.Errorf("got %+v, %v, want one rule that was met", now.Rules, err)
	}
	if _, err := c.Control().ClearFaults(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	if now, err := c.Control().Faults(t.Context(), admin); err != nil || len(now.Rules) != 0 {
		t.Errorf("got %+v, %v after they were cleared, want none", now.Rules, err)
	}
	rule.Op = "sink"
	if _, err := c.Control().AddFaults(t.Context(), admin, rule); err == nil || !strings.Contains(err.Error(), "sink") {
		t.Errorf("got %v for a rule that does not exist, want what the node says", err)
	}
}

func TestDiskFaultsNeedTheirPort(t *testing.T) {
	c := startCluster(t, Options{Nodes: 1})
	_, err := c.Control().AddFaults(t.Context(), c.Node(1).AdminAddr(),
		faultfs.Rule{Op: faultfs.Sync, Action: faultfs.Stall})
	if err == nil || !strings.Contains(err.Error(), "--enable-faults") {
		t.Errorf("got %v from a node without faults, want it to say what is missing", err)
	}
}
