package reports

import (
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// saturationSentences are the findings.
func (s *study) saturationSentences() []string {
	var lines []string
	for _, a := range s.saturated() {
		x := a.Saturation
		if x.Knee.Median == nil {
			lines = append(lines, fmt.Sprintf("%s held no rate with a p99 of %s.", a.Name, table.Duration(x.SLOP99Us)))
			continue
		}
		line := fmt.Sprintf("%s held %s with a p99 within %s", a.Name, kneeText(x), table.Duration(x.SLOP99Us))
		if x.LowerBound {
			line += fmt.Sprintf("; that is a lower bound, because not the system ended every search (%s did)", boundText(x))
		}
		if n := len(x.Shares); n > 0 {
			p := x.Shares[n-1]
			if p.P50Us.Median != nil && p.P99Us.Median != nil {
				line += fmt.Sprintf("; at %.0f %% of it p50 was %s and p99 %s", 100*p.Share, table.Duration(*p.P50Us.Median),
					table.Duration(*p.P99Us.Median))
			}
		}
		lines = append(lines, line+".")
	}
	if arms := s.saturated(); len(arms) > 1 {
		lines = append(lines, compareKnees(arms[0], arms[1:])...)
	}
	return lines
}

// compareKnees says which of two arms held more, or that this cannot be said.
func compareKnees(first *armStudy, others []*armStudy) (lines []string) {
	knees := func(a *armStudy) stat.Sample {
		var values []float64
		for _, run := range a.Saturation.Runs {
			if run.KneePerS != nil {
				values = append(values, *run.KneePerS)
			}
		}
		return stat.Sorted(values)
	}
	for _, other := range others {
		x, y := knees(first), knees(other)
		disjoint, ok := stat.Disjoint(x, y, .5)
		step := 100 * (max(first.Saturation.Step, other.Saturation.Step) - 1)
		switch {
		case first.Saturation.LowerBound || other.Saturation.LowerBound:
			lines = append(lines, fmt.Sprintf("%s and %s: cannot resolve a difference of the knees, one is a lower bound.",
				first.Name, other.Name))
		case !ok:
			lines = append(lines, fmt.Sprintf("%s and %s: cannot resolve a difference of the knees. A median's "+
				"interval needs %d runs an arm; there are %d and %d.", first.Name, other.Name, stat.MinSample(.5), len(x), len(y)))
		case !disjoint:
			lines = append(lines, fmt.Sprintf("%s and %s: cannot resolve a difference of the knees (95 %% intervals "+
				"over runs overlap; rates are %.0f %% apart).", first.Name, other.Name, step))
		default:
			more, less := first, other
			if *other.Saturation.Knee.Median > *first.Saturation.Knee.Median {
				more, less = other, first
			}
			lines = append(lines, fmt.Sprintf("%s held more than %s: the 95 %% intervals of the knees over runs do not overlap.",
				more.Name, less.Name))
		}
	}
	return lines
}

// saturationOddities are what was odd in the searches.
func (s *study) saturationOddities() (notes []string) {
	for i := range s.Saturation {
		r := &s.Saturation[i]
		at := fmt.Sprintf("%s, run %d, %s, attempt %d", r.Arm, r.Run, rate(r.RatePerS), r.Attempt)
		switch {
		case r.Outcome == result.OutcomeInvalid:
			notes = append(notes, at+": "+r.Why)
		case r.Phase == result.SaturationShare && r.Outcome == result.OutcomeMissed:
			notes = append(notes, fmt.Sprintf("%s, %.0f %% of the knee: over the limit although below the knee: %s", at,
				100*r.Share, r.Why))
		case r.Phase == result.SaturationSearch && r.Outcome == result.OutcomeHeld && r.Attempt > 1:
			notes = append(notes, at+": held, after it was not")
		}
	}
	if left := len(notes) - saturationOdditiesMax; left > 0 {
		notes = append(notes[:saturationOdditiesMax:saturationOdditiesMax], fmt.Sprintf(
			"%d more attempts were odd; see `%s`.", left, result.SaturationFile))
	}
	return notes
}

const saturationOdditiesMax = 20

// saturationMethod is how the numbers of a search are made.
func (s *study) saturationMethod() []string {
	arms := s.saturated()
	if len(arms) == 0 {
		return nil
	}
	steps := slices.MaxFunc(arms, func(a, b *armStudy) int { return int(1e6 * (a.Saturation.Step - b.Saturation.Step)) })
	return []string{
		fmt.Sprintf("The search climbs while rates are held, then halves the gap between the highest that was and "+
			"the lowest that was not. All runs and arms search on one grid of rates, %.0f %% apart: the knee is "+
			"known to no more than that.", 100*(steps.Saturation.Step-1)),
		"A rate that was not held at its first attempt is tried again, and the best of three counts: one hiccup of " +
			"the machine ends no climb, and one lucky attempt lifts no knee. Both misses must be the system's to bound it.",
		"A miss is the system's only when the generator's send lag p99 is within 1 ms or a tenth of the response " +
			"p99; a rate that was held kept all conditions of a steady phase.",
		"The shares of the knee are measured after the search, in an order from the seed, with warm-ups of their " +
			"own. Their p99 may be above the limit, which is a finding; the other conditions of a steady phase " +
			"hold, or the result is invalid.",
		"The unit is the run: the knee's interval is over runs, each on a fresh cluster; arms alternate.",
	}
}
