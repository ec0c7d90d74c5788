package plot

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// tint is a colour with its name in the page's style sheet and its look on a dark page.
type tint struct {
	name        string
	light, dark color.NRGBA
}

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xFF}
}

// Colours of text and lines.
var (
	ink    = tint{"ink", rgb(0x1F2328), rgb(0xE6EDF3)}
	muted  = tint{"muted", rgb(0x59636E), rgb(0xA4AEBA)}
	rule   = tint{"rule", rgb(0x8C959F), rgb(0x6E7681)}
	grid   = tint{"grid", rgb(0xE3E7EB), rgb(0x2B323A)}
	shade  = tint{"shade", rgb(0xF0F3F6), rgb(0x1C232B)}
	danger = tint{"danger", rgb(0xB42318), rgb(0xFF7B72)}
	ground = tint{"ground", rgb(0xFFFFFF), rgb(0x0D1117)} // of the page
)

// Okabe–Ito, in the order in which series take them; the dark looks are lighter steps of the same hues.
var (
	blue      = tint{"blue", rgb(0x0072B2), rgb(0x58A6E8)}
	vermilion = tint{"vermilion", rgb(0xD55E00), rgb(0xF0803C)}
	green     = tint{"green", rgb(0x009E73), rgb(0x2BC495)}
	purple    = tint{"purple", rgb(0xCC79A7), rgb(0xDE9CC0)}
	orange    = tint{"orange", rgb(0xE69F00), rgb(0xE6A93A)}
	sky       = tint{"sky", rgb(0x56B4E9), rgb(0x8AD0F5)}
)

func tints() []tint {
	return []tint{ink, muted, rule, grid, shade, danger, ground, blue, vermilion, green, purple, orange, sky}
}

func seriesTint(i int) tint {
	series := [...]tint{blue, vermilion, green, purple, orange, sky}
	return series[i%len(series)]
}

func seriesDash(i int) []vg.Length {
	dashes := [...][]vg.Length{nil, {7, 3}, {2, 2.5}, {8, 3, 2, 3}, {4, 4}, {12, 4}}
	return dashes[i%len(dashes)]
}

func (t tint) alpha(a float64) color.NRGBA {
	c := t.light
	c.A = uint8(a * 0xFF)
	return c
}

func (t tint) line(width vg.Length, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: t.light, Width: width, Dashes: dashes}
}

func textStyle(t tint, size vg.Length, bold bool) draw.TextStyle {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return draw.TextStyle{
		Color: t.light, Font: f, XAlign: draw.XLeft, YAlign: draw.YTop, Handler: plot.DefaultTextHandler,
	}
}

// newPlot returns a plot with the theme's axes and no title: the sheet writes titles.
func newPlot(s *sheet) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Padding = 0
		axis.LineStyle = rule.line(1)
		axis.Tick.LineStyle = rule.line(.75)
		axis.Tick.Length = 4
		style := textStyle(muted, s.bodySize(), false)
		axis.Tick.Label.Font, axis.Tick.Label.Color = style.Font, style.Color
		axis.Label.TextStyle.Font, axis.Label.TextStyle.Color = style.Font, style.Color
		axis.Label.Padding = 3
	}
	p.Y.LineStyle.Width = 0
	p.Y.Tick.Length = 0
	p.Y.Padding = 2
	return p
}
