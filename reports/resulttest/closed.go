package resulttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
)

// ClosedOptions choose a result of systems in one process, beside the floor.
type ClosedOptions struct {
	Runs int // default 3
	// Beaten makes the second system faster than the floor at its most proposers.
	Beaten bool
	// Near puts it to 0.97 of the floor there.
	Near bool
	// Cliff puts the p99.9 of the open loops, but for the floor's, far from their p99.
	Cliff bool
}

// closedSystem is one system of the fixture: how much slower than the floor it is with one proposer, and with many.
type closedSystem struct {
	name        string
	alone, many float64
	outageMs    float64 // 0 cannot lose a node
	openMax     float64 // a second
}

func closedSystems() []closedSystem {
	return []closedSystem{
		{"floor", 1, 1, 0, math.Inf(1)}, {"raftmark", 1.1, 1.25, 210, math.Inf(1)},
		{"etcd-raft", 1.45, 2.3, 240, math.Inf(1)}, {"hashicorp-raft", 1.9, 5.5, 330, 12_000},
		{"dragonboat", 1.6, 2.2, 300, math.Inf(1)}, {"dragonboat-tan", 1.55, 1.9, 290, math.Inf(1)},
		{"etcd", 4.5, 14, 420, 6000}, {"example", 3, 9, 500, 15_000},
	}
}

// WriteClosed makes a result of eight systems, the first of them the floor.
func WriteClosed(dir string, o ClosedOptions) error {
	if o.Runs == 0 {
		o.Runs = 3
	}
	w, err := result.Create(dir)
	if err != nil {
		return err
	}
	manifest := fixedManifest(Options{}.WithDefaults())
	manifest.Name, manifest.Command, manifest.Environment.Placement = "peers", []string{"raftmark-peers"}, "inproc"
	calibration := fixedCalibration(result.StorageHonest)
	summary := result.Summary{Verdict: result.VerdictOK, Calibration: calibration}
	var trials []result.Trial
	for i, system := range closedSystems() {
		arm := system.arm(o, rand.New(rand.NewPCG(5, uint64(i))))
		if system.outageMs > 0 {
			var own []result.Trial
			arm.Faults, own = system.stops(arm.Name)
			trials = append(trials, own...)
		}
		summary.Arms = append(summary.Arms, arm)
	}
	for _, write := range []func() error{
		func() error { return w.WriteManifest(manifest) },
		func() error { return w.WriteScenario([]byte("name: peers\ndescription: A fixture.\n")) },
		func() error { return w.WriteCalibration(calibration) },
		func() error { return w.WriteTrials(trials) },
		func() error { return w.WriteTimeline(nil) },
		func() error { return w.WriteEvents(nil) },
		func() error { return w.WriteOps(slices.Values[[]result.OpRow](nil)) },
		func() error { return w.WriteSummary(summary) },
		w.Close,
	} {
		if err := write(); err != nil {
			return fmt.Errorf("write fixture: %w", err)
		}
	}
	return nil
}

func (c closedSystem) arm(o ClosedOptions, random *rand.Rand) result.Arm {
	arm := result.Arm{
		Name: "system=" + c.name, Durability: result.DurabilityFsync,
		Config:   map[string]any{"nodes": 3, "system": c.name},
		Safety:   result.Safety{Linearizable: "unknown"},
		Validity: []string{},
	}
	for range o.Runs {
		var points []result.ClosedPoint
		for _, payload := range []int{128, 1024} {
			for _, n := range []int{1, 8, 64, 256, 1024} {
				points = append(points, c.point(o, n, payload, random))
			}
		}
		arm.ClosedRuns = append(arm.ClosedRuns, points)
	}
	arm.Closed = arm.ClosedRuns[0]
	for _, rate := range []float64{5000, 20_000} {
		p := result.OpenPoint{
			OfferedPerS: rate, AchievedPerS: min(rate, c.openMax), P50Us: 600 * c.alone, P99Us: 1500 * c.alone,
			N: int(rate), Runs: o.Runs, Held: o.Runs,
		}
		if tail := 2000 * c.alone; c.name != "floor" {
			p.P999Us, p.TailMax = &tail, 3
			p.Work = &result.OpenWork{
				LogFlushes: 12, LogMerges: 5, StateFlushes: 9, StateMerges: 3, LogCompactions: 6,
			}
		}
		if o.Cliff && p.P999Us != nil {
			*p.P999Us *= 4
		}
		if rate > c.openMax {
			p.Held, p.P50Us, p.P99Us = 0, 433_000, 877_000
			p.Why = fmt.Sprintf("achieved %.1f/s of %.1f/s offered: below 99 %%", c.openMax, rate)
		}
		arm.Open = append(arm.Open, p)
	}
	return arm
}

// point invents one closed loop: a sync that all who wait share, and a cost of each command.
func (c closedSystem) point(o ClosedOptions, n, payload int, random *rand.Rand) result.ClosedPoint {
	const syncUs, costUs = 400.0, 2.5
	share := math.Log(float64(n)) / math.Log(1024)
	slower := c.alone*(1-share) + c.many*share
	if c.name == "raftmark" && n == 1024 {
		switch {
		case o.Beaten:
			slower = 1 / 1.3
		case o.Near:
			slower = 1 / .97
		}
	}
	us := (syncUs + costUs*float64(n)*(1+float64(payload)/2048)) * slower * (.98 + .04*random.Float64())
	p99 := 2.5 * us
	return result.ClosedPoint{
		Proposers: n, PayloadBytes: payload, PerS: 1e6 * float64(n) / us, N: int64(1e6 * float64(n) / us), P50Us: us,
		P99Us: &p99, CPUUsPerOp: 6 * slower * (1 + 20/float64(n)), AllocsPerOp: 1 + slower,
	}
}

// stops invents the outages after ten stops of the leader.
func (c closedSystem) stops(arm string) ([]result.FaultSummary, []result.Trial) {
	const trials, second = 10, 1_000_000
	var all []result.Trial
	var outages []float64
	for i := range trials {
		from := int64(i+1) * 3 * second
		outage := c.outageMs * (.8 + .04*float64(i))
		outages = append(outages, outage)
		all = append(all, result.Trial{
			Arm: arm, Kind: result.KindLeaderStop, Trial: i + 1, Node: uint64(1 + i%3), PhaseUs: -1, CommandUs: from,
			InjectUs: from + 500, LastAckUs: from - 200, DetectUs: -1, ElectUs: -1, CommitUs: -1,
			FirstAckUs: from - 200 + int64(outage*1000), RecoverUs: -1, HealUs: from + second, CaughtUpUs: -1,
			EndUs: from + second + 50_000, OutageMs: outage, LeaderlessMs: -1, OK: 1500,
			FirstWriteUs: from - 200 + int64(outage*1000),
		})
	}
	low, middle, high := outages[0], outages[trials/2-1], outages[trials-1]
	return []result.FaultSummary{{
		Kind: result.KindLeaderStop, Trials: trials,
		OutageMs: result.Quantiles{N: trials, Min: &low, P50: &middle, Max: &high},
		PhasesMs: map[string]result.Quantiles{},
	}}, all
}
