package plot

import (
	"fmt"
	"strconv"

	"gonum.org/v1/plot/vg"

	"github.com/raftmark/raftmark/reports/stat"
)

// CDFArm is the outages of one arm, in milliseconds.
type CDFArm struct {
	Label   string
	Outages stat.Sample
	// Control marks trials in which nothing was broken; they are drawn grey.
	Control bool
}

// OutageCDF draws how the outages are distributed: a step at each trial. least is the shortest possible outage in
// milliseconds, when it is known, else 0.
func OutageCDF(name, kind string, arms []CDFArm, least float64) Figure {
	f := Figure{
		Name:  name,
		Title: fmt.Sprintf("Outage after %s: distribution over trials (ms; %s)", kind, countsOf(arms)),
		Alt:   "Cumulative distribution of the outage. " + describeCDF(arms),
		rows:  [][]string{{"arm", "control", "outage_ms", "share_of_trials"}},
	}
	high := least
	for _, arm := range arms {
		if most, ok := arm.Outages.Max(); ok {
			high = max(high, most)
		}
		for _, step := range arm.Outages.ECDF() {
			f.rows = append(f.rows, []string{arm.Label, strconv.FormatBool(arm.Control), number(step.X), number(step.P)})
		}
	}
	f.compose = func(s *sheet) { composeCDF(s, arms, least, high) }
	return f
}

func countsOf(arms []CDFArm) string {
	same, n := true, -1
	for _, arm := range arms {
		if arm.Control {
			continue
		}
		if n >= 0 && len(arm.Outages) != n {
			same = false
		}
		n = len(arm.Outages)
	}
	if same && n >= 0 {
		return fmt.Sprintf("n = %d trials an arm", n)
	}
	return "n in the key"
}

func describeCDF(arms []CDFArm) string {
	text := ""
	for _, arm := range arms {
		if low, ok := arm.Outages.Min(); ok {
			high, _ := arm.Outages.Max()
			text += fmt.Sprintf("%s: %d trials from %.0f to %.0f ms. ", arm.Label, len(arm.Outages), low, high)
		}
	}
	return text
}

func composeCDF(s *sheet, arms []CDFArm, least, high float64) {
	p := newPlot(s)
	addGrid(p, true, true)
	p.X.Min, p.X.Max = 0, niceCeil(high*1.02, 8)
	p.Y.Min, p.Y.Max = 0, 1
	p.X.Tick.Marker = linear(choose(s, 9, 5), plain)
	p.Y.Tick.Marker = linear(5, percent)
	p.X.Label.Text = "outage: longest time without an acknowledgement, ms"
	if s.size == Narrow {
		p.X.Label.Text = "longest time without an ack, ms"
	}
	var key []keyEntry
	series := 0
	for _, arm := range arms {
		look, dash := seriesTint(series), seriesDash(series)
		if arm.Control {
			look, dash = rule, nil
		} else {
			series++
		}
		points := []point{{0, 0}}
		low, up := []point{}, []point{}
		before := 0.0
		band := stat.DKW(len(arm.Outages))
		for _, step := range arm.Outages.ECDF() {
			points = append(points, point{step.X, before}, point{step.X, step.P})
			low = append(low, point{step.X, max(0, before-band)}, point{step.X, max(0, step.P-band)})
			up = append(up, point{step.X, min(1, before+band)}, point{step.X, min(1, step.P+band)})
			before = step.P
		}
		points = append(points, point{p.X.Max, 1})
		if !arm.Control {
			p.Add(area(low, up, look.alpha(.10)))
		}
		p.Add(line(points, look.line(2.25, dash...)))
		key = append(key, keyEntry{label: fmt.Sprintf("%s (n = %d)", arm.Label, len(arm.Outages)), tint: look, dash: dash})
	}
	if least > 0 {
		label := textStyle(muted, s.bodySize()-1, false)
		p.Add(vertical(least, muted.line(1, 3, 3), choose(s, "election timeout, minimum", "timeout min"), label))
	}
	s.key(key...)
	s.gap(4)
	s.label("share of trials with an outage of at most x")
	s.panel(p, choose[vg.Length](s, 300, 260))
}
