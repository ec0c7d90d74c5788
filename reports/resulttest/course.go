package resulttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// CourseOptions choose a course.
type CourseOptions struct {
	Seed   uint64
	Kind   string // members (default) or snapshot-catch-up
	Runs   int    // default 1
	RatePS int    // offered operations a second; default 400
}

// courseLength is of one run, with the second between two runs, in microseconds.
const courseLength = 20 * second

// planned is a step of a fixture: at is when it is ordered and took how long it takes, stall for how long nothing is
// acknowledged from then on.
type planned struct {
	kind, name      string
	at, took, stall int64
	nodes           []uint64
}

func courseSteps(kind string) []planned {
	if kind == "members" {
		return []planned{
			{"add", "add learners 4, 5", 5_000_000, 8_000, 0, []uint64{4, 5}},
			{"catch-up", "4, 5 caught up", 5_008_000, 420_000, 30_000, []uint64{4, 5}},
			{"promote", "promote 4, 5", 7_000_000, 9_000, 12_000, []uint64{4, 5}},
			{"add", "add learner 6", 9_000_000, 7_000, 0, []uint64{6}},
			{"catch-up", "6 caught up", 9_007_000, 210_000, 15_000, []uint64{6}},
			{"replace", "promote 6, remove 1, 2, 3", 11_000_000, 14_000, 90_000, []uint64{1, 2, 3}},
			{"stop", "stop 1, 2, 3", 13_000_000, 60_000, 0, []uint64{1, 2, 3}},
		}
	}
	return []planned{
		{"stop", "kill follower 2", 5_000_000, 6_000, 0, []uint64{2}},
		{"backlog", "commit 1000000 entries", 5_006_000, 4_000_000, 0, nil},
		{"return", "start follower 2", 13_000_000, 1_100_000, 80_000, []uint64{2}},
	}
}

func courseSegments(kind string) []result.Segment {
	if kind == "members" {
		return []result.Segment{
			{Name: "before", Control: true, FromUs: 0, ToUs: 5_000_000},
			{Name: "during", FromUs: 5_000_000, ToUs: 15_000_000},
			{Name: "after", Control: true, FromUs: 15_000_000, ToUs: 19_000_000},
		}
	}
	return []result.Segment{
		{Name: "before", Control: true, FromUs: 0, ToUs: 5_000_000},
		{Name: "down", Control: true, FromUs: 10_000_000, ToUs: 13_000_000},
		{Name: "return", FromUs: 13_000_000, ToUs: 14_100_000},
		{Name: "after", Control: true, FromUs: 14_100_000, ToUs: 19_000_000},
	}
}

// WriteCourse makes the result directory of a course at dir.
func WriteCourse(dir string, o CourseOptions) error {
	if o.Kind == "" {
		o.Kind = "members"
	}
	o.Runs, o.RatePS, o.Seed = max(1, o.Runs), max(o.RatePS, 400), max(1, o.Seed)
	w, err := result.Create(dir)
	if err != nil {
		return err
	}
	manifest := fixedManifest(Options{Seed: o.Seed})
	manifest.Name = o.Kind
	manifest.Finished = manifest.Started.Add(time.Duration(o.Runs) * time.Minute)
	manifest.Command = []string{"raftmark", "bench", o.Kind}
	measured := result.Arm{
		Name: "transport=tcp", Config: map[string]any{"nodes": 3, "load": map[string]any{"timeout": "10s"}},
		FloorUs: floorOf("transport=tcp"), Safety: result.Safety{Linearizable: "ok"},
	}
	var ops []result.OpRow
	var events []result.Event
	for run := range o.Runs {
		c, runOps, runEvents := courseRun(o, run+1, measured.Name)
		measured.Courses = append(measured.Courses, c)
		ops, events = append(ops, runOps...), append(events, runEvents...)
	}
	bins := &arm{name: measured.Name, ops: ops, end: int64(o.Runs) * courseLength}
	before := measured.Courses[0].Segments[0]
	measured.Steady = &result.Steady{
		DurationS: 5, OfferedPerS: before.OfferedPerS, AchievedPerS: before.AchievedPerS, ResponseUs: before.ResponseUs,
		ServiceUs: before.ResponseUs, SendLagUs: ladder(before.ResponseUs.N, 20, 60), OK: before.OK,
	}
	measured.Safety.Acked = int64(len(ops))
	measured.Safety.Checkable, measured.Safety.CheckedOps = measured.Safety.Acked, measured.Safety.Acked
	calibration := fixedCalibration(result.StorageHonest)
	for _, write := range []func() error{
		func() error { return w.WriteManifest(manifest) },
		func() error {
			return w.WriteScenario(fmt.Appendf(nil, "name: %s\ncourse: {kind: %s}\n", o.Kind, o.Kind))
		},
		func() error { return w.WriteCalibration(calibration) },
		func() error { return w.WriteTrials(nil) },
		func() error { return w.WriteTimeline(bins.timeline()) },
		func() error { return w.WriteEvents(events) },
		func() error { return w.WriteOps(slices.Values(ops)) },
		func() error {
			return w.WriteSummary(result.Summary{
				Verdict: result.VerdictOK, Calibration: calibration, Arms: []result.Arm{measured},
			})
		},
		w.Close,
	} {
		if err := write(); err != nil {
			return fmt.Errorf("write fixture: %w", err)
		}
	}
	return nil
}

// courseRun invents one run.
func courseRun(o CourseOptions, number int, arm string) (c result.Course, ops []result.OpRow, events []result.Event) {
	random := rand.New(rand.NewPCG(o.Seed, uint64(number)))
	base := int64(number-1) * courseLength
	steps := courseSteps(o.Kind)
	ops = courseOps(o, steps, arm, base, random)
	c = result.Course{
		Kind: o.Kind, Run: number, FromUs: base, ToUs: base + 19*second, Leaderless: []result.Gap{}, Marks: []result.Mark{},
	}
	for i, p := range steps {
		end := c.ToUs - 4*second
		if i+1 < len(steps) {
			end = base + steps[i+1].at
		}
		s := result.Step{
			Kind: p.kind, Name: p.name, Nodes: p.nodes, FromUs: base + p.at, DoneUs: base + p.at + p.took, EndUs: end,
			OutageMs: float64(max(p.stall, 9_000)) / 1e3,
		}
		s.ResponseUs = quantiles(responses(ops, s.FromUs, s.EndUs))
		if p.kind == "replace" {
			s.LeaderlessMs = float64(p.stall) / 1e3
			c.Leaderless = append(c.Leaderless, result.Gap{FromUs: s.FromUs, ToUs: s.FromUs + p.stall})
		}
		c.Steps = append(c.Steps, s)
		kind, at := p.kind, s.FromUs
		if p.kind == "catch-up" {
			kind, at = "caught-up", s.DoneUs
		}
		c.Marks = append(c.Marks, result.Mark{AtUs: at, Kind: kind, Text: p.name})
	}
	for _, g := range courseSegments(o.Kind) {
		g.FromUs, g.ToUs = g.FromUs+base, g.ToUs+base
		in := responses(ops, g.FromUs, g.ToUs)
		g.OfferedPerS, g.OK, g.GapMs = float64(o.RatePS), int64(len(in)), 9
		if !g.Control {
			g.GapMs = 90
		}
		g.AchievedPerS, g.ResponseUs = g.OfferedPerS, quantiles(in)
		c.Segments = append(c.Segments, g)
	}
	events = append(events, result.Event{Arm: arm, TimeUs: base, Node: 1, Kind: "leader", Term: 1})
	if o.Kind == "members" {
		events = append(events, result.Event{Arm: arm, TimeUs: base + 11_090_000, Node: 4, Kind: "leader", Term: 2})
		courseMembers(&c, base)
	} else {
		c.CatchUp = &result.CatchUp{
			Node: 2, Behind: 1_003_117, AppliedAtStop: 2000, CommitAtReturn: 1_005_117, LogFirst: 990_000,
			BacklogPerS: 250_779, BacklogS: 4, StartUs: base + 13*second, AnswersUs: base + 13_450_000,
			InstalledUs: base + 14_050_000, CaughtUpUs: base + 14_100_000, SnapshotBytes: 24_117_248, SnapshotIndex: 1_005_000,
			Snapshots: 1,
		}
		c.Marks = append(c.Marks, result.Mark{AtUs: base + 14_050_000, Kind: "installed", Text: "2 installed a snapshot"},
			result.Mark{AtUs: base + 14_100_000, Kind: "caught-up", Text: "2 caught up"})
	}
	return c, ops, events
}

// courseMembers adds what the nodes said about the membership.
func courseMembers(c *result.Course, base int64) {
	for _, m := range []struct {
		at                 int64
		members, kind, say string
	}{
		{0, "1 2 3", "", ""}, {5_002_000, "1 2 3 +4 +5", "", ""},
		{7_003_000, "1 2 3 → 1 2 3 4 5", "joint", "joint"}, {7_006_000, "1 2 3 4 5", "left-joint", "joint left"},
		{9_002_000, "1 2 3 4 5 +6", "", ""},
		{11_004_000, "1 2 3 4 5 → 4 5 6", "joint", "joint"}, {11_009_000, "4 5 6", "left-joint", "joint left"},
		{11_010_000, "", "transfer", "1 hands over to 4"}, {11_090_000, "", "leader", "4 leads"},
	} {
		if m.members != "" {
			c.Members = append(c.Members, result.Mark{AtUs: base + m.at, Kind: "members", Text: m.members})
		}
		if m.kind != "" {
			c.Marks = append(c.Marks, result.Mark{AtUs: base + m.at, Kind: m.kind, Text: m.say})
		}
	}
	slices.SortStableFunc(c.Marks, func(x, y result.Mark) int { return int(x.AtUs - y.AtUs) })
}

// courseOps lets operations wait where nothing is acknowledged; the first of the longest stall ends unknown.
func courseOps(o CourseOptions, steps []planned, arm string, base int64, random *rand.Rand) []result.OpRow {
	var ops []result.OpRow
	gap := int64(second / o.RatePS)
	for at := int64(0); at < 19*second; at += gap {
		service := int64(1500 * (0.8 + random.ExpFloat64()*0.35))
		row := result.OpRow{
			Arm: arm, Kind: "set", IntendedUs: base + at, SentUs: base + at + random.Int64N(40), Outcome: "ok", Attempts: 1,
			SampledOneIn: 1,
		}
		row.DoneUs = row.SentUs + service
		for _, p := range steps {
			if at < p.at || at >= p.at+p.stall {
				continue
			}
			row.DoneUs = base + p.at + p.stall + service
			if strings.Contains(p.name, "remove") && at == p.at {
				row.Outcome = "unknown"
			}
		}
		ops = append(ops, row)
	}
	return ops
}

func responses(ops []result.OpRow, from, to int64) []float64 {
	var values []float64
	for i := range ops {
		if op := &ops[i]; op.IntendedUs >= from && op.IntendedUs < to {
			values = append(values, float64(op.DoneUs-op.IntendedUs))
		}
	}
	return values
}
