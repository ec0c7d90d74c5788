package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
)

// Kinds of courses.
const (
	courseMembers  = "members"
	courseSnapshot = "snapshot-catch-up"
	courseRestart  = "restart-time"
)

// Widths of the columns of a course's picture, in microseconds: the median and the slowest operation are
// shown as finely as their samples allow, p99 in columns that hold enough operations for it (rule R9).
const (
	courseSlowWidth = 50_000
	courseMidWidth  = 200_000
)

// courseStudy is one run of a course with its operations.
type courseStudy struct {
	*result.Course
	arm       *armStudy
	midWidth  int64
	tailWidth int64
	mids      []stat.Weighted
	tails     []stat.Weighted
	slowest   []plot.SlowOperation
	segments  map[string]*latencies
	zoom      *zoom // nil without a return
}

// zoom is what happened around the return of a follower.
type zoom struct {
	from, to int64
	mids     []stat.Weighted
	slowest  []plot.SlowOperation
}

// Bounds and columns of a zoom, in microseconds.
const (
	zoomBefore    = 1_500_000
	zoomAfter     = 2_500_000
	zoomMidWidth  = 50_000
	zoomSlowWidth = 10_000
)

func newZoom(u *result.CatchUp, end int64) *zoom {
	z := &zoom{from: u.StartUs - zoomBefore, to: min(max(u.CaughtUpUs, u.StartUs)+zoomAfter, end)}
	z.mids = make([]stat.Weighted, (z.to-z.from)/zoomMidWidth+1)
	z.slowest = make([]plot.SlowOperation, (z.to-z.from)/zoomSlowWidth+1)
	return z
}

func (z *zoom) add(op *result.OpRow, response float64) {
	at := op.IntendedUs - z.from
	if at < 0 || op.IntendedUs >= z.to {
		return
	}
	z.mids[at/zoomMidWidth].Add(response, float64(op.SampledOneIn))
	if slow := &z.slowest[at/zoomSlowWidth]; response > slow.Us {
		*slow = plot.SlowOperation{AtS: float64(at) / 1e6, Us: response, NotOK: op.Outcome != "ok"}
	}
}

// picture prepares the panel.
func (z *zoom) picture(c *courseStudy) *plot.CourseRun {
	u := c.CatchUp
	since := func(us int64) float64 { return float64(us-z.from) / 1e6 }
	r := &plot.CourseRun{
		Label:   fmt.Sprintf("Around the return of node %d, in seconds after the order to start it", u.Node),
		LengthS: since(z.to), OriginS: since(u.StartUs), MidWidthS: zoomMidWidth / 1e6, SlowWidthS: zoomSlowWidth / 1e6,
		Slowest: observed(z.slowest),
	}
	for i := range z.mids {
		r.P50Us = append(r.P50Us, quantileOr(&z.mids[i], .5))
	}
	for _, m := range []struct {
		at    int64
		text  string
		order bool
	}{
		{u.StartUs, fmt.Sprintf("start follower %d", u.Node), true}, {u.AnswersUs, "its ports answer", false},
		{u.InstalledUs, "snapshot installed", false}, {u.CaughtUpUs, "caught up", false},
	} {
		if m.at >= z.from && m.at < z.to {
			r.Marks = append(r.Marks, plot.CourseMark{AtS: since(m.at), Text: m.text, Order: m.order})
		}
	}
	return r
}

// observed drops columns in which nothing was due.
func observed(columns []plot.SlowOperation) []plot.SlowOperation {
	return slices.DeleteFunc(slices.Clone(columns), func(o plot.SlowOperation) bool { return o.Us <= 0 })
}

func newCourseStudy(a *armStudy, c *result.Course) *courseStudy {
	s := &courseStudy{Course: c, arm: a, midWidth: courseMidWidth, segments: map[string]*latencies{}}
	perS := 0.0
	for i := range c.Segments {
		s.segments[c.Segments[i].Name] = &latencies{}
		if i == 0 {
			perS = c.Segments[i].OfferedPerS
		}
	}
	s.tailWidth = s.midWidth
	for perS > 0 && perS*float64(s.tailWidth)/1e6 < 1.1*float64(stat.MinSample(.99)) && s.tailWidth < c.ToUs-c.FromUs {
		s.tailWidth += courseMidWidth
	}
	if u := c.CatchUp; u != nil && u.StartUs >= 0 {
		s.zoom = newZoom(u, c.ToUs)
	}
	length := c.ToUs - c.FromUs
	s.mids = make([]stat.Weighted, length/s.midWidth+1)
	s.tails = make([]stat.Weighted, length/s.tailWidth+1)
	s.slowest = make([]plot.SlowOperation, length/courseSlowWidth+1)
	return s
}

// add takes an operation of the course's time, by its intended start.
func (c *courseStudy) add(op *result.OpRow, response float64) {
	at := op.IntendedUs - c.FromUs
	if at < 0 || op.IntendedUs >= c.ToUs {
		return
	}
	if c.zoom != nil {
		c.zoom.add(op, response)
	}
	weight := float64(op.SampledOneIn)
	c.mids[at/c.midWidth].Add(response, weight)
	c.tails[at/c.tailWidth].Add(response, weight)
	if slow := &c.slowest[at/courseSlowWidth]; response > slow.Us {
		*slow = plot.SlowOperation{AtS: float64(at) / 1e6, Us: response, NotOK: op.Outcome != "ok"}
	}
	for i := range c.Segments {
		if g := &c.Segments[i]; op.IntendedUs >= g.FromUs && op.IntendedUs < g.ToUs {
			c.segments[g.Name].add(op, response)
		}
	}
}

// courses returns all runs of all arms.
func (s *study) courses() []*courseStudy {
	var all []*courseStudy
	for _, a := range s.arms {
		all = append(all, a.courses...)
	}
	return all
}

func (c *courseStudy) label() string {
	if len(c.arm.courses) == 1 {
		return c.arm.Name
	}
	return fmt.Sprintf("%s, run %d", c.arm.Name, c.Run)
}

// segment returns the segment of a name, or nil.
func (c *courseStudy) segment(name string) *result.Segment {
	for i := range c.Segments {
		if c.Segments[i].Name == name {
			return &c.Segments[i]
		}
	}
	return nil
}

// since turns an instant of the arm into seconds since the course began.
func (c *courseStudy) since(us int64) float64 { return float64(us-c.FromUs) / 1e6 }

// picture prepares the figure.
func (c *courseStudy) picture(s *study) plot.CourseRun {
	r := plot.CourseRun{
		Label: c.label(), LengthS: c.since(c.ToUs), MidWidthS: float64(c.midWidth) / 1e6,
		TailWidthS: float64(c.tailWidth) / 1e6, SlowWidthS: courseSlowWidth / 1e6, Cut: c.cut(),
	}
	for i := range c.mids {
		r.P50Us = append(r.P50Us, quantileOr(&c.mids[i], .5))
	}
	for i := range c.tails {
		r.P99Us = append(r.P99Us, quantileOr(&c.tails[i], .99))
	}
	r.Slowest = observed(c.slowest)
	if c.zoom != nil {
		r.Zoom = c.zoom.picture(c)
	}
	for _, g := range c.Segments {
		r.Segments = append(r.Segments, plot.NamedSpan{
			Name: g.Name, Plain: g.Control, Span: plot.Span{FromS: c.since(g.FromUs), ToS: c.since(g.ToUs)},
		})
	}
	if before := c.segment("before"); before != nil && before.ResponseUs.P99 != nil {
		r.BaseP99Us = *before.ResponseUs.P99
	}
	for _, m := range c.Marks {
		if at := c.since(m.AtUs); r.Cut != nil && at > r.Cut.FromS && at < r.Cut.ToS && !isOrder(m.Kind) {
			continue
		}
		r.Marks = append(r.Marks, plot.CourseMark{AtS: c.since(m.AtUs), Text: m.Text, Order: isOrder(m.Kind)})
	}
	for _, lane := range s.lanes(c.arm) {
		lane.FromS, lane.ToS = max(0, lane.FromS-float64(c.FromUs)/1e6), min(r.LengthS, lane.ToS-float64(c.FromUs)/1e6)
		if lane.ToS > lane.FromS {
			r.Leaders = append(r.Leaders, lane)
		}
	}
	r.Members = c.memberSpans()
	return r
}

// isOrder says whether a mark is something that the bench did.
func isOrder(kind string) bool {
	switch kind {
	case "joint", "left-joint", "transfer", "leader", "caught-up", "installed":
		return false
	default:
		return true
	}
}

// cut returns the time that a picture leaves out: the long middle of a backlog and the quiet after it.
func (c *courseStudy) cut() *plot.NamedSpan {
	for i := range c.Steps {
		if c.Steps[i].Kind != "backlog" {
			continue
		}
		down := c.segment("down")
		if down == nil || c.CatchUp == nil {
			return nil
		}
		return &plot.NamedSpan{
			Name: fmt.Sprintf("%s entries in %s", countShort(c.CatchUp.Behind), shortSeconds(c.CatchUp.BacklogS)),
			Span: plot.Span{FromS: c.since(c.Steps[i].FromUs), ToS: c.since(down.FromUs)},
		}
	}
	return nil
}

func countShort(n int64) string {
	if n >= 1_000_000 {
		return fmt.Sprintf("%.1f million", float64(n)/1e6)
	}
	return fmt.Sprint(n)
}

func shortSeconds(s float64) string { return fmt.Sprintf("%.0f s", s) }

func (c *courseStudy) memberSpans() []plot.NamedSpan {
	var spans []plot.NamedSpan
	for i, m := range c.Members {
		end := c.ToUs
		if i+1 < len(c.Members) {
			end = c.Members[i+1].AtUs
		}
		if end <= c.FromUs {
			continue
		}
		spans = append(spans, plot.NamedSpan{
			Name: m.Text, Plain: !strings.Contains(m.Text, "→"),
			Span: plot.Span{FromS: c.since(max(m.AtUs, c.FromUs)), ToS: c.since(end)},
		})
	}
	return spans
}

// quantileOr returns the quantile, or NaN when the sample is too small.
func quantileOr(w *stat.Weighted, q float64) float64 {
	if w.Len() < stat.MinSample(q) {
		return math.NaN()
	}
	return w.Quantiles([]float64{q})[0]
}
