package plot

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is a picture that can be drawn in any form.
type Figure struct {
	Name  string // of its files, without an extension
	Title string // what it shows, with units and n
	Alt   string // what one sees in it, in words

	rows    [][]string // the data drawn, with a header
	compose func(*sheet)
}

// pngDPI makes the wide figure 1290 pixels wide.
const pngDPI = 108

// SVG returns a file on a white ground.
func (f Figure) SVG(size Size) []byte {
	svg := f.vector(size, true)
	head := fmt.Sprintf("role=\"img\" aria-label=\"%s\"\n\t", html.EscapeString(f.Alt))
	return []byte(strings.Replace(svg, "xmlns=", head+"xmlns=", 1))
}

// Inline returns an element for an HTML page: colours are the variables of StyleSheet, the ground is the page's.
func (f Figure) Inline(size Size) string {
	svg := f.vector(size, false)
	_, svg, _ = strings.Cut(svg, "<svg")
	_, svg, _ = strings.Cut(svg, ">")
	s := f.sheet(size)
	svg = hexColour.ReplaceAllStringFunc(svg, variableOf)
	return fmt.Sprintf("<svg role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %.5g %.5g\">",
		html.EscapeString(f.Alt), s.width.Points(), s.height.Points()) + svg
}

// PNG returns the wide figure as pixels.
func (f Figure) PNG() ([]byte, error) {
	s := f.sheet(Wide)
	c := vgimg.NewWith(vgimg.UseWH(s.width, s.height), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(color.White))
	s.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// CSV returns the data drawn.
func (f Figure) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.WriteAll(f.rows) // a buffer takes everything
	return b.Bytes()
}

func (f Figure) sheet(size Size) *sheet {
	s := newSheet(size)
	s.title(f.Title)
	f.compose(s)
	return s
}

func (f Figure) vector(size Size, ground bool) string {
	s := f.sheet(size)
	c := vgsvg.NewWith(vgsvg.UseWH(s.width, s.height))
	canvas := draw.New(c)
	if ground {
		canvas.FillPolygon(color.White, []vg.Point{{}, {X: s.width}, {X: s.width, Y: s.height}, {Y: s.height}})
	}
	s.draw(canvas)
	var b bytes.Buffer
	_, _ = c.WriteTo(&b) // a buffer takes everything
	// Arial and Helvetica have the widths of Liberation Sans.
	return fontFamily.ReplaceAllString(b.String(), "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")
}

var (
	fontFamily = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;`)
	hexColour  = regexp.MustCompile(`#[0-9A-F]{6}\b`)
)

// variableOf turns a colour of the theme into its variable. The canvas rounds the channels of a colour with alpha.
func variableOf(hex string) string {
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return hex
	}
	c := rgb(uint32(n))
	for _, t := range tints() {
		if near(c.R, t.light.R) && near(c.G, t.light.G) && near(c.B, t.light.B) {
			return "var(--fig-" + t.name + ")"
		}
	}
	return hex
}

func near(a, b uint8) bool { return max(a, b)-min(a, b) <= 3 }

// StyleSheet returns the declarations of the figures' variables for a light and for a dark page.
func StyleSheet() (light, dark string) {
	var l, d strings.Builder
	for _, t := range tints() {
		fmt.Fprintf(&l, "--fig-%s:#%02X%02X%02X;", t.name, t.light.R, t.light.G, t.light.B)
		fmt.Fprintf(&d, "--fig-%s:#%02X%02X%02X;", t.name, t.dark.R, t.dark.G, t.dark.B)
	}
	return l.String(), d.String()
}

// number writes a value of a data file.
func number(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
