package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// OverlayArm is the trials of one arm laid on each other, so that the fault of each is at 0.
type OverlayArm struct {
	Label string
	N     int // trials
	Bins  []OverlayBin
	// Medians over the trials, ms after the fault; NaN when they were not observed.
	Detect, Elect, Commit, FirstAck float64
	Heal                            float64 // the disk healed, or the nodes started again
}

// OverlayBin is one bin. Rates are over trials; responses are of all operations that were meant to start in it. A
// response is NaN when there was none.
type OverlayBin struct {
	StartMs                                    float64
	GoodputLow, GoodputMid, GoodputHigh        float64 // acknowledgements a second
	ResponseLowUs, ResponseMidUs, ResponseHiUs float64
}

// OverlayOptions say what the data are.
type OverlayOptions struct {
	Name, Kind string
	Alt        string // what is to be seen, in a sentence
	BinMs      float64
	OfferedPS  float64
	// RateBand and ResponseBand name what is between low and high: "minimum to maximum", "p10 to p90".
	RateBand, ResponseBand string
}

// FaultOverlay draws goodput and response time around the fault.
func FaultOverlay(o OverlayOptions, arms []OverlayArm) Figure {
	n := 0
	for _, arm := range arms {
		n = max(n, arm.N)
	}
	f := Figure{
		Name: o.Name,
		Title: fmt.Sprintf("Around %s: goodput (op/s) and response time, all trials aligned at the fault (%.0f ms bins; up "+
			"to %d trials an arm)",
			o.Kind, o.BinMs, n),
		Alt: describeOverlay(o, arms),
		rows: [][]string{{"arm", "start_ms", "width_ms", "goodput_low", "goodput_median", "goodput_high",
			"response_low_us", "response_median_us", "response_high_us"}},
	}
	for _, arm := range arms {
		for _, b := range arm.Bins {
			f.rows = append(f.rows, []string{arm.Label, number(b.StartMs), number(o.BinMs), number(b.GoodputLow),
				number(b.GoodputMid), number(b.GoodputHigh), number(b.ResponseLowUs), number(b.ResponseMidUs),
				number(b.ResponseHiUs)})
		}
	}
	f.compose = func(s *sheet) { composeOverlay(s, o, arms) }
	return f
}

func describeOverlay(o OverlayOptions, arms []OverlayArm) string {
	text := o.Alt + " "
	for _, arm := range arms {
		if !math.IsNaN(arm.FirstAck) {
			text += fmt.Sprintf("%s: median first acknowledgement %.0f ms after the fault. ", arm.Label, arm.FirstAck)
		}
	}
	return text
}

func composeOverlay(s *sheet, o OverlayOptions, arms []OverlayArm) {
	var key []keyEntry
	for i, arm := range arms {
		key = append(key, keyEntry{label: fmt.Sprintf("%s, median (n = "+
			"%d)", arm.Label, arm.N), tint: seriesTint(i), dash: seriesDash(i)})
	}
	s.key(append(key, keyEntry{label: "band: " + o.RateBand + " of trials", tint: muted, box: true, alpha: .2})...)
	s.gap(2)
	label := fmt.Sprintf("goodput, acknowledged op/s (offered: %s)", grouped(math.Round(o.OfferedPS), 1))
	peak := 0.0
	for _, arm := range arms {
		for _, b := range arm.Bins {
			peak = max(peak, b.GoodputHigh)
		}
	}
	s.label(label + cutOff(peak, o.OfferedPS))
	s.panel(overlayGoodput(s, o, arms), choose[vg.Length](s, 210, 190))
	lanes, shown := overlayLanes(s, o, arms)
	if shown {
		s.gap(6)
		s.key(overlayKey(arms)...)
		s.panel(lanes, vg.Length(16*len(arms)+8))
	}
	s.gap(6)
	s.label("response time by intended start: median, and band " + o.ResponseBand + " of operations (log)")
	s.panel(overlayResponse(s, o, arms), choose[vg.Length](s, 230, 210))
}

// overlayKey explains the marks of the lanes; those of a failover only when there was one.
func overlayKey(arms []OverlayArm) []keyEntry {
	some := func(of func(OverlayArm) float64) bool {
		return slices.ContainsFunc(arms, func(a OverlayArm) bool { return !math.IsNaN(of(a)) })
	}
	var key []keyEntry
	if some(func(a OverlayArm) float64 { return a.Commit }) {
		key = append(key, keyEntry{label: "detected", tint: ink, glyph: draw.RingGlyph{}},
			keyEntry{label: "elected", tint: ink, glyph: draw.PyramidGlyph{}},
			keyEntry{label: "first commit", tint: ink, glyph: draw.BoxGlyph{}})
	}
	if some(func(a OverlayArm) float64 { return a.FirstAck }) {
		key = append(key, keyEntry{label: "first ack (medians)", tint: ink, glyph: draw.CircleGlyph{}})
	}
	if some(func(a OverlayArm) float64 { return a.Heal }) {
		key = append(key, keyEntry{label: "healed, or started again", tint: ink, glyph: draw.CrossGlyph{}})
	}
	return key
}

func overlayX(s *sheet, p *plot.Plot, o OverlayOptions, arms []OverlayArm) {
	p.X.Min, p.X.Max = 0, 1
	for i, arm := range arms {
		if len(arm.Bins) == 0 {
			continue
		}
		last := arm.Bins[len(arm.Bins)-1].StartMs + o.BinMs
		if i == 0 {
			p.X.Min, p.X.Max = arm.Bins[0].StartMs, last
		}
		p.X.Min, p.X.Max = min(p.X.Min, arm.Bins[0].StartMs), max(p.X.Max, last)
	}
	p.X.Tick.Marker = linear(choose(s, 10, 5), plain)
}

func overlayGoodput(s *sheet, o OverlayOptions, arms []OverlayArm) *plot.Plot {
	p := newPlot(s)
	addGrid(p, true, true)
	overlayX(s, p, o, arms)
	high := o.OfferedPS
	var lines []plot.Plotter
	for i, arm := range arms {
		var starts, low, mid, top []float64
		for _, b := range arm.Bins {
			starts, low = append(starts, b.StartMs), append(low, b.GoodputLow)
			mid, top = append(mid, b.GoodputMid), append(top, b.GoodputHigh)
			high = max(high, b.GoodputHigh)
		}
		p.Add(area(stepped(starts, low, o.BinMs), stepped(starts, top, o.BinMs), seriesTint(i).alpha(.16)))
		lines = append(lines, line(stepped(starts, mid, o.BinMs), seriesTint(i).line(1.75, seriesDash(i)...)))
	}
	p.Add(lines...)
	p.Add(vertical(0, ink.line(1.25), "fault takes effect", textStyle(ink, s.bodySize()-1, false)))
	p.Y.Min, p.Y.Max = 0, rateTop(high, o.OfferedPS)
	p.Y.Tick.Marker = linear(4, grouped)
	return p
}

// overlayLanes is a lane an arm with the medians of the phases; not shown when none was observed.
func overlayLanes(s *sheet, o OverlayOptions, arms []OverlayArm) (p *plot.Plot, shown bool) {
	p = newPlot(s)
	addGrid(p, false, true)
	overlayX(s, p, o, arms)
	p.X.Tick.Label.Font.Size = .1
	ticks := p.X.Tick.Marker
	p.X.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
		unlabelled := ticks.Ticks(low, high)
		for i := range unlabelled {
			unlabelled[i].Label = " "
		}
		return unlabelled
	})
	p.X.Tick.Length, p.X.LineStyle.Width, p.X.Tick.LineStyle.Width = 0, 0, 0
	p.Y.Min, p.Y.Max = -.5, float64(len(arms))-.5
	p.Y.Tick.Marker = plot.ConstantTicks{}
	for i, arm := range arms {
		at := float64(len(arms) - 1 - i)
		for _, m := range []struct {
			ms    float64
			shape draw.GlyphDrawer
		}{
			{arm.Detect, draw.RingGlyph{}}, {arm.Elect, draw.PyramidGlyph{}}, {arm.Commit, draw.BoxGlyph{}},
			{arm.FirstAck, draw.CircleGlyph{}}, {arm.Heal, draw.CrossGlyph{}},
		} {
			if math.IsNaN(m.ms) {
				continue
			}
			shown = true
			p.Add(glyphs([]point{{m.ms, at}}, draw.GlyphStyle{Color: seriesTint(i).light, Radius: 4.5, Shape: m.shape}))
		}
	}
	p.Add(vertical(0, ink.line(1.25), "", draw.TextStyle{}))
	return p, shown
}

func overlayResponse(s *sheet, o OverlayOptions, arms []OverlayArm) *plot.Plot {
	p := newPlot(s)
	addGrid(p, true, true)
	overlayX(s, p, o, arms)
	p.X.Label.Text = "time after the fault took effect, ms"
	low, high := math.Inf(1), 0.0
	var lines []plot.Plotter
	for i, arm := range arms {
		var down, mid, up []point
		for _, b := range arm.Bins {
			x := b.StartMs + o.BinMs/2
			down, mid = append(down, point{x, b.ResponseLowUs}), append(mid, point{x, b.ResponseMidUs})
			up = append(up, point{x, b.ResponseHiUs})
			if b.ResponseMidUs > 0 {
				low, high = min(low, b.ResponseLowUs), max(high, b.ResponseHiUs)
			}
		}
		p.Add(area(down, up, seriesTint(i).alpha(.16)))
		lines = append(lines, line(mid, seriesTint(i).line(1.75, seriesDash(i)...)))
	}
	p.Add(lines...)
	p.Y.Min, p.Y.Max = logBounds(low, high)
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.TickerFunc(logDuration)
	p.Add(vertical(0, ink.line(1.25), "", draw.TextStyle{}))
	return p
}
