package fault

import (
	"context"
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sleepers is a cluster of processes that do nothing; node 2 leads. Its disks sync when they are asked how often.
type sleepers struct {
	t       *testing.T
	started time.Time
	running map[uint64]*exec.Cmd
	nodes   []uint64
	leader  uint64

	broken map[uint64]DiskFault
	hits   map[uint64]uint64
	idle   bool // nothing is synced, and nothing sent
	cuts   map[uint64][]LinkCut

	mu              sync.Mutex // of the turns of a slow follower
	paused, resumed map[uint64]int
	order           []uint64 // in which nodes were stopped
}

func startSleepers(t *testing.T, n int) *sleepers {
	t.Helper()
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Fatalf("the test needs sleep(1): %v", err)
	}
	s := &sleepers{t: t, started: time.Now(), running: map[uint64]*exec.Cmd{}, leader: 2,
		broken: map[uint64]DiskFault{}, hits: map[uint64]uint64{}, cuts: map[uint64][]LinkCut{},
		paused: map[uint64]int{}, resumed: map[uint64]int{}}
	t.Cleanup(func() {
		for id := range s.running {
			if _, _, err := s.Kill(context.Background(), id); err != nil {
				t.Error(err)
			}
		}
	})
	for id := range uint64(n) {
		s.nodes = append(s.nodes, id+1)
		if err := s.Restart(t.Context(), id+1); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *sleepers) Now() time.Duration       { return time.Since(s.started) }
func (s *sleepers) Running(node uint64) bool { return s.running[node] != nil }
func (s *sleepers) Leader(context.Context) (uint64, error) {
	if s.leader == 0 {
		return 0, errors.New("nobody leads")
	}
	return s.leader, nil
}

func (s *sleepers) Kill(_ context.Context, node uint64) (commanded, gone time.Duration, err error) {
	cmd := s.running[node]
	commanded = s.Now()
	if err := cmd.Process.Kill(); err != nil {
		return 0, 0, err
	}
	_ = cmd.Wait() // it says that the process was killed
	delete(s.running, node)
	return commanded, s.Now(), nil
}

func (s *sleepers) Restart(_ context.Context, node uint64) error {
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running[node] = cmd
	return nil
}

func (s *sleepers) Members() []uint64 { return s.nodes }

func (s *sleepers) KillAll(ctx context.Context) (commanded, gone time.Duration, err error) {
	commanded = s.Now()
	for _, id := range s.nodes {
		if _, gone, err = s.Kill(ctx, id); err != nil {
			return 0, 0, err
		}
	}
	return commanded, gone, nil
}

func (s *sleepers) RestartAll(ctx context.Context) error {
	for _, id := range s.nodes {
		if err := s.Restart(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *sleepers) BreakDisk(_ context.Context, node uint64, f DiskFault) error {
	s.broken[node] = f
	return nil
}

func (s *sleepers) DiskHits(_ context.Context, node uint64) (uint64, error) {
	before := s.hits[node]
	if _, ok := s.broken[node]; ok && !s.idle {
		s.hits[node]++
	}
	return before, nil
}

func (s *sleepers) HealDisk(_ context.Context, node uint64) error {
	delete(s.broken, node)
	return nil
}

func (s *sleepers) CutLinks(_ context.Context, node uint64, cuts ...LinkCut) error {
	if s.running[node] == nil {
		return errors.New("it does not run")
	}
	s.cuts[node] = cuts
	return nil
}

func (s *sleepers) LinkHits(_ context.Context, node uint64) (uint64, error) {
	before := s.hits[node]
	if _, ok := s.cuts[node]; ok && !s.idle {
		s.hits[node]++
	}
	return before, nil
}

func (s *sleepers) HealLinks(_ context.Context, node uint64) error {
	delete(s.cuts, node)
	return nil
}

// make returns a prepared fault.
func (s *sleepers) make(kind string, o Options) Fault {
	s.t.Helper()
	f, err := New(kind, o)
	if err == nil {
		err = f.Prepare(s.t.Context(), s)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func TestLeaderKill(t *testing.T) {
	c := startSleepers(t, 3)
	f := c.make(LeaderKill, Options{})
	injection, err := f.Inject(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if injection.Node != 2 || injection.Effective <= injection.Commanded {
		t.Errorf("got %+v, want node 2, gone after the order", injection)
	}
	if c.Running(2) || !c.Running(1) || !c.Running(3) {
		t.Error("want node 2 gone, and only that")
	}
	if err := f.Heal(t.Context(), c); err != nil || !c.Running(2) {
		t.Errorf("got %v, want node 2 running again", err)
	}
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed although the node runs")
	}
}

func TestNoLeaderNobodyKilled(t *testing.T) {
	c := startSleepers(t, 1)
	c.leader = 0
	f, err := New(LeaderKill, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Prepare(t.Context(), c); err == nil || !c.Running(1) {
		t.Errorf("got %v, want an error and node 1 running", err)
	}
}

func TestNoOpDoesNothing(t *testing.T) {
	c := startSleepers(t, 2)
	f, err := New(NoOp, Options{})
	if err != nil {
		t.Fatal(err)
	}
	injection, injectErr := f.Inject(t.Context(), c)
	err = errors.Join(f.Prepare(t.Context(), c), injectErr, f.Check(t.Context(), c), f.Heal(t.Context(), c))
	if err != nil {
		t.Fatal(err)
	}
	if injection.Node != 0 || injection.Commanded != injection.Effective || len(c.running) != 2 {
		t.Errorf("got %+v and %d running, want nobody hit", injection, len(c.running))
	}
}

func TestPowerLoss(t *testing.T) {
	c := startSleepers(t, 3)
	f := c.make(PowerLoss, Options{})
	if err := f.Check(t.Context(), c); err == nil {
		t.Error("Check passed although all nodes run")
	}
	injection, err := f.Inject(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check(t.Context(), c); err != nil || len(c.running) != 0 {
		t.Errorf("got %v and %d processes, want none", err, len(c.running))
	}
	if injection.Node != 2 || injection.Effective <= injection.Commanded {
		t.Errorf("got %+v, want it under the leader's name, effective after the order", injection)
	}
	if err := c.Restart(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), "node 3 still runs") {
		t.Errorf("got %v although one node runs", err)
	}
	if _, _, err := c.Kill(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := f.Heal(t.Context(), c); err != nil || len(c.running) != 3 {
		t.Errorf("got %v and %d processes, want all of them back", err, len(c.running))
	}
}

func TestLeaderDisk(t *testing.T) {
	for _, kind := range []struct {
		name string
		opts Options
		want time.Duration
	}{
		{LeaderDiskStall, Options{Delay: time.Second}, 0}, {LeaderDiskSlow, Options{}, 20 * time.Millisecond},
		{LeaderDiskSlow, Options{Delay: time.Second}, time.Second},
	} {
		c := startSleepers(t, 3)
		f := c.make(kind.name, kind.opts)
		injection, err := f.Inject(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[uint64]DiskFault{2: {Delay: kind.want}}; !maps.Equal(c.broken, want) || injection.Node != 2 {
			t.Errorf("%s: got %v, %+v, want %v, under the leader's name", kind.name, c.broken, injection, want)
		}
		if err := f.Check(t.Context(), c); err != nil {
			t.Errorf("%s: %v although syncs met it", kind.name, err)
		}
		if err := f.Heal(t.Context(), c); err != nil || len(c.broken) != 0 {
			t.Errorf("%s: got %v and %v, want no broken disk", kind.name, err, c.broken)
		}
	}
}

// A fault that nothing met is no fault: Check must be able to fail.
func TestDiskFaultThatNoSyncMetIsNotTaken(t *testing.T) {
	c := startSleepers(t, 1)
	c.leader, c.idle = 1, true
	f := c.make(LeaderDiskStall, Options{})
	if _, err := f.Inject(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("nothing met it"))
	defer cancel()
	if err := f.Check(ctx, c); err == nil || !strings.Contains(err.Error(), "met") {
		t.Errorf("got %v from an idle disk, want an error", err)
	}
}

func TestEveryKindExistsAndIsDescribed(t *testing.T) {
	for _, kind := range Kinds() {
		if _, err := New(kind, Options{}); err != nil || Describe(kind) == "unknown" {
			t.Errorf("%s: %v, %q", kind, err, Describe(kind))
		}
	}
	if _, err := New(LeaderDiskSlow, Options{Delay: -1}); err == nil {
		t.Error("a delay below 0 was taken")
	}
	if _, err := New("meteor", Options{}); err == nil || slices.Contains(Kinds(), "meteor") {
		t.Error("a kind that does not exist was made")
	}
}

// Healing without an injection, as after one that failed, does nothing; one that cannot end is an error.
func TestHealingASlowFollowerIsBounded(t *testing.T) {
	f := &followerSlow{}
	if err := f.Heal(t.Context(), nil); err != nil {
		t.Errorf("nothing to heal: %v", err)
	}
	f.stop, f.ended = make(chan struct{}), make(chan error) // its turns hang
	ctx, cancel := context.WithCancelCause(t.Context())
	hung := errors.New("hung")
	cancel(hung)
	if err := f.Heal(ctx, nil); !errors.Is(err, hung) {
		t.Errorf("got %v, want that it did not end", err)
	}
}
