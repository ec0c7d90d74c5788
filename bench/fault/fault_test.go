package fault

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// sleepers is a cluster of processes that do nothing; node 2 leads.
type sleepers struct {
	t       *testing.T
	started time.Time
	running map[uint64]*exec.Cmd
	leader  uint64
}

func startSleepers(t *testing.T, n int) *sleepers {
	t.Helper()
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Fatalf("the test needs sleep(1): %v", err)
	}
	s := &sleepers{t: t, started: time.Now(), running: map[uint64]*exec.Cmd{}, leader: 2}
	t.Cleanup(func() {
		for id := range s.running {
			if _, _, err := s.Kill(context.Background(), id); err != nil {
				t.Error(err)
			}
		}
	})
	for id := range uint64(n) {
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

func TestLeaderKill(t *testing.T) {
	c := startSleepers(t, 3)
	f, err := New(LeaderKill)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	injection, err := f.Inject(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check(c); err != nil {
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
	if err := f.Check(c); err == nil {
		t.Error("Check passed although the node runs")
	}
}

func TestNoLeaderNobodyKilled(t *testing.T) {
	c := startSleepers(t, 1)
	c.leader = 0
	f, err := New(LeaderKill)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Prepare(t.Context(), c); err == nil || !c.Running(1) {
		t.Errorf("got %v, want an error and node 1 running", err)
	}
}

func TestNoOpDoesNothing(t *testing.T) {
	c := startSleepers(t, 2)
	f, err := New(NoOp)
	if err != nil {
		t.Fatal(err)
	}
	injection, injectErr := f.Inject(t.Context(), c)
	if err := errors.Join(f.Prepare(t.Context(), c), injectErr, f.Check(c), f.Heal(t.Context(), c)); err != nil {
		t.Fatal(err)
	}
	if injection.Node != 0 || injection.Commanded != injection.Effective || len(c.running) != 2 {
		t.Errorf("got %+v and %d running, want nobody hit", injection, len(c.running))
	}
}

func TestEveryKindExistsAndIsDescribed(t *testing.T) {
	for _, kind := range Kinds() {
		if _, err := New(kind); err != nil || Describe(kind) == "unknown" {
			t.Errorf("%s: %v, %q", kind, err, Describe(kind))
		}
	}
	if _, err := New("meteor"); err == nil || slices.Contains(Kinds(), "meteor") {
		t.Error("a kind that does not exist was made")
	}
}
