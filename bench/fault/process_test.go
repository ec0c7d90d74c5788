package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func (s *sleepers) signal(node uint64, sig syscall.Signal) error {
	cmd := s.running[node]
	if cmd == nil {
		return fmt.Errorf("node %d does not run", node)
	}
	return cmd.Process.Signal(sig)
}

// Pause waits for the system to say that the child has stopped.
func (s *sleepers) Pause(_ context.Context, node uint64) (commanded, stopped time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	commanded = s.Now()
	if err := s.signal(node, syscall.SIGSTOP); err != nil {
		return 0, 0, err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(s.running[node].Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
		return 0, 0, err
	}
	if !status.Stopped() {
		return 0, 0, fmt.Errorf("got status %v", status)
	}
	s.paused[node]++
	return commanded, s.Now(), nil
}

func (s *sleepers) Resume(_ context.Context, node uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumed[node]++
	return s.signal(node, syscall.SIGCONT)
}

func (s *sleepers) Paused(node uint64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused[node] > s.resumed[node], nil
}

// Stop ends the process by SIGTERM.
func (s *sleepers) Stop(_ context.Context, node uint64) (commanded, gone time.Duration, err error) {
	commanded = s.Now()
	if err := s.signal(node, syscall.SIGTERM); err != nil {
		return 0, 0, err
	}
	_ = s.running[node].Wait() // it says that the process was ended by a signal
	delete(s.running, node)
	s.order = append(s.order, node)
	return commanded, s.Now(), nil
}

func (s *sleepers) HandOver(_ context.Context, node uint64) (uint64, error) {
	if node != s.leader {
		return 0, errors.New("it does not lead")
	}
	if !s.idle {
		s.leader = s.leader%uint64(len(s.nodes)) + 1
	}
	return s.leader, nil
}

func (s *sleepers) AwaitCaughtUp(context.Context) error {
	if len(s.running) < len(s.nodes) {
		return errors.New("not all nodes run")
	}
	return nil
}

// injected is a fault that was prepared and injected.
func (s *sleepers) injected(kind string, o Options) (Fault, Injection) {
	s.t.Helper()
	f := s.make(kind, o)
	injection, err := f.Inject(s.t.Context(), s)
	if err != nil {
		s.t.Fatal(err)
	}
	return f, injection
}

func TestLeaderPause(t *testing.T) {
	c := startSleepers(t, 3)
	f, injection := c.injected(LeaderPause, Options{})
	if err := f.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
	if injection.Node != 2 || injection.Effective <= injection.Commanded || !c.Running(2) {
		t.Errorf("got %+v, want node 2 standing still after the order", injection)
	}
	if err := f.Heal(t.Context(), c); err != nil || c.resumed[2] != 1 {
		t.Errorf("got %v, resumed %v, want node 2 going on", err, c.resumed)
	}
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed although the node goes on")
	}
}

// Somebody else let the process go on: the fault was shorter than it says.
func TestPauseThatDidNotLastIsAnError(t *testing.T) {
	c := startSleepers(t, 3)
	f, _ := c.injected(LeaderPause, Options{})
	if err := c.Resume(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := f.Heal(t.Context(), c); err == nil || !strings.Contains(err.Error(), "goes on although") {
		t.Errorf("got %v, want an error", err)
	}
}

func TestLeaderShutdownAndTransfer(t *testing.T) {
	c := startSleepers(t, 3)
	f, injection := c.injected(LeaderShutdown, Options{})
	if injection.Node != 2 || injection.Effective != injection.Commanded || len(injection.Steps) != 2 ||
		injection.Steps[1].At <= injection.Commanded {
		t.Errorf("got %+v, want it in effect with the order, and a later end", injection)
	}
	if err := f.Check(t.Context(), c); err != nil || c.Running(2) {
		t.Errorf("got %v, want node 2 gone", err)
	}
	if err := f.Heal(t.Context(), c); err != nil || !c.Running(2) {
		t.Errorf("got %v, want node 2 back", err)
	}
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed although the node runs")
	}
	f, injection = c.injected(LeaderTransfer, Options{})
	if err := f.Check(t.Context(), c); err != nil || c.leader != 3 || injection.Node != 2 || len(c.running) != 3 {
		t.Errorf("got %v, leader %d, %+v; want node 2 to hand over to node 3", err, c.leader, injection)
	}
	c.idle = true
	f, _ = c.injected(LeaderTransfer, Options{})
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed although the leader leads on")
	}
}

// Over the seeds each follower is hit, and never the leader.
func TestFollowerKill(t *testing.T) {
	c := startSleepers(t, 3)
	hit := map[uint64]bool{}
	for seed := range uint64(8) {
		f, injection := c.injected(FollowerKill, Options{Seed: seed})
		hit[injection.Node] = true
		if err := f.Check(t.Context(), c); err != nil || c.Running(injection.Node) || len(c.running) != 2 {
			t.Fatalf("got %v, %d running, want node %d gone", err, len(c.running), injection.Node)
		}
		if err := f.Heal(t.Context(), c); err != nil || !c.Running(injection.Node) {
			t.Fatalf("got %v, want node %d back", err, injection.Node)
		}
		if err := f.Check(t.Context(), c); err == nil {
			t.Fatal("Check passed although the node runs")
		}
	}
	if !maps.Equal(hit, map[uint64]bool{1: true, 3: true}) {
		t.Errorf("got %v hit, want each follower", hit)
	}
}

func TestFollowerSlow(t *testing.T) {
	c := startSleepers(t, 3)
	f, injection := c.injected(FollowerSlow, Options{Seed: 1})
	if err := f.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
	if err := f.Heal(t.Context(), c); err != nil {
		t.Error(err)
	}
	node := injection.Node
	if node == 2 || c.paused[node] < 1+slowCheckTurns || c.paused[node] != c.resumed[node] {
		t.Errorf("got node %d stopped %d times and resumed %d times", node, c.paused[node], c.resumed[node])
	}
}

// A process that cannot be stopped again is not slow.
func TestFollowerSlowThatEndedIsAnError(t *testing.T) {
	c := startSleepers(t, 3)
	f, injection := c.injected(FollowerSlow, Options{})
	c.mu.Lock()
	_, _, err := c.Kill(t.Context(), injection.Node)
	c.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("not stopped again"))
	defer cancel()
	if err := f.Check(ctx, c); err == nil {
		t.Error("Check passed although the process is gone")
	}
	if err := f.Heal(t.Context(), c); err == nil || !strings.Contains(err.Error(), "slow node") {
		t.Errorf("got %v from Heal, want what failed", err)
	}
}

func TestRollingRestart(t *testing.T) {
	c := startSleepers(t, 3)
	before := maps.Clone(c.running)
	f := c.make(RollingRestart, Options{})
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed before anything was restarted")
	}
	injection, err := f.Inject(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
	if !slices.Equal(c.order, []uint64{1, 2, 3}) || injection.Node != 2 || len(injection.Steps) != 12 {
		t.Errorf("got the order %v, %+v", c.order, injection)
	}
	for node, old := range before {
		if c.running[node] == nil || c.running[node] == old {
			t.Errorf("node %d has the process of before", node)
		}
	}
}

// The mix is the seed's, all of it is done and undone, and the note says what it was.
func TestChaos(t *testing.T) {
	kinds := map[string]bool{}
	for seed := range uint64(40) {
		first, again := newChaos(Options{Seed: seed}), newChaos(Options{Seed: seed})
		if !slices.Equal(first.plan, again.plan) || len(first.plan) != chaosFaults {
			t.Fatalf("seed %d: got %v and %v", seed, first.plan, again.plan)
		}
		for _, step := range first.plan {
			kinds[step.kind] = true
			if step.hold < chaosHoldMin || step.hold >= chaosHoldMax {
				t.Errorf("%v lasts %v", step.kind, step.hold)
			}
		}
	}
	if len(kinds) != len(chaosKinds()) || kinds[Chaos] || kinds[NoOp] || kinds[RollingRestart] {
		t.Errorf("got %v, want each of %v", kinds, chaosKinds())
	}
	c := startSleepers(t, 3)
	f := c.make(Chaos, Options{Seed: 7})
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed before anything was done")
	}
	injection, err := f.Inject(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Check(t.Context(), c), f.Heal(t.Context(), c)); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(injection.Note, "seed 7: ") || strings.Count(injection.Note, " of node ") != chaosFaults ||
		len(injection.Steps) < chaosFaults {
		t.Errorf("got %+v, want the seed and the mix", injection)
	}
	if len(c.running) != 3 || len(c.broken) != 0 || len(c.cuts) != 0 || !maps.Equal(c.paused, c.resumed) {
		t.Errorf("got %d running, disks %v, cuts %v, paused %v, resumed %v, want all healed", len(c.running), c.broken,
			c.cuts, c.paused, c.resumed)
	}
}

// A fault of the mix that nothing met fails the trial, and is healed.
func TestChaosWithAFaultThatDidNotTakeEffect(t *testing.T) {
	c := startSleepers(t, 3)
	f := newChaos(Options{})
	f.plan = []chaosStep{{kind: LeaderTransfer, hold: chaosHoldMin}}
	c.idle = true
	if err := f.Prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Inject(t.Context(), c); err == nil || !strings.Contains(err.Error(), LeaderTransfer) {
		t.Errorf("got %v, want which fault of the mix it was", err)
	}
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed")
	}
}
