package election

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
)

func toy() Options {
	return Options{Seed: 7, Trials: 3, Hours: 1, HourLength: time.Minute, TrialMax: time.Second}.WithDefaults()
}

// The study is what it is made from, however many work on it.
func TestStudyRepeatsBitByBit(t *testing.T) {
	var before *Study
	for _, workers := range []int{1, 3} {
		o := toy()
		o.Workers = workers
		s, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && (!reflect.DeepEqual(s.Trials, before.Trials) || !reflect.DeepEqual(s.Hours, before.Hours)) {
			t.Error("one worker and three: got different trials or hours")
		}
		before = s
	}
	o := toy()
	o.Seed = 8
	s, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(s.Trials, before.Trials) {
		t.Error("another seed: got the same trials")
	}
}

func TestArmsAreThePapersLinesOnceEach(t *testing.T) {
	names := map[string]bool{}
	groups := map[Group]int{}
	for _, a := range toy().arms() {
		if names[a.Name] {
			t.Errorf("%s: listed twice", a.Name)
		}
		names[a.Name] = true
		for _, g := range a.Groups {
			groups[g]++
		}
	}
	if groups[GroupRandomness] != 6 || groups[GroupScale] != 5 || groups[GroupProtocol] != 4 {
		t.Errorf("got %v, want 6 lines of randomness, 5 of scale, 4 protocols", groups)
	}
}

func paperArm(t Timeouts) Arm {
	return Arm{Name: "test", Timeouts: t, Ending: Crash, Priorities: Equal, Model: PaperModel()}
}

// §9.3: the logs differ, so that two of the four that are left cannot be elected; what was committed is on a
// majority.
func TestLogsAreTheWorstThatRaftAllows(t *testing.T) {
	c, err := newCluster(paperArm(ms(150, 300)), toy().Tick, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.prologue(); err != nil {
		t.Fatal(err)
	}
	c.unequalLogs([]int{2, 0, 3, 1})
	var lasts []raft.Index
	for i := range c.nodes {
		lasts = append(lasts, c.nodes[i].core.LastIndex())
	}
	if want := []raft.Index{6, 3, 5, 2, 4}; !slices.Equal(lasts, want) {
		t.Errorf("logs end at: got %v, want %v", lasts, want)
	}
	if c.committed != 4 || c.now != 0 {
		t.Errorf("got %d entries committed at %v, want 4 at 0s", c.committed, c.now)
	}
}

// Only the two servers that have what was committed win, whatever stands.
func TestOnlyServersWithTheCommittedEntriesWin(t *testing.T) {
	for seed := range uint64(20) {
		if _, err := runTrial(paperArm(ms(50, 100)), toy(), seed); err != nil {
			t.Fatal(err) // ErrUnsafe, when one without them won
		}
	}
}

// §9.3: "the smallest possible downtime was about half of the minimum election timeout"; and trap T13: the phase of the
// crash is uniform in the heartbeat interval.
func TestCrashIsUniformWithinTheHeartbeat(t *testing.T) {
	const trials = 200
	arm := paperArm(ms(50, 100))
	arm.Protocol = product()
	var phases []float64
	for n := range trials {
		x, err := runTrial(arm, toy(), seedOf(1, arm.Name, n))
		if err != nil {
			t.Fatal(err)
		}
		if x.Detect < 24*time.Millisecond || x.Elect < x.Detect || x.Commit < x.Elect {
			t.Errorf("trial %d: got detect %v, elect %v, commit %v; want them in order, from about 25 ms on", n,
				x.Detect, x.Elect, x.Commit)
		}
		phases = append(phases, float64(x.Phase)/float64(arm.Timeouts.Heartbeat()))
	}
	slices.Sort(phases)
	distance := 0.0
	for i, p := range phases {
		distance = max(distance, math.Abs(p-float64(i)/trials), math.Abs(p-float64(i+1)/trials))
	}
	if limit := 1.63 / math.Sqrt(trials); distance > limit { // Kolmogorov and Smirnov, 1 %
		t.Errorf("distance from uniform: got %.3f, want at most %.3f", distance, limit)
	}
}

// A shutdown in order has no election timeout in it; a crash has at least half of the minimum.
func TestShutdownHandsOver(t *testing.T) {
	arm := paperArm(ms(150, 300))
	arm.Protocol, arm.Load, arm.Ending = product(), true, Shutdown
	for seed := range uint64(10) {
		x, err := runTrial(arm, toy(), seed)
		if err != nil {
			t.Fatal(err)
		}
		if x.Elect < 0 || x.Elect >= 150*time.Millisecond || x.Terms != 1 {
			t.Errorf("seed %d: got a leader after %v and %d terms, want less than 150 ms and 1", seed, x.Elect, x.Terms)
		}
	}
}

// A trial that has no leader at its end says so, and is kept.
func TestTrialWithoutALeaderIsNoTime(t *testing.T) {
	o := toy()
	o.TrialMax = 10 * time.Millisecond
	x, err := runTrial(paperArm(ms(150, 300)), o, 1)
	if err != nil || x.Elected() || x.Elect != never {
		t.Errorf("got %+v, %v; want no leader within 10 ms", x, err)
	}
}

// What is written during a sync is taken by the next one, whether or not anything else happens.
func TestDiskTakesWhatCameDuringASync(t *testing.T) {
	arm := paperArm(ms(150, 155))
	arm.Model.RequestsEarly = true
	for seed := range uint64(10) {
		c, err := newCluster(arm, toy().Tick, seed)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.prologue(); err != nil {
			t.Fatal(err)
		}
		c.unequalLogs([]int{0, 1, 2, 3})
		c.start()
		c.crash(0)
		c.logMax = [servers]raft.Index{}
		for c.now < time.Second {
			c.advance()
			for i := range c.nodes {
				if n := &c.nodes[i]; n.up && len(n.writes) > 0 && n.syncing == 0 {
					t.Fatalf("seed %d at %v: server %d has %d writes and its disk is idle", seed, c.now, i+1, len(n.writes))
				}
			}
		}
	}
}

func TestTwoLeadersOfATermEndTheStudy(t *testing.T) {
	c, err := newCluster(paperArm(ms(150, 300)), toy().Tick, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.victory(1, 5)
	c.victory(1, 5)
	if c.err != nil {
		t.Errorf("the same leader: got %v", c.err)
	}
	c.victory(2, 5)
	if !errors.Is(c.err, ErrUnsafe) || !strings.Contains(c.err.Error(), "Election Safety") {
		t.Errorf("another leader: got %v", c.err)
	}
}

func TestLeaderWithoutCommittedEntriesEndsTheStudy(t *testing.T) {
	c, err := newCluster(paperArm(ms(150, 300)), toy().Tick, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.committed = 1
	c.victory(1, 5)
	if !errors.Is(c.err, ErrUnsafe) || !strings.Contains(c.err.Error(), "Leader Completeness") {
		t.Errorf("got %v", c.err)
	}
}

// Nothing happens in an hour without trouble, and what pauses longer than the timeouts is replaced.
func TestHoursCountWhatIsNotNeeded(t *testing.T) {
	o := toy()
	o.HourLength = 20 * time.Second
	quiet := Disturbance{
		PauseEvery: time.Hour * 1000, PauseMin: time.Millisecond, PauseMax: time.Millisecond, PauseShape: 1,
		LossOneIn: 1 << 40,
	}
	arm := paperArm(ms(150, 300))
	o.Disturbance = quiet
	if h, err := runHour(arm, o, 1); err != nil || h != (Hour{}) {
		t.Errorf("without trouble: got %+v, %v", h, err)
	}
	o.Disturbance.PauseEvery = 5 * time.Second
	o.Disturbance.PauseMin, o.Disturbance.PauseMax = 600*time.Millisecond, 600*time.Millisecond
	h, err := runHour(arm, o, 1)
	if err != nil || h.Elections == 0 || h.Needless != 0 || h.Without < 150*time.Millisecond {
		t.Errorf("pauses of 600 ms: got %+v, %v; want elections, none of them needless", h, err)
	}
	o.Disturbance = quiet
	o.Disturbance.LossOneIn, o.Disturbance.LossDelay = 20, 400*time.Millisecond
	if h, err = runHour(arm, o, 1); err != nil || h.Needless == 0 {
		t.Errorf("lost heartbeats: got %+v, %v; want needless elections", h, err)
	}
	arm.Protocol = product()
	with, err := runHour(arm, o, 1)
	if err != nil || with.Needless >= h.Needless {
		t.Errorf("pre-vote and check-quorum: got %d needless elections, %v; want fewer than %d", with.Needless, err,
			h.Needless)
	}
}

func TestOptionsNameAllFaults(t *testing.T) {
	o := toy()
	o.Trials, o.Hours, o.Tick, o.RatePerS = -1, hoursMax+1, 3*time.Millisecond, -1
	o.Model.SyncMax = -time.Second
	o.Disturbance.LossOneIn = -1
	err := o.Validate()
	for _, name := range []string{"Trials", "Hours", "Tick", "RatePerS", "Model", "Disturbance"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: not in %v", name, err)
		}
	}
	if err := toy().Validate(); err != nil {
		t.Error(err)
	}
}
