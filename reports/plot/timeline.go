package plot

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/raftmark/raftmark/reports/stat"
)

// TimelineArm is one arm over its whole time, in seconds since its start.
type TimelineArm struct {
	Label  string
	Points []TimelinePoint
	Faults []TimelineFault
	Steady []Span // the measured phases without faults
	Lanes  []Lane // who led
}

// TimelinePoint is a stretch of the arm that becomes one column of the picture.
type TimelinePoint struct {
	StartS, WidthS float64
	// MidUs is the median of the bins' p50, HighUs the slowest operation; NaN when none completed.
	MidUs, HighUs float64
	// Rates in the stretch, operations a second.
	OfferedPS, OKPS, NotOKPS float64
}

// TimelineFault is when a fault took effect.
type TimelineFault struct {
	AtS     float64
	Control bool // nothing was broken
}

// Span is a stretch of time.
type Span struct{ FromS, ToS float64 }

// Lane is a stretch with one leader.
type Lane struct {
	Span
	Node uint64
	Term uint64
}

// LatencyTimeline draws response times over each arm, faults and leaders marked.
func LatencyTimeline(name string, arms []TimelineArm) Figure {
	f := Figure{
		Name:  name,
		Title: "Response time over the run: median and slowest of each column (log), faults and leaders marked",
		Alt:   "Response time over time, a panel for each arm. " + describeTimeline(arms),
		rows:  timelineRows(arms),
	}
	f.compose = func(s *sheet) { composeLatency(s, arms) }
	return f
}

// ThroughputTimeline draws what was offered and what was acknowledged.
func ThroughputTimeline(name string, arms []TimelineArm) Figure {
	f := Figure{
		Name:  name,
		Title: "Offered and acknowledged operations over the run (op/s)",
		Alt:   "Offered and acknowledged rates over time, a panel for each arm. " + describeTimeline(arms),
		rows:  timelineRows(arms),
	}
	f.compose = func(s *sheet) { composeThroughput(s, arms) }
	return f
}

func timelineRows(arms []TimelineArm) [][]string {
	rows := [][]string{{"arm", "start_s", "width_s", "p50_median_us", "max_us", "offered_per_s", "ok_per_s",
		"not_ok_per_s"}}
	for _, arm := range arms {
		for _, pt := range arm.Points {
			rows = append(rows, []string{arm.Label, number(pt.StartS), number(pt.WidthS), number(pt.MidUs), number(pt.HighUs),
				number(pt.OfferedPS), number(pt.OKPS), number(pt.NotOKPS)})
		}
	}
	return rows
}

func describeTimeline(arms []TimelineArm) string {
	text := ""
	for _, arm := range arms {
		faults := 0
		for _, f := range arm.Faults {
			if !f.Control {
				faults++
			}
		}
		text += fmt.Sprintf("%s: %d faults. ", arm.Label, faults)
	}
	return text
}

// timelineX is the same for all arms.
func timelineX(s *sheet, p *plot.Plot, arms []TimelineArm) {
	p.X.Min, p.X.Max = 0, 1
	for _, arm := range arms {
		for _, pt := range arm.Points {
			p.X.Max = max(p.X.Max, pt.StartS+pt.WidthS)
		}
	}
	p.X.Tick.Marker = linear(choose(s, 12, 5), plain)
}

// timelineGround shades the steady phases and marks the faults.
func timelineGround(p *plot.Plot, arm TimelineArm) {
	for _, span := range arm.Steady {
		p.Add(rectangle(span.FromS, span.ToS, math.Inf(-1), math.Inf(1), shade.light))
	}
	addGrid(p, true, false)
	for _, fault := range arm.Faults {
		style := danger.line(1)
		style.Color = danger.alpha(.45)
		if fault.Control {
			style = rule.line(.75, 2, 2)
		}
		p.Add(vertical(fault.AtS, style, "", draw.TextStyle{}))
		if !fault.Control {
			p.Add(mark(func(c *draw.Canvas, x, _ func(float64) vg.Length) { arrowHead(c, x(fault.AtS)) }))
		}
	}
}

// arrowHead points down from the upper edge of a panel.
func arrowHead(c *draw.Canvas, at vg.Length) {
	if c.ContainsX(at) {
		c.FillPolygon(danger.light, []vg.Point{
			{X: at - 4, Y: c.Max.Y + 1}, {X: at + 4, Y: c.Max.Y + 1}, {X: at, Y: c.Max.Y - 6},
		})
	}
}

// arrowDown is the head as a glyph of the key.
type arrowDown struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (arrowDown) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	c.FillPolygon(style.Color, []vg.Point{
		{X: at.X - 4, Y: at.Y + 4}, {X: at.X + 4, Y: at.Y + 4}, {X: at.X, Y: at.Y - 4},
	})
}

func timelineKey(arms []TimelineArm, lines ...keyEntry) []keyEntry {
	key := append(lines, keyEntry{label: "steady phase", tint: shade, box: true})
	broken, control := false, false
	for _, arm := range arms {
		for _, fault := range arm.Faults {
			broken, control = broken || !fault.Control, control || fault.Control
		}
	}
	if broken {
		key = append(key, keyEntry{label: "fault", tint: danger, glyph: arrowDown{}})
	}
	if control {
		key = append(key, keyEntry{label: "noop (control)", tint: rule, dash: []vg.Length{2, 2}})
	}
	return key
}

func composeLatency(s *sheet, arms []TimelineArm) {
	s.key(timelineKey(arms, keyEntry{label: "p50", tint: ink}, keyEntry{label: "slowest", tint: ink, alpha: paleLine})...)
	low, high := math.Inf(1), 0.0
	for _, arm := range arms {
		for _, pt := range arm.Points {
			if pt.MidUs > 0 {
				low, high = min(low, pt.MidUs), max(high, pt.HighUs)
			}
		}
	}
	low, high = logBounds(low, high)
	for i, arm := range arms {
		p := newPlot(s)
		timelineX(s, p, arms)
		p.Y.Min, p.Y.Max = low, high
		p.Y.Scale = plot.LogScale{}
		p.Y.Tick.Marker = plot.TickerFunc(logDuration)
		timelineGround(p, arm)
		var mid, top []point
		for _, pt := range arm.Points {
			x := pt.StartS + pt.WidthS/2
			mid, top = append(mid, point{x, pt.MidUs}), append(top, point{x, pt.HighUs})
		}
		faint := seriesTint(i).line(1)
		faint.Color = seriesTint(i).alpha(.55)
		p.Add(line(top, faint), line(mid, seriesTint(i).line(1.75)))
		s.gap(4)
		s.heading(arm.Label, seriesTint(i))
		s.label("response time by completion (log)")
		if i == len(arms)-1 {
			p.X.Label.Text = "seconds since the arm's start"
		}
		s.panel(p, choose[vg.Length](s, 170, 160))
		if len(arm.Lanes) > 0 {
			s.label("leader (node; each change is a new term)")
			s.panel(laneStrip(s, arms, arm), 20)
		}
	}
}

// laneStrip draws who led, in one strip.
func laneStrip(s *sheet, arms []TimelineArm, arm TimelineArm) *plot.Plot {
	p := newPlot(s)
	timelineX(s, p, arms)
	p.X.Tick.Marker = plot.ConstantTicks{{Value: p.X.Max, Label: plain(p.X.Max, 1)}}
	p.X.Tick.Label.Color = shade.alpha(0)
	p.X.Tick.Label.Font.Size = .1
	p.X.Tick.Length, p.X.LineStyle.Width, p.X.Tick.LineStyle.Width = 0, 0, 0
	p.Y.Min, p.Y.Max, p.Y.Padding = 0, 1, 0
	p.Y.Tick.Marker = plot.ConstantTicks{}
	text := textStyle(ink, s.bodySize()-2, false)
	text.XAlign, text.YAlign = draw.XCenter, draw.YCenter
	for _, lane := range arm.Lanes {
		look := seriesTint(int(lane.Node) + 1)
		p.Add(rectangle(lane.FromS, lane.ToS, 0, 1, look.alpha(.45)))
		label := "n" + strconv.FormatUint(lane.Node, 10)
		p.Add(mark(func(c *draw.Canvas, x, y func(float64) vg.Length) {
			left, right := max(x(lane.FromS), c.Min.X), min(x(lane.ToS), c.Max.X)
			if right-left > text.Width(label)+4 {
				c.FillText(text, vg.Point{X: (left + right) / 2, Y: y(.5)}, label)
			}
		}))
	}
	return p
}

// ratePeaks returns the highest rate, and the median of what was offered.
func ratePeaks(arms []TimelineArm) (high, offered float64) {
	var due []float64
	for _, arm := range arms {
		for _, pt := range arm.Points {
			if !math.IsNaN(pt.OKPS) {
				due, high = append(due, pt.OfferedPS), max(high, pt.OfferedPS, pt.OKPS)
			}
		}
	}
	if len(due) > 0 {
		offered = stat.Sorted(due).OrderStatistic(.5)
	}
	return high, offered
}

func composeThroughput(s *sheet, arms []TimelineArm) {
	s.key(timelineKey(arms, keyEntry{label: "acknowledged (arm's colour)", tint: ink},
		keyEntry{label: "offered", tint: rule},
		keyEntry{label: "failed, unknown or shed", tint: danger, box: true})...)
	high, offered := ratePeaks(arms)
	for i, arm := range arms {
		p := newPlot(s)
		timelineX(s, p, arms)
		p.Y.Min, p.Y.Max = 0, rateTop(high, offered)
		p.Y.Tick.Marker = linear(4, grouped)
		timelineGround(p, arm)
		var starts, due, ok []float64
		width := 0.0
		for _, pt := range arm.Points {
			starts, width = append(starts, pt.StartS), pt.WidthS
			due, ok = append(due, pt.OfferedPS), append(ok, pt.OKPS)
			if pt.NotOKPS > 0 {
				p.Add(rectangle(pt.StartS, pt.StartS+pt.WidthS, 0, pt.NotOKPS, danger.light))
			}
		}
		p.Add(line(stepped(starts, due, width), rule.line(1.25)), line(stepped(starts, ok, width),
			seriesTint(i).line(1.5)))
		s.gap(4)
		s.heading(arm.Label, seriesTint(i))
		s.label("operations a second" + cutOff(high, offered))
		if i == len(arms)-1 {
			p.X.Label.Text = "seconds since the arm's start"
		}
		s.panel(p, choose[vg.Length](s, 160, 150))
	}
}
