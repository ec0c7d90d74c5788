package plot

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// spaceTime is a diagram on its sheet.
type spaceTime struct {
	*SpaceTime
	s      *sheet
	places *places
	left   vg.Length // of the lanes
	lane   vg.Length // width of one
	listed bool      // words stand in a list below, numbers in the lanes
	small  draw.TextStyle
}

const lanesTop = vg.Length(22)

func composeSpaceTime(s *sheet, d *SpaceTime) {
	g := &spaceTime{SpaceTime: d, s: s, places: d.places(), small: textStyle(ink, s.bodySize()-2, false)}
	g.small.YAlign = draw.YCenter
	lanes := len(d.Nodes)
	if d.HasClients {
		lanes++
	}
	g.left = choose[vg.Length](s, 74, 58)
	if d.Scale == TimeByRow {
		g.left = choose[vg.Length](s, 330, 30)
	}
	g.lane = (s.width - 2*margin - g.left) / vg.Length(max(1, lanes))
	for _, m := range d.Marks {
		if m.Node != 0 || m.Clients {
			g.listed = g.listed || g.small.Width(m.Text)+24 > g.lane
		}
	}
	g.listed = g.listed || d.Scale == TimeByRow && s.size == Narrow
	s.key(g.roleKey()...)
	if key := g.messageKey(); len(key) > 0 {
		s.key(key...)
	}
	if d.Scale == TimeByEvent {
		s.label("milliseconds after the fault took effect, downward; the time between events is shortened")
	} else if d.Scale == TimeLinear {
		s.label("simulated milliseconds, downward")
	}
	s.gap(4)
	s.add(row{height: lanesTop + vg.Length(g.places.height()) + 10, draw: g.draw})
	if g.listed {
		g.list()
	}
}

func (g *spaceTime) roleKey() []keyEntry {
	var key []keyEntry
	terms := g.terms()
	for i, t := range terms {
		if i == 6 {
			key = append(key, keyEntry{label: "later terms: the colours again", tint: muted, box: true, alpha: .3})
			break
		}
		key = append(key, keyEntry{label: "term " + strconv.FormatUint(t, 10), tint: termTint(t), box: true})
	}
	has := map[string]bool{}
	for _, r := range g.Roles {
		has[r.Role] = true
	}
	for _, r := range []struct{ role, label string }{
		{RoleLeader, "leader"}, {RoleCandidate, "candidate"}, {RolePreCandidate, "asks for pre-votes"},
		{RoleFollower, "follower"}, {RoleDown, "down"},
	} {
		if has[r.role] {
			key = append(key, keyEntry{label: r.label, tint: ink, glyph: roleGlyph(r.role)})
		}
	}
	return key
}

func (g *spaceTime) messageKey() []keyEntry {
	var key []keyEntry
	has := map[MessageFamily]bool{}
	reply, reject, lost := false, false, false
	for _, m := range g.Messages {
		has[m.Family] = true
		reply, reject, lost = reply || m.Reply, reject || m.Reject, lost || m.Lost
	}
	for _, f := range []struct {
		family MessageFamily
		label  string
	}{
		{FamilyAppend, "entries"}, {FamilyVote, "vote"}, {FamilyHeartbeat, "heartbeat"}, {FamilySnapshot, "snapshot"},
		{FamilyOther, "other"},
	} {
		if has[f.family] {
			width, dash := familyLook(f.family)
			key = append(key, keyEntry{label: f.label, tint: ink, dash: dash, width: width})
		}
	}
	if reply {
		key = append(key, keyEntry{label: "reply (paler)", tint: ink, alpha: .5})
	}
	if reject {
		key = append(key, keyEntry{label: "a reply that says no", tint: danger, glyph: draw.RingGlyph{}})
	}
	if lost {
		key = append(key, keyEntry{label: "lost", tint: danger, glyph: draw.CrossGlyph{}})
	}
	return key
}

func familyLook(f MessageFamily) (width vg.Length, dash []vg.Length) {
	switch f {
	case FamilyVote:
		return 1.5, []vg.Length{6, 3}
	case FamilyHeartbeat:
		return .75, []vg.Length{1.5, 2.5}
	case FamilySnapshot:
		return 2.5, nil
	case FamilyOther:
		return 1, []vg.Length{8, 3, 2, 3}
	default:
		return 1.25, nil
	}
}

// roleBar is how wide and how opaque the bar of a role is; line says that it is an outline.
func roleBar(role string) (width vg.Length, alpha float64, line bool) {
	switch role {
	case RoleLeader:
		return 13, 1, false
	case RoleCandidate:
		return 9, .7, false
	case RolePreCandidate:
		return 9, .9, true
	default:
		return 5, .55, false
	}
}

// roleGlyph is a bar of the key.
type roleGlyph string

// DrawGlyph implements draw.GlyphDrawer.
func (r roleGlyph) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	if string(r) == RoleDown {
		c.StrokeLine2(rule.line(1, 2, 3), at.X-10, at.Y, at.X+10, at.Y)
		return
	}
	width, alpha, outlined := roleBar(string(r))
	box := around(at.X, at.Y, 10, width/2)
	if outlined {
		c.StrokeLines(muted.line(1.25), corners(box))
		return
	}
	c.FillPolygon(muted.alpha(alpha), corners(box))
}

func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}, r.Min}
}

// x is where a lane's bar is; the clients' lane is the last.
func (g *spaceTime) x(c *draw.Canvas, node uint64) (vg.Length, bool) {
	for i, n := range g.Nodes {
		if n == node {
			return c.Min.X + g.left + g.lane*vg.Length(i) + 10, true
		}
	}
	return 0, false
}

func (g *spaceTime) clientsX(c *draw.Canvas) vg.Length {
	return c.Min.X + g.left + g.lane*vg.Length(len(g.Nodes)) + 10
}

func (g *spaceTime) y(c *draw.Canvas, t float64) vg.Length {
	return c.Max.Y - lanesTop - vg.Length(g.places.of(t))
}

func (g *spaceTime) draw(c draw.Canvas) {
	g.drawTimes(&c)
	head := textStyle(ink, g.s.bodySize(), true)
	head.XAlign = draw.XCenter
	if g.lane > 60 {
		head.XAlign = draw.XLeft
	}
	for _, n := range g.Nodes {
		x, _ := g.x(&c, n)
		name := "n" + strconv.FormatUint(n, 10)
		c.FillText(head, vg.Point{X: x - choose[vg.Length](g.s, 6, 4), Y: c.Max.Y}, name)
	}
	for _, r := range g.Roles {
		g.drawRole(&c, r)
	}
	if g.HasClients {
		c.FillText(head, vg.Point{X: g.clientsX(&c) - 6, Y: c.Max.Y}, choose(g.s, "clients' answers", "clients"))
		g.drawAnswers(&c)
	}
	for _, m := range g.Messages {
		g.drawMessage(&c, m)
	}
	g.drawMarks(&c)
}

// drawTimes writes instants, or the rows of a script, on the left, with a fine line across.
func (g *spaceTime) drawTimes(c *draw.Canvas) {
	style := textStyle(muted, g.s.bodySize()-2, false)
	style.YAlign = draw.YCenter
	across := func(t float64, style draw.LineStyle) {
		c.StrokeLine2(style, c.Min.X+g.left-6, g.y(c, t), c.Max.X, g.y(c, t))
	}
	switch g.Scale {
	case TimeByRow:
		for i, r := range g.Rows {
			look, at := style, vg.Point{X: c.Min.X, Y: g.y(c, r.At)}
			indent := vg.Length(14)
			if r.Command {
				look = textStyle(ink, g.s.bodySize()-2, true)
				look.YAlign, indent = draw.YCenter, 0
			}
			across(r.At, grid.line(.5))
			if g.s.size == Narrow {
				c.FillText(look, at, strconv.Itoa(i+1))
				continue
			}
			at.X += indent
			c.FillText(look, at, shorten(r.Text, look, g.left-14-indent))
		}
	case TimeByEvent:
		for _, t := range g.places.times {
			across(t, grid.line(.5))
			style.XAlign = draw.XRight
			c.FillText(style, vg.Point{X: c.Min.X + g.left - 12, Y: g.y(c, t)}, milliseconds(t))
		}
	default:
		for _, tick := range linear(max(4, int(g.places.height()/70)), plain)(g.From, g.To) {
			if tick.Label == "" || tick.Value < g.From || tick.Value > g.To {
				continue
			}
			across(tick.Value, grid.line(.75))
			style.XAlign = draw.XRight
			c.FillText(style, vg.Point{X: c.Min.X + g.left - 12, Y: g.y(c, tick.Value)}, tick.Label)
		}
	}
}

// shorten cuts text that does not fit.
func shorten(text string, style draw.TextStyle, width vg.Length) string {
	if style.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && style.Width(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

func (g *spaceTime) drawRole(c *draw.Canvas, r RoleSpan) {
	x, ok := g.x(c, r.Node)
	from, to := max(r.From, g.From), min(r.To, g.To)
	if !ok || to < from {
		return
	}
	top, bottom := g.y(c, from), g.y(c, to)
	if r.Role == RoleDown {
		c.StrokeLine2(rule.line(1, 2, 3), x, bottom, x, top)
		return
	}
	width, alpha, outlined := roleBar(r.Role)
	box := vg.Rectangle{Min: vg.Point{X: x - width/2, Y: bottom}, Max: vg.Point{X: x + width/2, Y: top}}
	if outlined {
		style := termTint(r.Term).line(1.25)
		c.StrokeLines(style, corners(box))
		return
	}
	c.FillPolygon(termTint(r.Term).alpha(alpha), corners(box))
}

// drawAnswers draws where there were answers, as marks that are one unit high: a gap is an outage.
func (g *spaceTime) drawAnswers(c *draw.Canvas) {
	x := g.clientsX(c)
	c.StrokeLine2(grid.line(1), x, g.y(c, g.To), x, g.y(c, g.From))
	for _, ok := range []bool{true, false} {
		seen := map[int]bool{}
		look, at := green, x
		if !ok {
			look, at = danger, x+5
		}
		for _, a := range g.Answers {
			unit := int(math.Round(g.places.of(a.At)))
			if a.OK != ok || a.At < g.From || a.At > g.To || seen[unit] {
				continue
			}
			seen[unit] = true
			y := c.Max.Y - lanesTop - vg.Length(unit)
			c.StrokeLine2(look.line(1), at-4, y, at+4, y)
		}
	}
}

func (g *spaceTime) drawMessage(c *draw.Canvas, m SpaceMessage) {
	x0, from := g.x(c, m.From)
	x1, to := g.x(c, m.To)
	if !from || !to {
		return
	}
	end := m.Ended
	if math.IsNaN(end) {
		end = g.To
	}
	width, dash := familyLook(m.Family)
	style := termTint(m.Term).line(width, dash...)
	if m.Reply {
		style.Color = termTint(m.Term).alpha(.6)
	}
	side := vg.Length(7)
	if x1 < x0 {
		side = -side
	}
	a := vg.Point{X: x0 + side, Y: g.y(c, m.Sent)}
	b := vg.Point{X: x1 - side, Y: g.y(c, end)}
	if g.Scale != TimeByRow && m.Sent < g.From { // it left before the picture begins
		part := (g.From - m.Sent) / (end - m.Sent)
		a = vg.Point{X: a.X + (b.X-a.X)*vg.Length(part), Y: g.y(c, g.From)}
	}
	if m.Lost || math.IsNaN(m.Ended) {
		b = vg.Point{X: a.X + (b.X-a.X)*.45, Y: a.Y + (b.Y-a.Y)*.45}
	}
	c.StrokeLine2(style, a.X, a.Y, b.X, b.Y)
	switch {
	case m.Lost:
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: danger.light, Radius: 3.5, Shape: draw.CrossGlyph{}}, b)
	case !math.IsNaN(m.Ended):
		g.arrow(c, a, b, style)
		if m.Reject {
			at := vg.Point{X: b.X - side*1.4, Y: b.Y + (a.Y-b.Y)*side*1.4/(b.X-a.X)}
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: danger.light, Radius: 3, Shape: draw.RingGlyph{}}, at)
		}
	}
}

// arrow draws a head at b.
func (g *spaceTime) arrow(c *draw.Canvas, a, b vg.Point, style draw.LineStyle) {
	length := math.Hypot(float64(b.X-a.X), float64(b.Y-a.Y))
	if length == 0 {
		return
	}
	dx, dy := vg.Length(float64(b.X-a.X)/length), vg.Length(float64(b.Y-a.Y)/length)
	c.FillPolygon(style.Color, []vg.Point{
		b, {X: b.X - 7*dx - 2.8*dy, Y: b.Y - 7*dy + 2.8*dx}, {X: b.X - 7*dx + 2.8*dy, Y: b.Y - 7*dy - 2.8*dx},
	})
}

// drawMarks draws them with their words, none over another one of its lane.
func (g *spaceTime) drawMarks(c *draw.Canvas) {
	taken := map[vg.Length]vg.Length{}
	step := g.small.Font.Size * 1.2
	for i, m := range g.Marks {
		y := g.y(c, m.At)
		x, ok := g.x(c, m.Node)
		switch {
		case m.Clients:
			x = g.clientsX(c)
		case !ok: // of nobody: across all lanes
			x = c.Min.X + g.left
			c.StrokeLine2(danger.line(1, 5, 3), x-6, y, c.Max.X, y)
		}
		look, shape := markLook(m.Kind)
		if ok || m.Clients {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: look.light, Radius: 4.5, Shape: shape}, vg.Point{X: x, Y: y})
		}
		style, words := g.small, m.Text
		style.Color = look.light
		if m.Kind == MarkEvent {
			style.Color = ink.light
		}
		if g.listed {
			words = strconv.Itoa(i + 1)
		}
		at := vg.Point{X: x + 12, Y: y}
		if !ok && !m.Clients {
			at = vg.Point{X: x, Y: y + step/2 + 1}
		}
		if low, is := taken[x]; is && at.Y > low-step {
			at.Y = low - step
			c.StrokeLine2(rule.line(.5), x+5, y, at.X-1, at.Y)
		}
		taken[x] = at.Y
		if len(g.Messages) > 0 {
			c.FillPolygon(ground.alpha(.8), corners(vg.Rectangle{
				Min: vg.Point{X: at.X - 1, Y: at.Y - step/2}, Max: vg.Point{X: at.X + style.Width(words) + 1, Y: at.Y + step/2},
			}))
		}
		c.FillText(style, at, words)
	}
}

func markLook(k MarkKind) (tint, draw.GlyphDrawer) {
	switch k {
	case MarkFault:
		return danger, draw.CrossGlyph{}
	case MarkHeal:
		return green, draw.PlusGlyph{}
	case MarkElected:
		return ink, draw.PyramidGlyph{}
	case MarkCommit:
		return ink, draw.BoxGlyph{}
	case MarkAnswer:
		return green, draw.CircleGlyph{}
	default:
		return muted, draw.RingGlyph{}
	}
}

// list writes the words that have no room in the lanes.
func (g *spaceTime) list() {
	style := textStyle(ink, g.s.bodySize()-1, false)
	for i, m := range g.Marks {
		who := "n" + strconv.FormatUint(m.Node, 10) + ": "
		if m.Node == 0 {
			who = ""
		}
		g.s.text(fmt.Sprintf("%d  %s  %s%s", i+1, g.instant(m.At), who, m.Text), style, 0)
	}
	if g.Scale == TimeByRow && g.s.size == Narrow {
		g.s.label("steps")
		for i, r := range g.Rows {
			g.s.text(fmt.Sprintf("%d  %s", i+1, r.Text), style, 0)
		}
	}
}
