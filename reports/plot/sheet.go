package plot

import (
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Size is for which width a figure is composed.
type Size int

// The sizes.
const (
	Wide   Size = iota // a page of a desktop; 860 units
	Narrow             // a phone; 360 units
)

// Sizes lists them.
func Sizes() []Size { return []Size{Wide, Narrow} }

const (
	wideWidth   = vg.Length(860)
	narrowWidth = vg.Length(360)
	margin      = vg.Length(6)
)

// sheet stacks rows from top to bottom, and knows its height when all are there.
type sheet struct {
	size   Size
	width  vg.Length
	height vg.Length
	rows   []row
}

// row is a strip of the sheet.
type row struct {
	height vg.Length
	draw   func(c draw.Canvas)
	panels []*plot.Plot
}

func newSheet(size Size) *sheet {
	s := &sheet{size: size, width: wideWidth}
	if size == Narrow {
		s.width = narrowWidth
	}
	s.height = 2 * margin
	return s
}

func (s *sheet) bodySize() vg.Length {
	if s.size == Narrow {
		return 12
	}
	return 13
}

// choose returns one of two values by the sheet's size.
func choose[T any](s *sheet, wide, narrow T) T {
	if s.size == Narrow {
		return narrow
	}
	return wide
}

func (s *sheet) add(r row) {
	s.rows = append(s.rows, r)
	s.height += r.height
}

func (s *sheet) gap(height vg.Length) { s.add(row{height: height}) }

// title writes the figure's title, wrapped.
func (s *sheet) title(title string) { s.text(title, textStyle(ink, s.bodySize()+2, true), 4) }

// label writes what a panel's vertical axis shows, above the panel.
func (s *sheet) label(label string) { s.text(label, textStyle(muted, s.bodySize(), false), 4) }

// heading writes a panel's name in its own colour.
func (s *sheet) heading(name string, t tint) { s.text(name, textStyle(t, s.bodySize(), true), 2) }

func (s *sheet) text(words string, style draw.TextStyle, after vg.Length) {
	lines := wrap(words, style, s.width-2*margin)
	lineHeight := style.Font.Size * 1.3
	s.add(row{height: lineHeight*vg.Length(len(lines)) + after, draw: func(c draw.Canvas) {
		for i, line := range lines {
			c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y - lineHeight*vg.Length(i)}, line)
		}
	}})
}

func wrap(words string, style draw.TextStyle, width vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(words) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && style.Width(longer) > width {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	return append(lines, line)
}

// keyEntry explains a look.
type keyEntry struct {
	label string
	tint  tint
	dash  []vg.Length
	box   bool             // a filled box: a bar or a band
	alpha float64          // of the box or the line; 0 is opaque
	width vg.Length        // of the line; 0 is usual
	glyph draw.GlyphDrawer // instead of a line
}

const keyMark = vg.Length(22)

// key writes the entries in a line, or in several where they do not fit.
func (s *sheet) key(entries ...keyEntry) {
	style := textStyle(ink, s.bodySize(), false)
	lineHeight := style.Font.Size * 1.45
	type placed struct {
		x    vg.Length
		line int
	}
	var places []placed
	x, line := vg.Length(0), 0
	for _, e := range entries {
		width := keyMark + 6 + style.Width(e.label) + 16
		if x > 0 && x+width-16 > s.width-2*margin {
			x, line = 0, line+1
		}
		places = append(places, placed{x, line})
		x += width
	}
	s.add(row{height: lineHeight*vg.Length(line+1) + 4, draw: func(c draw.Canvas) {
		for i, e := range entries {
			left := c.Min.X + places[i].x
			middle := c.Max.Y - lineHeight*(vg.Length(places[i].line)+.45)
			drawKeyMark(&c, e, left, middle)
			label := style
			label.YAlign = draw.YCenter
			c.FillText(label, vg.Point{X: left + keyMark + 6, Y: middle}, e.label)
		}
	}})
}

func drawKeyMark(c *draw.Canvas, e keyEntry, left, middle vg.Length) {
	alpha := e.alpha
	if alpha == 0 {
		alpha = 1
	}
	switch {
	case e.glyph != nil:
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: e.tint.light, Radius: 4.5, Shape: e.glyph}, vg.Point{X: left + keyMark/2,
			Y: middle})
	case e.box:
		c.FillPolygon(e.tint.alpha(alpha), []vg.Point{
			{X: left, Y: middle - 5}, {X: left + keyMark, Y: middle - 5},
			{X: left + keyMark, Y: middle + 5}, {X: left, Y: middle + 5},
		})
	default:
		style := e.tint.line(max(e.width, 2), e.dash...)
		style.Color = e.tint.alpha(alpha)
		c.StrokeLine2(style, left, middle, left+keyMark, middle)
	}
}

// panel adds a plot over the whole width. All such panels of a sheet have the same left and right ends.
func (s *sheet) panel(p *plot.Plot, height vg.Length) {
	s.add(row{height: height, panels: []*plot.Plot{p}})
}

// draw draws the rows on a canvas of the sheet's size.
func (s *sheet) draw(c draw.Canvas) {
	left, right := s.dataEnds(c)
	top := c.Max.Y - margin
	for _, r := range s.rows {
		strip := c
		strip.Min = vg.Point{X: c.Min.X + margin, Y: top - r.height}
		strip.Max = vg.Point{X: c.Max.X - margin, Y: top}
		top -= r.height
		if r.draw != nil {
			r.draw(strip)
		}
		for _, p := range r.panels {
			data := p.DataCanvas(strip)
			strip.Min.X += max(0, left-data.Min.X)
			strip.Max.X -= max(0, data.Max.X-right)
			p.Draw(strip)
		}
	}
}

// dataEnds returns where the data area of every panel begins and ends.
func (s *sheet) dataEnds(c draw.Canvas) (left, right vg.Length) {
	left, right = c.Min.X, c.Max.X
	for _, r := range s.rows {
		for _, p := range r.panels {
			strip := c
			strip.Min.X += margin
			strip.Max = vg.Point{X: c.Max.X - margin, Y: c.Min.Y + r.height}
			data := p.DataCanvas(strip)
			left, right = max(left, data.Min.X), min(right, data.Max.X)
		}
	}
	return left, right
}
