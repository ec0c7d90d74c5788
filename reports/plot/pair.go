package plot

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// column is one of two panels that stand side by side: rows of its own, and the plot below them.
type column struct {
	head *sheet
	plot *plot.Plot
}

// pairGap is the space between two columns; pairLeft and pairRight are what the labels of an axis take of a column.
const (
	pairGap   = vg.Length(22)
	pairLeft  = vg.Length(44)
	pairRight = vg.Length(12)
)

// stretched returns the canvas on which the data of a plot reach from left to right.
func stretched(p *plot.Plot, c draw.Canvas, left, right vg.Length) draw.Canvas {
	for range 3 { // the labels' share of the width changes with it
		data := p.DataCanvas(c)
		c.Min.X += left - data.Min.X
		c.Max.X += right - data.Max.X
	}
	return c
}

// newColumn returns a column with an empty head of the right width.
func newColumn(s *sheet) column {
	head := *s
	head.rows, head.height = nil, 0
	head.width = (s.width-2*margin-pairGap)/2 + 2*margin
	return column{head: &head}
}

func electionColumn(s *sheet, e *ElectionPanel) column {
	c := newColumn(s)
	c.head.heading(e.Title, ink)
	c.head.key(electionKey(e)...)
	c.plot = electionPlot(s, e)
	return c
}

// pair adds two columns. Their plots begin at the same height and are equally high.
func (s *sheet) pair(left, right column, height vg.Length) {
	head := max(left.head.height, right.head.height)
	s.add(row{height: head + height, draw: func(c draw.Canvas) {
		width := (c.Max.X - c.Min.X - pairGap) / 2
		for i, column := range []column{left, right} {
			strip := c
			strip.Min.X += vg.Length(i) * (width + pairGap)
			strip.Max.X = strip.Min.X + width
			top := strip.Max.Y
			for _, r := range column.head.rows {
				part := strip
				part.Max.Y, part.Min.Y = top, top-r.height
				r.draw(part)
				top -= r.height
			}
			strip.Max.Y = c.Max.Y - head
			column.plot.Draw(stretched(column.plot, strip, strip.Min.X+pairLeft, strip.Max.X-pairRight))
		}
	}})
}
