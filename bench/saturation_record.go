package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// saturationSums gathers the searches of an arm.
type saturationSums struct {
	rows    []result.SaturationRow
	runs    []result.SaturationRun
	invalid []string
}

// recordSaturation takes the search of a run over.
func (a *armRecord) recordSaturation(r *run) {
	record := r.saturation
	if record == nil {
		return
	}
	o, sums := r.scenario.Saturation, &a.saturation
	for _, p := range record.points {
		if p.outcome == "" {
			continue // it was broken off
		}
		sums.rows = append(sums.rows, a.saturationRow(r.number, p))
	}
	run := result.SaturationRun{Run: r.number, Bound: record.search.bound}
	if knee, ok := record.search.knee(); ok {
		rate := o.rateOf(knee)
		run.KneePerS = &rate
	}
	if high := record.search.high; high <= o.top() {
		rate := o.rateOf(high)
		run.NextPerS = &rate
		run.Why = whyNotHeld(record.points, high, run.Bound)
	}
	if run.KneePerS == nil {
		why := "the search was broken off before a rate was held"
		if run.NextPerS != nil {
			why = fmt.Sprintf("the first rate, %s, was not held: %s", Rate(*run.NextPerS), run.Why)
		}
		sums.invalid = append(sums.invalid, fmt.Sprintf("run %d: %s", r.number, why))
	}
	sums.runs = append(sums.runs, run)
	sums.invalid = append(sums.invalid, shareFaults(r.number, record.points)...)
}

// whyNotHeld returns the reasons of the last attempt at a rate that says what bounded the search: a late generator when
// that did, although another attempt was missed.
func whyNotHeld(points []*heldPoint, number int, bound string) (why string) {
	outcome := result.OutcomeMissed
	if bound == result.BoundGenerator {
		outcome = result.OutcomeInvalid
	}
	for _, p := range points {
		if p.number == number && p.outcome == outcome {
			why = strings.Join(p.why, "; ")
		}
	}
	return why
}

// shareFaults says which shares of the knee have no figures to publish: the last attempt of each must hold the
// conditions of a steady phase. That p99 is above the limit there is a finding, and no fault.
func shareFaults(run int, points []*heldPoint) (faults []string) {
	last := map[float64]*heldPoint{}
	for _, p := range points {
		if p.phase == result.SaturationShare && p.outcome != "" {
			last[p.share] = p
		}
	}
	for _, share := range slices.Sorted(maps.Keys(last)) {
		p := last[share]
		reasons := p.why
		if p.outcome != result.OutcomeInvalid {
			reasons = p.over(math.MaxInt64)
		}
		for _, reason := range reasons {
			faults = append(faults, fmt.Sprintf("run %d, at %.0f %% of the knee: %s", run, 100*share, reason))
		}
	}
	return faults
}

func (a *armRecord) saturationRow(run int, p *heldPoint) result.SaturationRow {
	s := &p.stats
	or := func(v *float64) float64 {
		if v == nil {
			return -1
		}
		return *v
	}
	return result.SaturationRow{
		Arm: a.name, Run: run, Phase: p.phase, Share: p.share, Attempt: p.attempt,
		RatePerS: p.rate, OfferedPerS: s.OfferedPerS, AchievedPerS: s.AchievedPerS,
		FromUs: a.clock.us(p.from), ToUs: a.clock.us(p.to), N: int64(s.ResponseUs.N),
		P50Us: or(s.ResponseUs.P50), P90Us: or(s.ResponseUs.P90), P99Us: or(s.ResponseUs.P99), P999Us: or(s.ResponseUs.P999),
		MaxUs: or(s.ResponseUs.Max), ServiceP50Us: or(s.ServiceUs.P50), ServiceP99Us: or(s.ServiceUs.P99),
		SendLagP99Us: or(s.SendLagUs.P99), Late: s.Late, OK: s.OK, Failed: s.Failed, Unknown: s.Unknown, Shed: s.Shed,
		BacklogFrom: backlogAt(p.entries, p.from), BacklogTo: backlogAt(p.entries, p.to),
		Outcome: p.outcome, Why: strings.Join(p.why, "; "),
	}
}

// backlogAt counts the operations that were due before t and ended at t or later.
func backlogAt(entries []loadgen.Entry, t time.Duration) (n int64) {
	for i := range entries {
		if e := &entries[i]; e.Intended < t && e.Done >= t {
			n++
		}
	}
	return n
}

// summary sums all runs up, and returns what makes them invalid.
func (s *saturationSums) summary(o *Saturation) (*result.Saturation, []string) {
	if len(s.rows) == 0 {
		return nil, append(s.invalid, "nothing was measured")
	}
	sum := &result.Saturation{
		SLOP99Us: float64(o.SLOP99) / 1e3, Step: o.rateOf(o.top()) / o.rateOf(max(0, o.top()-1)), Runs: s.runs,
		Points: s.points(), Shares: s.shares(o),
	}
	var knees []float64
	for _, run := range s.runs {
		if run.KneePerS != nil {
			knees = append(knees, *run.KneePerS)
			sum.LowerBound = sum.LowerBound || run.Bound != result.BoundSystem
		}
	}
	if sum.Knee = medianOf(knees); sum.Knee.Median != nil {
		sum.MaxPerS = *sum.Knee.Median
	}
	return sum, s.invalid
}

// points sums the search up by rate.
func (s *saturationSums) points() []result.SaturationPoint {
	byRate := map[float64][]*result.SaturationRow{}
	for i := range s.rows {
		if row := &s.rows[i]; row.Phase == result.SaturationSearch {
			byRate[row.RatePerS] = append(byRate[row.RatePerS], row)
		}
	}
	points := []result.SaturationPoint{}
	for _, rate := range slices.Sorted(maps.Keys(byRate)) {
		p := result.SaturationPoint{OfferedPerS: rate}
		runs := map[int]bool{}
		var achieved, p50, p99 []float64
		for _, row := range byRate[rate] {
			runs[row.Run] = true
			switch row.Outcome {
			case result.OutcomeHeld:
				p.Held++
			case result.OutcomeMissed:
				p.Missed++
			case result.OutcomeInvalid:
				p.Invalid++
				continue
			}
			achieved, p50, p99 = append(achieved, row.AchievedPerS), append(p50, row.P50Us), append(p99, row.P99Us)
		}
		p.Runs = len(runs)
		p.P50OverUs, p.P99OverUs = medianOf(p50), medianOf(p99)
		p.AchievedPerS, p.P50Us, p.P99Us = orZero(medianOf(achieved)), orZero(p.P50OverUs), orZero(p.P99OverUs)
		points = append(points, p)
	}
	return points
}

func orZero(m result.Median) float64 {
	if m.Median == nil {
		return 0
	}
	return *m.Median
}

// shares sums the shares of the knee up, the last attempt of each run.
func (s *saturationSums) shares(o *Saturation) []result.SaturationShares {
	shares := []result.SaturationShares{}
	for _, share := range slices.Sorted(slices.Values(o.Shares)) {
		last := map[int]*result.SaturationRow{}
		for i := range s.rows {
			if row := &s.rows[i]; row.Phase == result.SaturationShare && row.Share == share {
				last[row.Run] = row
			}
		}
		if len(last) == 0 {
			continue
		}
		sum := result.SaturationShares{Share: share}
		over := func(of func(*result.SaturationRow) float64) result.Median {
			var values []float64
			for _, row := range last {
				if v := of(row); v >= 0 {
					values = append(values, v)
				}
			}
			return medianOf(values)
		}
		sum.OfferedPerS = over(func(r *result.SaturationRow) float64 { return r.OfferedPerS })
		sum.AchievedPerS = over(func(r *result.SaturationRow) float64 { return r.AchievedPerS })
		sum.P50Us = over(func(r *result.SaturationRow) float64 { return r.P50Us })
		sum.P99Us = over(func(r *result.SaturationRow) float64 { return r.P99Us })
		sum.P999Us = over(func(r *result.SaturationRow) float64 { return r.P999Us })
		for _, row := range last {
			sum.MaxUs = max(sum.MaxUs, row.MaxUs)
		}
		shares = append(shares, sum)
	}
	return shares
}

// medianOf takes the median over runs, and its 95 % interval where there are runs enough.
func medianOf(values []float64) result.Median {
	sorted := slices.Sorted(slices.Values(values))
	m := result.Median{N: len(sorted)}
	if m.N == 0 {
		return m
	}
	m.Median = &sorted[rank(m.N, 0.5)]
	if k, ok := medianRank(m.N); ok {
		m.Low, m.High = &sorted[k], &sorted[m.N-1-k]
	}
	return m
}

// writeSaturation writes the points of all arms.
func (e *experiment) writeSaturation() error {
	var rows []result.SaturationRow
	searched := false
	for _, arm := range e.arms {
		rows = append(rows, arm.saturation.rows...)
		searched = searched || arm.scenario.Saturation != nil
	}
	if !searched {
		return nil
	}
	return e.writer.WriteSaturation(rows)
}
