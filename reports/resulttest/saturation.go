package resulttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
)

// SaturationOptions choose a result of a search for the knee.
type SaturationOptions struct {
	Runs int // default 6
	// LateGenerator makes the generator of the last arm late at the rate above the knee.
	LateGenerator bool
	// NoKnee makes the first rate too high for the last arm.
	NoKnee bool
}

// The search of the fixture.
const (
	saturationFrom = 500.0
	saturationStep = 1.6
	saturationSLO  = 10_000.0
)

// WriteSaturation makes a result of two arms whose knee was searched for.
func WriteSaturation(dir string, o SaturationOptions) error {
	if o.Runs == 0 {
		o.Runs = 6
	}
	w, err := result.Create(dir)
	if err != nil {
		return err
	}
	manifest := fixedManifest(Options{}.WithDefaults())
	manifest.Name, manifest.Command = "saturation", []string{"raftmark", "bench", "saturation"}
	calibration := fixedCalibration(result.StorageHonest)
	summary := result.Summary{Verdict: result.VerdictOK, Calibration: calibration}
	var rows []result.SaturationRow
	for i, name := range []string{"transport=tcp", "transport=quic"} {
		a := saturationArm{
			o: o, name: name, capacity: 9000 - 2500*float64(i), random: rand.New(rand.NewPCG(3, uint64(i))), last: i == 1,
		}
		arm := a.make()
		if a.last && o.NoKnee {
			summary.Verdict = result.VerdictInvalid
		}
		summary.Arms, rows = append(summary.Arms, arm), append(rows, a.rows...)
	}
	for _, write := range []func() error{
		func() error { return w.WriteManifest(manifest) },
		func() error { return w.WriteScenario([]byte("name: saturation\ndescription: A fixture.\n")) },
		func() error { return w.WriteCalibration(calibration) },
		func() error { return w.WriteTrials(nil) },
		func() error { return w.WriteTimeline(nil) },
		func() error { return w.WriteEvents(nil) },
		func() error { return w.WriteOps(slices.Values[[]result.OpRow](nil)) },
		func() error { return w.WriteSaturation(rows) },
		func() error { return w.WriteSummary(summary) },
		w.Close,
	} {
		if err := write(); err != nil {
			return fmt.Errorf("write fixture: %w", err)
		}
	}
	return nil
}

// saturationArm is one arm in the making.
type saturationArm struct {
	o        SaturationOptions
	name     string
	capacity float64 // operations a second
	random   *rand.Rand
	last     bool
	rows     []result.SaturationRow
}

func (a *saturationArm) make() result.Arm {
	x := &result.Saturation{SLOP99Us: saturationSLO, Step: saturationStep, Points: []result.SaturationPoint{}}
	arm := result.Arm{
		Name: a.name, Durability: result.DurabilityFsync, Config: map[string]any{"nodes": 3},
		FloorUs: floorOf(a.name), Saturation: x,
		Safety:   result.Safety{Acked: 900_000, Checkable: 900_000, CheckedOps: 1_000_000, Linearizable: "ok"},
		Validity: []string{"note: clients and servers share this host"},
	}
	var knees []float64
	for run := 1; run <= a.o.Runs; run++ {
		r := a.search(run)
		if r.KneePerS != nil {
			knees = append(knees, *r.KneePerS)
			x.LowerBound = x.LowerBound || r.Bound != result.BoundSystem
			a.row(run, result.SaturationShare, .8, .8**r.KneePerS, 1)
		} else {
			arm.Validity = append(arm.Validity, fmt.Sprintf("run %d: the first rate, 500/s, was not held: %s", run, r.Why))
		}
		x.Runs = append(x.Runs, r)
	}
	if len(knees) > 0 {
		x.Knee = over(knees)
		x.MaxPerS = *x.Knee.Median
	}
	a.points(x)
	return arm
}

// search climbs until a rate was not held twice.
func (a *saturationArm) search(run int) result.SaturationRun {
	r := result.SaturationRun{Run: run, Bound: result.BoundRange}
	for rate := saturationFrom; rate < 20_000; rate *= saturationStep {
		row := a.row(run, result.SaturationSearch, -1, rate, 1)
		if row.Outcome == result.OutcomeHeld {
			knee := rate
			r.KneePerS = &knee
			continue
		}
		row = a.row(run, result.SaturationSearch, -1, rate, 2)
		next := rate
		r.NextPerS, r.Bound, r.Why = &next, result.BoundSystem, row.Why
		if row.Outcome == result.OutcomeInvalid {
			r.Bound = result.BoundGenerator
		}
		break
	}
	return r
}

// row invents one rate that was held for a while.
func (a *saturationArm) row(run int, phase string, share, rate float64, attempt int) result.SaturationRow {
	use := rate / (a.capacity * (0.97 + .06*a.random.Float64()))
	p50 := 1100 / math.Sqrt(max(.05, 1-min(use, .95)))
	r := result.SaturationRow{
		Arm: a.name, Run: run, Phase: phase, Share: share, Attempt: attempt, RatePerS: rate, OfferedPerS: rate,
		AchievedPerS: min(rate, a.capacity), FromUs: int64(len(a.rows)) * 5 * second,
		ToUs: int64(len(a.rows))*5*second + 4*second,
		N:    int64(4 * rate), Outcome: result.OutcomeHeld, SendLagP99Us: 120,
	}
	switch {
	case a.last && a.o.NoKnee, use > 1:
		p50 = 800_000
		r.Outcome, r.Why = result.OutcomeMissed, "p99 2400000 µs is above 10000 µs"
		if a.last && a.o.LateGenerator {
			r.Outcome, r.Why = result.OutcomeInvalid, "the generator was late: send lag p99 90000 µs is above 1000 µs"
		}
	}
	r.P50Us, r.P90Us, r.P99Us, r.P999Us, r.MaxUs = p50, 1.4*p50, 3*p50, 4*p50, 5*p50
	r.ServiceP50Us, r.ServiceP99Us, r.OK = .95*p50, 2.9*p50, r.N
	a.rows = append(a.rows, r)
	return r
}

// points sums the rows up.
func (a *saturationArm) points(x *result.Saturation) {
	of := func(rows []result.SaturationRow, value func(result.SaturationRow) float64) result.Median {
		var values []float64
		for _, r := range rows {
			values = append(values, value(r))
		}
		if len(values) == 0 {
			return result.Median{}
		}
		return over(values)
	}
	p50 := func(r result.SaturationRow) float64 { return r.P50Us }
	p99 := func(r result.SaturationRow) float64 { return r.P99Us }
	for rate := saturationFrom; rate < 20_000; rate *= saturationStep {
		p := result.SaturationPoint{OfferedPerS: rate}
		var rows []result.SaturationRow
		for _, r := range a.rows {
			if r.Phase != result.SaturationSearch || r.RatePerS != rate {
				continue
			}
			switch r.Outcome {
			case result.OutcomeHeld:
				p.Held++
			case result.OutcomeMissed:
				p.Missed++
			default:
				p.Invalid++
				continue
			}
			rows = append(rows, r)
		}
		if p.Held+p.Missed+p.Invalid == 0 {
			continue
		}
		p.Runs = a.o.Runs
		p.P50OverUs, p.P99OverUs = of(rows, p50), of(rows, p99)
		if len(rows) > 0 {
			p.P50Us, p.P99Us, p.AchievedPerS = *p.P50OverUs.Median, *p.P99OverUs.Median, rows[0].AchievedPerS
		}
		x.Points = append(x.Points, p)
	}
	var rows []result.SaturationRow
	for _, r := range a.rows {
		if r.Phase == result.SaturationShare {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return
	}
	rate := of(rows, func(r result.SaturationRow) float64 { return r.RatePerS })
	x.Shares = []result.SaturationShares{{
		Share: .8, OfferedPerS: rate, AchievedPerS: rate, P50Us: of(rows, p50), P99Us: of(rows, p99),
		P999Us: of(rows, func(r result.SaturationRow) float64 { return r.P999Us }), MaxUs: rows[0].MaxUs,
	}}
}
