package resulttest

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
)

// minimum sample of each quantile (rule R9).
var minimum = map[float64]int{.5: 6, .9: 36, .95: 72, .99: 368, .999: 3688}

// quantiles sums up a sample; it sorts values.
func quantiles(values []float64) result.Quantiles {
	slices.Sort(values)
	n := len(values)
	at := func(q float64) *float64 {
		if n < minimum[q] {
			return nil
		}
		v := values[min(n-1, int(math.Ceil(q*float64(n)))-1)]
		return &v
	}
	s := result.Quantiles{N: n, P50: at(.5), P90: at(.9), P95: at(.95), P99: at(.99), P999: at(.999)}
	if n > 0 {
		s.Min, s.Max = &values[0], &values[n-1]
	}
	return s
}

func ladder(n int, p50, p99 float64) result.Quantiles {
	low, high := p50*.8, p99*1.6
	return result.Quantiles{N: n, Min: &low, P50: &p50, P99: &p99, Max: &high}
}

func fixedCalibration(storage string) result.Calibration {
	return result.Calibration{
		FsyncUs: ladder(2000, 410, 980), RTTUs: ladder(5000, 38, 95), TimerLateUs: ladder(5000, 12, 110),
		Transports: []result.TransportRTT{
			{Name: "tcp", PayloadBytes: 128, RTTUs: ladder(2000, 62, 140), HeartbeatRTTUs: ladder(2100, 58, 130)},
			{Name: "quic", PayloadBytes: 128, RTTUs: ladder(900, 135, 310), HeartbeatRTTUs: ladder(950, 128, 300)},
		},
		GeneratorMaxPerS: 180_000, DurabilityClass: "fsync",
		Storage: result.Storage{
			Verdict: storage, Filesystem: "ext4", Device: "nvme0n1", WriteCache: "write back",
			OverwriteUs: ladder(900, 395, 950), WriteUs: ladder(4000, 3, 9),
		},
	}
}

// floorOf returns the floor that fixedCalibration gives an arm with this transport in its name; tcp is the default.
func floorOf(name string) *float64 {
	c := fixedCalibration("")
	peer := c.Transports[0]
	if strings.Contains(name, "quic") {
		peer = c.Transports[1]
	}
	floor := *c.RTTUs.P50 + *peer.RTTUs.P50 + *c.FsyncUs.P50
	return &floor
}

// timeline bins the whole arm: a row for each bin, also for those with nothing in them.
func (a *arm) timeline() []result.TimelineBin {
	bins := make([]result.TimelineBin, a.end/binWidth)
	latencies := make([][]float64, len(bins))
	for i := range bins {
		start := int64(i) * binWidth
		bins[i] = result.TimelineBin{
			Arm: a.name, StartUs: start, WidthUs: binWidth, Phase: a.phaseAt(start), P50Us: -1, P99Us: -1, MaxUs: -1,
		}
	}
	for _, op := range a.ops {
		bins[op.IntendedUs/binWidth].Offered++
		i := op.DoneUs / binWidth
		if i >= int64(len(bins)) {
			continue
		}
		if op.Outcome != "ok" {
			bins[i].Unknown++
			continue
		}
		bins[i].OK++
		latencies[i] = append(latencies[i], float64(op.DoneUs-op.IntendedUs))
	}
	inFlight := int64(0)
	for i := range bins {
		b := &bins[i]
		inFlight += b.Offered - b.OK - b.Unknown
		b.InFlight = inFlight
		if n := len(latencies[i]); n > 0 {
			slices.Sort(latencies[i])
			b.P50Us = int64(latencies[i][n/2])
			if n >= minimum[.99] {
				b.P99Us = int64(latencies[i][n*99/100])
			}
			b.MaxUs = int64(latencies[i][n-1])
		}
	}
	return bins
}

func (a *arm) phaseAt(us int64) string {
	switch {
	case us < warmup:
		return "warmup"
	case us < warmup+int64(a.SteadyS)*second:
		return "steady"
	}
	for _, t := range a.trials {
		if us < t.EndUs {
			return t.Kind
		}
	}
	return "steady"
}

func (a *arm) summary(first bool) result.Arm {
	s := result.Arm{
		Name: a.name, Durability: a.Durability,
		Config:  map[string]any{"nodes": 3, "election_timeout_ms": election / 1000, "heartbeat_ms": 50, "payload_bytes": 128},
		FloorUs: floorOf(a.name), Steady: a.steady(),
		StagesUs: map[string]result.Quantiles{
			"batched": a.stageQuantiles(func(r result.StageRow) int64 { return r.BatchedUs }),
			"durable": a.stageQuantiles(func(r result.StageRow) int64 { return r.DurableUs }),
			"applied": a.stageQuantiles(func(r result.StageRow) int64 { return r.AppliedUs }),
		},
		SteadyRuns:  a.steadyRuns(),
		StageGroups: stageGroups(),
		StageClock:  &result.StageClock{ErrorUs: .25, Steps: 2560},
		LogWrites:   &result.LogWrites{Commits: 10_000, PerCommit: 1.86, PerCommitLeader: .62},
		Safety: result.Safety{
			Acked: int64(len(a.ops)), Checkable: int64(len(a.ops)), CheckedOps: int64(len(a.ops)), Linearizable: "ok",
			Logs: "ok", LogEntries: int64(len(a.ops)) + 7,
		},
	}
	for _, kind := range []string{a.Kind, "noop"} {
		if f := a.fault(kind); f.Trials > 0 {
			s.Faults = append(s.Faults, f)
		}
	}
	if first && a.Verdict == result.VerdictInvalid {
		s.Validity = append(s.Validity, "generator fell behind: send lag p99 4.1 ms is above 1 ms")
	}
	if first && a.Verdict == result.VerdictUnsafe {
		s.Safety.Lost = 2
	}
	return s
}

// stageGroups are proposals whose slowest wait for the leader's disk; there are too few of one group.
func stageGroups() []result.StageGroup {
	group := func(name string, n int, of map[string]float64) result.StageGroup {
		g := result.StageGroup{Group: name, N: n, Batch: 3.5, Written: 5.25, InFlight: 1.5, ByLeader: .25}
		if of == nil {
			return result.StageGroup{Group: name, N: n}
		}
		for _, part := range result.StageParts() {
			g.Parts = append(g.Parts, result.StagePart{Name: part, MeanUs: of[part]})
			g.TotalUs += of[part]
		}
		return g
	}
	fast := map[string]float64{
		result.PartQueue: 4, result.PartAppend: 11, result.PartLeaderWait: 30, result.PartLeaderSync: 90,
		result.PartToFollower: 120, result.PartFollowerWait: 60, result.PartFollowerSync: 410, result.PartAck: 55,
		result.PartCommit: 9, result.PartOwnDisk: 14, result.PartApply: 21, result.PartAnswer: 3,
	}
	slow := maps.Clone(fast)
	slow[result.PartLeaderWait], slow[result.PartFollowerSync], slow[result.PartOwnDisk] = 3200, 1250, 700
	return []result.StageGroup{
		group("all", 640, fast), group("p49 to p51", 12, fast), group("p90 to p95", 4, nil),
		group("p99 and above", 7, slow),
	}
}

func (a *arm) stageQuantiles(of func(result.StageRow) int64) result.Quantiles {
	var values []float64
	for _, row := range a.stages {
		values = append(values, float64(of(row)))
	}
	return quantiles(values)
}

func (a *arm) steady() *result.Steady {
	end := warmup + int64(a.SteadyS)*second
	return a.phase(float64(a.SteadyS), func(at int64) bool { return at >= warmup && at < end })
}

// steadyRuns are equal parts of the steady phase.
func (a *arm) steadyRuns() []result.SteadyRun {
	var runs []result.SteadyRun
	for i := range a.Runs {
		length := float64(a.SteadyS) / float64(a.Runs)
		from := warmup + int64(float64(i)*length*second)
		p := a.phase(length, func(at int64) bool { return at >= from && at < from+int64(length*second) })
		runs = append(runs, result.SteadyRun{
			Run: i + 1, OfferedPerS: p.OfferedPerS, AchievedPerS: p.AchievedPerS, ResponseUs: p.ResponseUs,
		})
	}
	return runs
}

// phase sums up the operations that were due in a phase.
func (a *arm) phase(seconds float64, due func(int64) bool) *result.Steady {
	s := &result.Steady{DurationS: seconds, OfferedPerS: float64(a.RatePS)}
	var response, service, lag []float64
	for _, op := range a.ops {
		if !due(op.IntendedUs) {
			continue
		}
		s.OK++
		response = append(response, float64(op.DoneUs-op.IntendedUs))
		service = append(service, float64(op.DoneUs-op.SentUs))
		lag = append(lag, float64(op.SentUs-op.IntendedUs))
	}
	s.AchievedPerS = float64(s.OK) / s.DurationS
	s.ResponseUs, s.ServiceUs, s.SendLagUs = quantiles(response), quantiles(service), quantiles(lag)
	return s
}

func (a *arm) fault(kind string) result.FaultSummary {
	f := result.FaultSummary{Kind: kind, PhasesMs: map[string]result.Quantiles{}}
	var outage, leaderless, debt []float64
	phases := map[string][]float64{}
	for _, t := range a.trials {
		if t.Kind != kind {
			continue
		}
		f.Trials++
		outage = append(outage, t.OutageMs)
		leaderless = append(leaderless, t.LeaderlessMs)
		debt = append(debt, t.LatencyDebtOpS)
		for name, ms := range t.PhasesMs() {
			phases[name] = append(phases[name], ms)
		}
	}
	f.OutageMs, f.LeaderlessMs, f.LatencyDebtOpS = quantiles(outage), quantiles(leaderless), quantiles(debt)
	for name, values := range phases {
		f.PhasesMs[name] = quantiles(values)
	}
	if len(a.broken) > 0 && kind == a.Kind {
		f.Under = a.phase(float64(len(a.broken)), a.isBroken)
		f.UnderStagesUs = map[string]result.Quantiles{
			"committed": ladder(400, 900, 2_100), "durable": ladder(400, slowSync, 2*slowSync),
			"applied": ladder(400, slowSync+200, 2*slowSync+200),
		}
	}
	return f
}
