package plot

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// PhaseArm is the phases of each trial of one arm.
type PhaseArm struct {
	Label  string
	Trials []PhaseTrial
	// Left is how many trials are not drawn, because an instant of theirs was not observed.
	Left int
}

// PhaseTrial is where the outage of one trial went, in milliseconds.
type PhaseTrial struct {
	Trial                             int
	First, Elect, FirstCommit, Client float64
}

func (t PhaseTrial) total() float64 { return t.First + t.Elect + t.FirstCommit + t.Client }

// PhaseOptions say what the bars are of.
type PhaseOptions struct {
	Name, Kind string
	First      string // the first phase, as the table calls it: "detect"
	Share      string // the same as a noun: "detection"
	From       string // where it begins: "the fault"
}

// PhaseStack draws a bar for each trial, up to the first acknowledgement of the new leader.
func PhaseStack(o PhaseOptions, arms []PhaseArm) Figure {
	f := Figure{
		Name: o.Name,
		Title: fmt.Sprintf("Phases of %s, from %s to the first acknowledgement (ms; a bar a trial, sorted)", o.Kind,
			o.From),
		Alt:  describePhases(o, arms),
		rows: [][]string{{"arm", "rank", "trial", o.First + "_ms", "elect_ms", "first_commit_ms", "client_ms"}},
	}
	high := 0.0
	for i := range arms {
		arms[i].Trials = slices.SortedFunc(slices.Values(arms[i].Trials), func(a, b PhaseTrial) int {
			return cmp.Or(cmp.Compare(a.total(), b.total()), cmp.Compare(a.Trial, b.Trial))
		})
		for rank, t := range arms[i].Trials {
			high = max(high, t.total())
			f.rows = append(f.rows, []string{arms[i].Label, strconv.Itoa(rank + 1), strconv.Itoa(t.Trial), number(t.First),
				number(t.Elect), number(t.FirstCommit), number(t.Client)})
		}
	}
	f.compose = func(s *sheet) { composePhases(s, o, arms, niceCeil(high, 4)) }
	return f
}

func describePhases(o PhaseOptions, arms []PhaseArm) string {
	text := "Stacked bars, one for each trial. "
	for _, arm := range arms {
		sum, first := 0.0, 0.0
		for _, t := range arm.Trials {
			sum += t.total()
			first += t.First
		}
		if sum > 0 {
			text += fmt.Sprintf("%s: %s is %.0f %% of the total time. ", arm.Label, o.Share, 100*first/sum)
		}
	}
	return text
}

func composePhases(s *sheet, o PhaseOptions, arms []PhaseArm, high float64) {
	s.key(
		keyEntry{label: o.First, tint: sky, box: true}, keyEntry{label: "elect", tint: orange, box: true},
		keyEntry{label: "first commit", tint: green, box: true}, keyEntry{label: "client finds it", tint: purple, box: true},
	)
	most := 1
	for _, arm := range arms {
		most = max(most, len(arm.Trials))
	}
	for i, arm := range arms {
		p := newPlot(s)
		addGrid(p, true, false)
		p.X.Min, p.X.Max = .5, float64(most)+.5
		p.Y.Min, p.Y.Max = 0, high
		p.X.Tick.Marker = trialTicks(s, most)
		p.Y.Tick.Marker = linear(4, plain)
		if i == len(arms)-1 {
			p.X.Label.Text = "trials, from the shortest to the longest"
		}
		p.Y.Padding = 0
		for rank, t := range arm.Trials {
			addBar(p, float64(rank+1), t)
		}
		s.gap(4)
		s.heading(fmt.Sprintf("%s (n = %d)", arm.Label, len(arm.Trials)), ink)
		s.panel(p, choose[vg.Length](s, 170, 160))
	}
}

func addBar(p *plot.Plot, at float64, t PhaseTrial) {
	from := 0.0
	for _, part := range []struct {
		ms   float64
		tint tint
	}{{t.First, sky}, {t.Elect, orange}, {t.FirstCommit, green}, {t.Client, purple}} {
		if part.ms > 0 {
			p.Add(rectangle(at-.42, at+.42, from, from+part.ms, part.tint.light))
			from += part.ms
		}
	}
}

func trialTicks(s *sheet, most int) plot.TickerFunc {
	step := max(1, int(niceStep(float64(most)/float64(choose(s, 12, 6)))))
	return func(float64, float64) []plot.Tick {
		ticks := []plot.Tick{{Value: 1, Label: "1"}}
		for i := step; i <= most; i += step {
			if i > 1 {
				ticks = append(ticks, plot.Tick{Value: float64(i), Label: strconv.Itoa(i)})
			}
		}
		return ticks
	}
}
