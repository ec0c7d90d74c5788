package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// WaterfallArm is where the time of an arm's operations went, by groups of them.
type WaterfallArm struct {
	Label  string
	Groups []WaterfallGroup
}

// WaterfallGroup is a group of operations: its parts follow one another, and are in the same order in each group.
type WaterfallGroup struct {
	Label string
	N     int
	Parts []WaterfallPart
}

// WaterfallPart is a part of their time: its mean, in microseconds.
type WaterfallPart struct {
	Label string
	Us    float64
}

// waterfallLabelShare is the share of the scale from which on a bar has its length written beside it.
const waterfallLabelShare = .03

// Waterfall draws the parts of an operation's time as steps, each beginning where the one above ends, with a bar for
// each group. All panels share one scale.
func Waterfall(name string, arms []WaterfallArm) Figure {
	f := Figure{
		Name:  name,
		Title: "Where the time of a proposal goes, by how long it took (means; ms from proposed to answered)",
		Alt:   "Steps, each beginning where the one above ends. ",
		rows:  [][]string{{"arm", "group", "n", "part", "begin_us", "end_us"}},
	}
	high := 0.0
	for _, a := range arms {
		for _, g := range a.Groups {
			at, longest := 0.0, WaterfallPart{}
			for _, p := range g.Parts {
				f.rows = append(f.rows, []string{a.Label, g.Label, fmt.Sprint(g.N), p.Label, number(at), number(at + p.Us)})
				at += p.Us
				if p.Us > longest.Us {
					longest = p
				}
			}
			high = max(high, at)
			f.Alt += fmt.Sprintf("%s, %s: %s in all, the longest part is %s with %s. ", a.Label, g.Label,
				microseconds(roundTo3(at)), longest.Label, microseconds(roundTo3(longest.Us)))
		}
	}
	f.compose = func(s *sheet) { composeWaterfall(s, arms, niceCeil(high/1e3, 5)) }
	return f
}

func composeWaterfall(s *sheet, arms []WaterfallArm, high float64) {
	var key []keyEntry
	for i, g := range mostGroups(arms) {
		key = append(key, keyEntry{label: g.Label, tint: waterfallTint(i), box: true})
	}
	s.key(key...)
	for at, a := range arms {
		if len(a.Groups) == 0 {
			continue
		}
		title := a.Label + " (n = "
		for i, g := range a.Groups {
			if i > 0 {
				title += ", "
			}
			title += fmt.Sprint(g.N)
		}
		p := newPlot(s)
		addGrid(p, false, true)
		rows := len(a.Groups[0].Parts)
		p.X.Min, p.X.Max = 0, high
		p.X.Tick.Marker = linear(choose(s, 6, 3), plain)
		p.Y.Min, p.Y.Max = -.5, float64(rows)-.5
		if at == len(arms)-1 {
			p.X.Label.Text = "ms since it was proposed"
		}
		var names plot.ConstantTicks
		for i, part := range a.Groups[0].Parts {
			names = append(names, plot.Tick{Value: float64(rows - 1 - i), Label: part.Label})
		}
		p.Y.Tick.Marker = names
		for i, g := range a.Groups {
			addSteps(s, p, i, len(a.Groups), g, high)
		}
		s.gap(4)
		s.heading(title+")", ink)
		s.panel(p, vg.Length(rows*(8+7*len(a.Groups)))+34)
	}
}

// mostGroups returns the groups of the arm that has most.
func mostGroups(arms []WaterfallArm) []WaterfallGroup {
	var most []WaterfallGroup
	for _, a := range arms {
		if len(a.Groups) > len(most) {
			most = a.Groups
		}
	}
	return most
}

func waterfallTint(i int) tint { return [...]tint{sky, blue, vermilion}[i%3] }

// addSteps adds the bars of group i of count, thin ones within each row, and a line that leads from step to step.
func addSteps(s *sheet, p *plot.Plot, i, count int, g WaterfallGroup, high float64) {
	look, at := waterfallTint(i), 0.0
	const rowShare = .78
	thick := rowShare / float64(count)
	style := textStyle(muted, s.bodySize()-3, false)
	style.YAlign = draw.YCenter
	for row, part := range g.Parts {
		ms := part.Us / 1e3
		top := float64(len(g.Parts)-1-row) + rowShare/2 - float64(i)*thick
		middle := top - thick/2
		p.Add(rectangle(at, at+ms, top-thick*.94, top, look.light))
		begin, end := at, at+ms
		if ms < high/400 { // a trace of a bar: it is there, and short
			p.Add(line([]point{{begin, top - thick*.94}, {begin, top}}, look.line(1)))
		}
		at = end
		if row < len(g.Parts)-1 {
			p.Add(line([]point{{end, middle}, {end, middle - 1}}, draw.LineStyle{Color: look.alpha(.35), Width: .75}))
		}
		if math.Abs(ms) < high*waterfallLabelShare {
			continue
		}
		label := microseconds(roundTo3(part.Us))
		p.Add(mark(func(c *draw.Canvas, x, y func(float64) vg.Length) {
			place := vg.Point{X: x(end) + 3, Y: y(middle)}
			if place.X+style.Width(label) > c.Max.X {
				place.X = x(begin) - 3 - style.Width(label)
			}
			c.FillText(style, place, label)
		}))
	}
}
