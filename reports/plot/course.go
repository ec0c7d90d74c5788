package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// CourseRun is one run in which a cluster was led through steps, in seconds since the control before the first step.
type CourseRun struct {
	Label   string
	LengthS float64
	// P50Us and P99Us are of the operations that were due in each column of the width; NaN when they were too few.
	P50Us, P99Us                      []float64
	MidWidthS, TailWidthS, SlowWidthS float64
	// Slowest are the slowest operations due in each SlowWidthS.
	Slowest   []SlowOperation
	BaseP99Us float64     // of the control before; 0 when not known
	Segments  []NamedSpan // Plain: a control
	Marks     []CourseMark
	Leaders   []Lane
	Members   []NamedSpan // Plain: not joint
	// OriginS is where the labels of the axis count from.
	OriginS float64
	// Zoom is a part of it once more, in a panel of its own; nil is none. Its Label is the panel's.
	Zoom *CourseRun
	// Cut is left out of the picture but for a narrow band; nil shows everything.
	Cut *NamedSpan
}

// SlowOperation is one operation by its intended start.
type SlowOperation struct {
	AtS, Us float64
	NotOK   bool
}

// NamedSpan is a stretch with a name.
type NamedSpan struct {
	Span
	Name  string
	Plain bool
}

// CourseMark is an instant with a label. An Order is something that was done to the cluster; the others are what it
// said.
type CourseMark struct {
	AtS   float64
	Text  string
	Order bool
}

// Course draws response times over a course, its steps as labelled marks.
func Course(name, title string, r CourseRun) Figure {
	f := Figure{
		Name: name, Title: title, Alt: describeCourse(r),
		rows: [][]string{{"what", "start_s", "width_s", "us", "text"}},
	}
	for i, us := range r.P50Us {
		f.rows = append(f.rows, []string{"p50", number(float64(i) * r.MidWidthS), number(r.MidWidthS), number(us), ""})
	}
	for i, us := range r.P99Us {
		f.rows = append(f.rows, []string{"p99", number(float64(i) * r.TailWidthS), number(r.TailWidthS), number(us), ""})
	}
	for _, slow := range r.Slowest {
		text := ""
		if slow.NotOK {
			text = "not ok"
		}
		f.rows = append(f.rows, []string{"slowest", number(slow.AtS), number(r.SlowWidthS), number(slow.Us), text})
	}
	if r.Zoom != nil {
		for i, us := range r.Zoom.P50Us {
			at := float64(i)*r.Zoom.MidWidthS - r.Zoom.OriginS
			f.rows = append(f.rows, []string{"zoom p50", number(at), number(r.Zoom.MidWidthS), number(us), ""})
		}
		for _, slow := range r.Zoom.Slowest {
			f.rows = append(f.rows, []string{"zoom slowest", number(slow.AtS - r.Zoom.OriginS), number(r.Zoom.SlowWidthS),
				number(slow.Us), ""})
		}
	}
	for _, m := range r.Marks {
		f.rows = append(f.rows, []string{"mark", number(m.AtS), "0", "", m.Text})
	}
	f.compose = func(s *sheet) { composeCourse(s, r) }
	return f
}

func describeCourse(r CourseRun) string {
	text := "Response time over time, with marks: "
	for _, m := range r.Marks {
		text += fmt.Sprintf("%s at %.1f s; ", m.Text, m.AtS)
	}
	return text
}

// cutWidth is how much of a picture a cut takes.
const cutWidth = .05

// axis maps seconds to the picture's, which leaves most of a cut out.
type axis struct {
	cut    *NamedSpan
	origin float64
	length float64 // in the picture
	shrunk float64 // width of the cut in the picture
}

func newAxis(r CourseRun) axis {
	a := axis{cut: r.Cut, length: r.LengthS, origin: r.OriginS}
	if a.cut == nil || a.cut.ToS-a.cut.FromS <= 0 {
		a.cut = nil
		return a
	}
	kept := r.LengthS - (a.cut.ToS - a.cut.FromS)
	a.shrunk = min(a.cut.ToS-a.cut.FromS, cutWidth*kept)
	a.length = kept + a.shrunk
	return a
}

func (a axis) at(t float64) float64 {
	switch {
	case a.cut == nil || t <= a.cut.FromS:
		return t
	case t >= a.cut.ToS:
		return t - (a.cut.ToS - a.cut.FromS) + a.shrunk
	default:
		return a.cut.FromS + (t-a.cut.FromS)/(a.cut.ToS-a.cut.FromS)*a.shrunk
	}
}

func (a axis) inCut(t float64) bool { return a.cut != nil && t > a.cut.FromS && t < a.cut.ToS }

// ticks are labelled with the true time.
func (a axis) ticks(count int) plot.Ticker {
	step := niceStep(a.length / float64(count))
	end := a.length
	if a.cut != nil {
		end += a.cut.ToS - a.cut.FromS - a.shrunk
	}
	var ticks plot.ConstantTicks
	for i := math.Ceil(-a.origin/step - 1e-9); i*step+a.origin <= end+1e-9; i++ {
		t := i*step + a.origin
		if a.inCut(t) {
			continue
		}
		ticks = append(ticks, plot.Tick{Value: a.at(t), Label: plain(i*step+0, step)})
	}
	return ticks
}

func (a axis) span(s Span) Span { return Span{FromS: a.at(s.FromS), ToS: a.at(s.ToS)} }

func composeCourse(s *sheet, r CourseRun) {
	a := newAxis(r)
	key := []keyEntry{
		{label: fmt.Sprintf("p50 of each %.1f s", r.MidWidthS), tint: blue},
		{label: fmt.Sprintf("p99 of each %.1f s", r.TailWidthS), tint: vermilion},
		{
			label: fmt.Sprintf("slowest operation of each %.0f ms", r.SlowWidthS*1000), tint: muted,
			glyph: draw.CircleGlyph{},
		},
	}
	if r.BaseP99Us > 0 {
		key = append(key, keyEntry{label: "p99 of the control before", tint: vermilion, dash: []vg.Length{2, 3}})
	}
	key = append(key, keyEntry{label: "control: nothing is done", tint: shade, box: true})
	if hasNotOK(r.Slowest) {
		key = append(key, keyEntry{label: "not ok, at least", tint: danger, glyph: draw.CrossGlyph{}})
	}
	s.key(key...)
	s.gap(4)
	groups := groupMarks(s, a, r.Marks)
	s.panel(markStrip(s, a, groups), markStripHeight(s, groups))
	s.panel(coursePanel(s, a, r, groups), choose[vg.Length](s, 250, 220))
	if len(r.Leaders) > 0 {
		s.label("leader (node)")
		s.panel(courseStrip(s, a, leaderSpans(r.Leaders)), 20)
	}
	if len(r.Members) > 1 {
		s.label("members (+ learner, → joint)")
		s.panel(courseStrip(s, a, r.Members), 20)
	}
	s.text("seconds since the control before the first step began"+cutNote(r), textStyle(muted, s.bodySize(), false), 2)
	if r.Zoom != nil {
		composeZoom(s, *r.Zoom)
	}
}

// composeZoom adds a panel with a part of the course, on a scale of its own.
func composeZoom(s *sheet, r CourseRun) {
	a := newAxis(r)
	s.gap(10)
	s.heading(r.Label, ink)
	s.label(fmt.Sprintf("p50 of each %.0f ms, slowest operation of each %.0f ms", r.MidWidthS*1000, r.SlowWidthS*1000))
	groups := groupMarks(s, a, r.Marks)
	s.panel(markStrip(s, a, groups), markStripHeight(s, groups))
	s.panel(coursePanel(s, a, r, groups), choose[vg.Length](s, 210, 190))
}

func cutNote(r CourseRun) string {
	if r.Cut == nil {
		return ""
	}
	return fmt.Sprintf("; hatched: %s and the quiet after it, left out", r.Cut.Name)
}

func hasNotOK(slowest []SlowOperation) bool {
	for _, slow := range slowest {
		if slow.NotOK {
			return true
		}
	}
	return false
}

// coursePanel draws the response times.
func coursePanel(s *sheet, a axis, r CourseRun, groups []*markGroup) *plot.Plot {
	p := newPlot(s)
	p.X.Min, p.X.Max = 0, a.length
	p.X.Tick.Marker = a.ticks(choose(s, 12, 5))
	low, high := courseBounds(r)
	p.Y.Min, p.Y.Max = low, high
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.TickerFunc(logDuration)
	for _, g := range r.Segments {
		if span := a.span(g.Span); g.Plain {
			p.Add(rectangle(span.FromS, span.ToS, math.Inf(-1), math.Inf(1), shade.light))
		}
	}
	addGrid(p, true, false)
	addCut(p, a)
	if r.BaseP99Us > 0 {
		p.Add(line([]point{{0, r.BaseP99Us}, {a.length, r.BaseP99Us}}, vermilion.line(1, 2, 3)))
	}
	p.Add(markLines(groups))
	for _, g := range r.Segments {
		if !g.Plain {
			continue // lines of marks go through it
		}
		p.Add(segmentName(s, a.span(g.Span), g.Name))
	}
	var dots, crosses []point
	for _, slow := range r.Slowest {
		pt := point{a.at(slow.AtS), slow.Us}
		if a.inCut(slow.AtS) {
			continue
		}
		if slow.NotOK {
			crosses = append(crosses, pt)
		} else {
			dots = append(dots, pt)
		}
	}
	p.Add(glyphs(dots, draw.GlyphStyle{Color: muted.alpha(.45), Radius: 1.4, Shape: draw.CircleGlyph{}}))
	p.Add(line(a.columns(r.P99Us, r.TailWidthS), vermilion.line(1.75)),
		line(a.columns(r.P50Us, r.MidWidthS), blue.line(1.75)))
	p.Add(glyphs(crosses, draw.GlyphStyle{Color: danger.light, Radius: 3, Shape: draw.CrossGlyph{}}))
	return p
}

// segmentName writes the name of a segment at its upper left, where it fits.
func segmentName(s *sheet, span Span, name string) mark {
	text := textStyle(muted, s.bodySize()-1, false)
	return func(c *draw.Canvas, x, _ func(float64) vg.Length) {
		left, right := x(span.FromS), x(span.ToS)
		if right-left > text.Width(name)+6 {
			c.FillText(text, vg.Point{X: left + 4, Y: c.Max.Y - 3}, name)
		}
	}
}

func courseBounds(r CourseRun) (low, high float64) {
	low = math.Inf(1)
	for _, us := range r.P50Us {
		if us > 0 {
			low, high = min(low, us), max(high, us)
		}
	}
	a := newAxis(r)
	for _, slow := range r.Slowest {
		if !a.inCut(slow.AtS) {
			high = max(high, slow.Us)
		}
	}
	return logBounds(low, high)
}

// columns joins the middles of the columns; one without a value is a gap, and so is the inside of a cut.
func (a axis) columns(us []float64, width float64) []point {
	var points []point
	for i, v := range us {
		t := (float64(i) + .5) * width
		if a.inCut(t) {
			v = math.NaN()
		}
		points = append(points, point{a.at(t), v})
	}
	return points
}

// addCut hatches the band of a cut.
func addCut(p *plot.Plot, a axis) {
	if a.cut == nil {
		return
	}
	span := a.span(a.cut.Span)
	p.Add(mark(func(c *draw.Canvas, x, _ func(float64) vg.Length) {
		left, right := x(span.FromS), x(span.ToS)
		style := rule.line(.75)
		for y := c.Min.Y - (right - left); y < c.Max.Y; y += 7 {
			from, to := vg.Point{X: left, Y: y}, vg.Point{X: right, Y: y + (right - left)}
			c.StrokeLines(style, c.ClipLinesXY([]vg.Point{from, to})...)
		}
	}))
}

func leaderSpans(lanes []Lane) []NamedSpan {
	var spans []NamedSpan
	for _, l := range lanes {
		spans = append(spans, NamedSpan{Span: l.Span, Name: fmt.Sprintf("%d", l.Node), Plain: true})
	}
	return spans
}

// courseStrip draws named stretches side by side, in two looks in turn; one that is not plain is dark.
func courseStrip(s *sheet, a axis, spans []NamedSpan) *plot.Plot {
	p := hiddenAxes(s, a)
	text := textStyle(ink, s.bodySize()-2, false)
	text.XAlign, text.YAlign = draw.XCenter, draw.YCenter
	plains := 0
	for _, named := range spans {
		span := a.span(named.Span)
		look := ink.alpha(.7)
		if named.Plain {
			look = []tint{sky, green}[plains%2].alpha(.4)
			plains++
		}
		p.Add(rectangle(span.FromS, span.ToS, 0, 1, look))
		p.Add(mark(func(c *draw.Canvas, x, y func(float64) vg.Length) {
			left, right := max(x(span.FromS), c.Min.X), min(x(span.ToS), c.Max.X)
			if right-left > text.Width(named.Name)+4 {
				c.FillText(text, vg.Point{X: (left + right) / 2, Y: y(.5)}, named.Name)
			}
		}))
	}
	return p
}
