package plot

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// markGroup is marks that are too near each other for labels of their own.
type markGroup struct {
	at    float64 // on the picture's axis
	text  string
	after string // what followed the first mark, with its distance
	order bool

	lines  []string // of the label, the first one bold
	inline bool     // after follows in the first line
	width  vg.Length
	left   vg.Length // from the vertical axis, about
	lane   int       // of the last line, from below
}

// markGroupGap is how near marks are put together, in units of the sheet; markLeft is about what the
// vertical axis takes, markReach how far the lines of marks reach out of the strip of labels, to those in
// the panel below.
const (
	markGroupGap = vg.Length(16)
	markLeft     = vg.Length(52)
	markPad      = vg.Length(10)
	markReach    = vg.Length(12)
)

func (g *markGroup) style() draw.LineStyle {
	if g.order {
		return muted.line(1)
	}
	return rule.line(.75, 3, 2)
}

// groupMarks puts marks together and gives each label lanes of its own: a label may reach over the lines of
// later marks only where these have their labels below it.
func groupMarks(s *sheet, a axis, marks []CourseMark) []*markGroup {
	unit := float64(s.width-2*margin-markLeft) / a.length // units of the sheet a second, about
	var groups []*markGroup
	first := 0.0
	for _, m := range marks {
		at := a.at(m.AtS)
		n := len(groups)
		if n == 0 || (at-groups[n-1].at)*unit > float64(markGroupGap) {
			groups = append(groups, &markGroup{at: at, text: m.Text, order: m.Order})
			first = m.AtS
			continue
		}
		g := groups[n-1]
		g.order = g.order || m.Order
		if g.after != "" {
			g.after += ", "
		}
		g.after += fmt.Sprintf("%s +%s", m.Text, distance(m.AtS-first))
	}
	for i := len(groups) - 1; i >= 0; i-- {
		g := groups[i]
		data := s.width - 2*margin - markLeft
		at := vg.Length(g.at * unit)
		s.breakLabel(g, data-at-markPad)
		g.left = min(at, data-g.width) // near the right edge it goes over its line
		for _, later := range groups[i+1:] {
			if later.left < g.left+g.width+markPad {
				g.lane = max(g.lane, later.lane+len(later.lines))
			}
		}
	}
	return groups
}

func distance(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", seconds*1000)
	}
	return fmt.Sprintf("%.1f s", seconds)
}

func (s *sheet) markStyles() (text, after draw.TextStyle) {
	text, after = textStyle(ink, s.bodySize()-1, true), textStyle(muted, s.bodySize()-1, false)
	text.YAlign, after.YAlign = draw.YCenter, draw.YCenter
	return text, after
}

// breakLabel breaks a label into lines that fit; on a narrow sheet what followed the first mark is left to
// the tables.
func (s *sheet) breakLabel(g *markGroup, room vg.Length) {
	const least = vg.Length(70)
	text, after := s.markStyles()
	room = max(room, least)
	g.lines = wrap(g.text, text, room)
	if s.size == Narrow {
		g.after = ""
	}
	g.inline = len(g.lines) == 1 && text.Width(g.text)+markPad/2+after.Width(g.after) <= room
	if g.after != "" && !g.inline {
		g.lines = append(g.lines, wrap(g.after, after, room)...)
	}
	for i, line := range g.lines {
		g.width = max(g.width, s.lineStyle(i).Width(line))
	}
	if g.inline {
		g.width += markPad/2 + after.Width(g.after)
	}
}

// lineStyle returns the style of a label's line.
func (s *sheet) lineStyle(i int) draw.TextStyle {
	text, after := s.markStyles()
	if i == 0 || s.size == Narrow {
		return text
	}
	return after
}

func (s *sheet) laneHeight() vg.Length { return s.bodySize() * 1.35 }

func markStripHeight(s *sheet, groups []*markGroup) vg.Length {
	lanes := 0
	for _, g := range groups {
		lanes = max(lanes, g.lane+len(g.lines))
	}
	return s.laneHeight()*vg.Length(lanes) + 4
}

// markStrip writes the labels, each beside the upper end of its mark's line.
func markStrip(s *sheet, a axis, groups []*markGroup) *plot.Plot {
	p := hiddenAxes(s, a)
	for _, g := range groups {
		p.Add(mark(func(c *draw.Canvas, x, _ func(float64) vg.Length) {
			at := x(g.at)
			top := c.Min.Y + s.laneHeight()*vg.Length(g.lane+len(g.lines))
			c.StrokeLine2(g.style(), at, c.Min.Y-markReach, at, top-2)
			left := min(at+4, c.Max.X-g.width)
			for i, line := range g.lines {
				c.FillText(s.lineStyle(i), vg.Point{X: left, Y: top - s.laneHeight()*(vg.Length(i)+.5)}, line)
			}
			if text, after := s.markStyles(); g.inline {
				c.FillText(after, vg.Point{X: left + text.Width(g.text) + markPad/2, Y: top - s.laneHeight()*.5}, g.after)
			}
		}))
	}
	return p
}

// markLines draws the lines of the marks through a panel below the strip.
func markLines(groups []*markGroup) mark {
	return func(c *draw.Canvas, x, _ func(float64) vg.Length) {
		for _, g := range groups {
			c.StrokeLine2(g.style(), x(g.at), c.Min.Y, x(g.at), c.Max.Y)
		}
	}
}

// hiddenAxes returns a strip that shares the axis of time and shows none.
func hiddenAxes(s *sheet, a axis) *plot.Plot {
	p := newPlot(s)
	p.X.Min, p.X.Max = 0, a.length
	p.X.Tick.Marker = plot.ConstantTicks{{Value: p.X.Max, Label: " "}}
	p.X.Tick.Label.Color = shade.alpha(0)
	p.X.Tick.Label.Font.Size = .1
	p.X.Tick.Length, p.X.LineStyle.Width, p.X.Tick.LineStyle.Width = 0, 0, 0
	p.Y.Min, p.Y.Max, p.Y.Padding = 0, 1, 0
	p.Y.Tick.Marker = plot.ConstantTicks{}
	return p
}
