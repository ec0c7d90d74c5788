package bench

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/raft/replica"
)

// toyCourse is a built-in course at the size of a test.
func toyCourse(t *testing.T, name string) Scenario {
	t.Helper()
	s, err := LoadScenario(name)
	if err != nil {
		t.Fatal(err)
	}
	const second = Duration(time.Second)
	s.Name, s.Runs = "toy", 1
	s.Load.Rate = 200
	s.Warmup, s.Steady = second/4, second
	s.Course.Pause, s.Course.After, s.Course.StepMax = second/4, second, 20*second
	s.Course.Backlog = Backlog{Entries: 5000, Clients: 64, Payload: 64, Keys: 2000}
	// Little of the log in memory and on disk: what comes late needs a snapshot.
	s.Axes, s.Course.Restarts = nil, 2
	if name != CourseRestart {
		s.Raft.SnapshotLogEntries, s.Raft.SnapshotKeepEntries = 1000, 100
	}
	s.Raft.TailEntriesMax, s.Raft.UncommittedEntriesMax, s.Raft.MessageEntriesMax = 500, 250, 64
	return s
}

func runToyCourse(t *testing.T, name string) result.Arm {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "result")
	outcome, err := Run(t.Context(), Options{
		Scenario: toyCourse(t, name), Dir: dir, Executable: executable(t), CalibrateEach: 20 * ms,
		Report: func(u Update) { t.Log(u) },
	})
	if err != nil {
		t.Fatal(err)
	}
	// The machine may be too busy for a valid measurement; the cluster must be safe on any.
	arm := outcome.Summary.Arms[0]
	t.Logf("verdict %s: %q", outcome.Summary.Verdict, arm.Validity)
	if outcome.Summary.Verdict == result.VerdictUnsafe || arm.Safety.Lost != 0 || arm.Safety.Linearizable != "ok" {
		t.Errorf("got verdict %s, safety %+v", outcome.Summary.Verdict, arm.Safety)
	}
	if arm.Safety.Acked < 5000 {
		t.Errorf("got %d acknowledged writes, want those of the backlog among them", arm.Safety.Acked)
	}
	if outcome.DataDir != "" || len(processesIn(t, dir)) > 0 {
		t.Errorf("got data in %q and processes %q, want nothing left", outcome.DataDir, processesIn(t, dir))
	}
	if _, err := result.Open(dir); err != nil {
		t.Error(err)
	}
	if len(arm.Courses) != 1 {
		t.Fatalf("got %d courses, want one", len(arm.Courses))
	}
	for _, step := range arm.Courses[0].Steps {
		if step.DoneUs < step.FromUs || step.EndUs < step.DoneUs {
			t.Errorf("got %+v, want a step that was ordered, done, and followed", step)
		}
	}
	return arm
}

// TestToyMembers grows three processes to five and moves them to three others, under load.
func TestToyMembers(t *testing.T) {
	t.Parallel()
	course := runToyCourse(t, CourseMembers).Courses[0]
	var steps, segments, members []string
	for _, s := range course.Steps {
		steps = append(steps, s.Kind)
	}
	for _, s := range course.Segments {
		segments = append(segments, s.Name)
	}
	for _, m := range course.Members {
		members = append(members, m.Text)
	}
	if want := "add catch-up promote add catch-up replace stop"; strings.Join(steps, " ") != want {
		t.Errorf("got steps %q, want %s", steps, want)
	}
	if want := "before during after"; strings.Join(segments, " ") != want {
		t.Errorf("got segments %q, want %s", segments, want)
	}
	for _, want := range []string{"1 2 3 → 1 2 3 4 5", "1 2 3 4 5", "1 2 3 4 5 → 4 5 6"} {
		if !slices.Contains(members, want) {
			t.Errorf("got memberships %q, want %q among them", members, want)
		}
	}
	if n := len(members); n == 0 || members[n-1] != "4 5 6" {
		t.Errorf("got memberships %q, want 4 5 6 at the end", members)
	}
	for _, kind := range []string{"joint", "left-joint", "leader"} {
		if !slices.ContainsFunc(course.Marks, func(m result.Mark) bool { return m.Kind == kind }) {
			t.Errorf("got marks %+v, want one of kind %s", course.Marks, kind)
		}
	}
}

// TestToySnapshotCatchUp brings a follower back that missed more than the log holds, under load.
func TestToySnapshotCatchUp(t *testing.T) {
	t.Parallel()
	arm := runToyCourse(t, CourseSnapshot)
	u := arm.Courses[0].CatchUp
	if u == nil || u.Behind < 5000 || u.Snapshots < 1 || u.SnapshotBytes < 2000*64 {
		t.Fatalf("got %+v, want 5000 entries behind, and a snapshot of 2000 keys", u)
	}
	if u.StartUs > u.AnswersUs || u.AnswersUs > u.CaughtUpUs || u.InstalledUs < u.StartUs {
		t.Errorf("got %+v, want instants in order", u)
	}
	for _, note := range arm.Validity {
		if strings.Contains(note, "snapshot") {
			t.Errorf("got the note %q", note)
		}
	}
}

func TestLeaderlessTimes(t *testing.T) {
	event := func(at time.Duration, node uint64, kind replica.EventKind) nodeEvent {
		return nodeEvent{at: at, node: node, event: replica.Event{Kind: kind}}
	}
	o := observations{events: []nodeEvent{
		event(10*ms, 1, replica.EventTermCommitted),
		event(20*ms, 2, replica.EventFollower), // of node 1
		event(100*ms, 1, replica.EventTransfer),
		event(103*ms, 1, replica.EventFollower),
		event(105*ms, 2, replica.EventLeader),
		event(107*ms, 2, replica.EventTermCommitted),
		event(500*ms, 3, replica.EventTermCommitted),
	}}
	killed := []action{
		{at: 300 * ms, node: 1, kind: "kill"}, {at: 400 * ms, node: 2, kind: "kill"}, {at: 450 * ms, kind: "phase"},
	}
	got := o.leaderless(killed, 0, 600*ms)
	want := []gap{{from: 100 * ms, to: 107 * ms}, {from: 400 * ms, to: 500 * ms}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := o.leaderless(killed[:2], 0, 450*ms); len(got) != 2 || got[1].from != 400*ms {
		t.Errorf("got %+v, want the gap that reaches out", got)
	}
}

// A step counts what the load saw from its order to the next one, and no more.
func TestStepOfAKnownCourse(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		switch {
		case e.Intended >= 1000*ms && e.Intended < 1100*ms:
			e.Done = 1100 * ms
		case e.Intended >= 2000*ms && e.Intended < 2500*ms:
			e.Done = 2500 * ms
		case e.Intended == 1500*ms:
			e.Outcome = loadgen.Unknown
		}
	})
	o := observe(entries, nil, calm)
	s := stepRecord{kind: stepPromote, name: "promote 4", from: 950 * ms, to: 960 * ms, end: 1900 * ms}
	got := o.step(s, []gap{{from: 900 * ms, to: 970 * ms}, {from: 1890 * ms, to: 2000 * ms}}, armClock{})
	if got.OutageMs != 100.5 || got.LeaderlessMs != 30 || got.NotOK != 1 {
		t.Errorf("got %+v, want a gap of 100.5 ms, 20+10 ms without a leader, 1 not ok", got)
	}
	if got.FromUs != 950_000 || got.DoneUs != 960_000 || got.EndUs != 1_900_000 || got.ResponseUs.N != 950 {
		t.Errorf("got %+v, want the instants, and the 950 operations that were due", got)
	}
}

// What is not a return by snapshot must not be published as one.
func TestReturnWithoutASnapshotIsInvalid(t *testing.T) {
	r := &run{number: 2, scenario: Scenario{Course: &Course{Backlog: Backlog{Entries: 1000}}}}
	good := result.CatchUp{Behind: 1000, AppliedAtStop: 50, LogFirst: 900, CaughtUpUs: 7, Snapshots: 1}
	if got := catchUpFaults(r, &good); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
	for name, spoil := range map[string]func(*result.CatchUp){
		"did not catch up": func(u *result.CatchUp) { u.CaughtUpUs = -1 },
		"999 entries":      func(u *result.CatchUp) { u.Behind = 999 },
		"needed no":        func(u *result.CatchUp) { u.LogFirst = 49 },
		"installed no":     func(u *result.CatchUp) { u.Snapshots = 0 },
	} {
		bad := good
		spoil(&bad)
		if got := catchUpFaults(r, &bad); len(got) != 1 || !strings.Contains(got[0], name) {
			t.Errorf("got %q, want one that says %q", got, name)
		}
	}
}

// The tail of a segment in which something is done must not be the generator's.
func TestSegmentWithALateGeneratorIsInvalid(t *testing.T) {
	late := func(by time.Duration) []loadgen.Entry {
		return ops(0, 1000*ms, func(e *loadgen.Entry) {
			e.Dispatched, e.Sent = e.Intended+by, e.Intended+by
			e.Done = e.Intended + by + 20*ms
		})
	}
	s := segmentRecord{name: segmentDuring, from: 0, to: 1000 * ms}
	for _, c := range []struct {
		by   time.Duration
		want int
	}{{ms / 2, 0}, {2 * ms, 0}, {5 * ms, 1}} {
		if _, faults := observe(late(c.by), nil, calm).segment(s, armClock{}); len(faults) != c.want {
			t.Errorf("late by %v: got %q, want %d faults", c.by, faults, c.want)
		}
	}
	s.control, s.name = true, segmentAfter
	if _, faults := observe(late(5*ms), nil, calm).segment(s, armClock{}); len(faults) == 0 {
		t.Error("a control with a late generator has no fault")
	}
}

// TestToyRestart kills a follower and starts it again, whose log is not compacted.
func TestToyRestart(t *testing.T) {
	t.Parallel()
	arm := runToyCourse(t, CourseRestart)
	restarts := arm.Courses[0].Restarts
	if len(restarts) != 2 {
		t.Fatalf("got %d restarts, want 2", len(restarts))
	}
	for _, x := range restarts {
		if x.Entries < 5000 || x.AnswersUs <= x.StartUs || x.CaughtUpUs < x.AnswersUs {
			t.Errorf("got %+v, want a log of 5000 entries and more, started, answering and caught up in this order", x)
		}
	}
}
