package plot

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// labelSet writes labels beside points with bars, where they lie on as little as possible.
type labelSet struct {
	labels []pointLabel
	lines  [][]point // that labels keep off
}

type pointLabel struct {
	at        point
	low, high float64 // of the bar
	text      string
	style     draw.TextStyle
}

func (s *labelSet) add(at point, low, high float64, text string, style draw.TextStyle) {
	s.labels = append(s.labels, pointLabel{at, low, high, text, style})
}

// labelFar is what a place costs for each that is nearer, in area that a label covers.
const labelFar = 8

// draw is a mark.
func (s *labelSet) draw(c *draw.Canvas, x, y func(float64) vg.Length) {
	var taken []vg.Rectangle
	for _, l := range s.labels {
		px, py := x(l.at.X), y(l.at.Y)
		taken = append(taken, around(px, py, 6, 6),
			vg.Rectangle{Min: vg.Point{X: px - 2, Y: y(l.low)}, Max: vg.Point{X: px + 2, Y: y(l.high)}})
	}
	for _, path := range s.lines {
		for i := 1; i < len(path); i++ {
			taken = append(taken, alongLine(
				vg.Point{X: x(path[i-1].X), Y: y(path[i-1].Y)}, vg.Point{X: x(path[i].X), Y: y(path[i].Y)})...)
		}
	}
	for _, l := range s.labels {
		best, least := vg.Rectangle{}, vg.Length(-1)
		for i, place := range labelPlaces(x(l.at.X), y(l.at.Y), l.style.Width(l.text), l.style.Font.Size+1) {
			covered := outside(place, c.Rectangle)*4 + vg.Length(i)*labelFar
			for _, r := range taken {
				covered += overlap(place, r)
			}
			if least < 0 || covered < least {
				best, least = place, covered
			}
		}
		taken = append(taken, best)
		c.FillText(l.style, vg.Point{X: best.Min.X, Y: best.Max.Y}, l.text)
	}
}

// alongLine covers a straight line with small boxes.
func alongLine(a, b vg.Point) []vg.Rectangle {
	const step, half = 4, 2.5
	count := int(math.Hypot(float64(b.X-a.X), float64(b.Y-a.Y))/step) + 1
	var boxes []vg.Rectangle
	for i := range count {
		part := vg.Length(i) / vg.Length(count)
		boxes = append(boxes, around(a.X+(b.X-a.X)*part, a.Y+(b.Y-a.Y)*part, half, half))
	}
	return boxes
}

func around(x, y, dx, dy vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: x - dx, Y: y - dy}, Max: vg.Point{X: x + dx, Y: y + dy}}
}

// labelPlaces are those beside a point, best first, near before far.
func labelPlaces(x, y, width, height vg.Length) []vg.Rectangle {
	var places []vg.Rectangle
	for _, far := range []vg.Length{0, 12, 24} {
		for _, dy := range []vg.Length{-height / 2, far, -height - far} {
			for _, left := range []vg.Length{x + 8, x - 8 - width} {
				places = append(places, vg.Rectangle{
					Min: vg.Point{X: left, Y: y + dy}, Max: vg.Point{X: left + width, Y: y + dy + height},
				})
			}
		}
	}
	return places
}

// overlap is the area that two rectangles share.
func overlap(a, b vg.Rectangle) vg.Length {
	width := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X)
	height := min(a.Max.Y, b.Max.Y) - max(a.Min.Y, b.Min.Y)
	if width <= 0 || height <= 0 {
		return 0
	}
	return width * height
}

// outside is the area of a that is not in b.
func outside(a, b vg.Rectangle) vg.Length {
	return (a.Max.X-a.Min.X)*(a.Max.Y-a.Min.Y) - overlap(a, b)
}
