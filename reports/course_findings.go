package reports

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// courseQuestion is what a course asks.
func courseQuestion(kind string) string {
	switch kind {
	case courseMembers:
		return "What do clients notice while a cluster of three is grown to five and moved to three other nodes"
	case courseSnapshot:
		return "What do clients notice while a follower that missed more than the log holds is brought back by snapshot"
	case courseRestart:
		return "How long does a server take to come back, by the length of its log, and what do clients notice of it"
	default:
		return "What do clients notice during " + kind
	}
}

// courseSentences are the findings of the courses of each arm.
func (s *study) courseSentences() []string {
	var lines []string
	for _, a := range s.arms {
		if len(a.courses) == 0 {
			continue
		}
		who := a.Name
		if n := len(a.courses); n > 1 {
			who += fmt.Sprintf(" (%d runs)", n)
		}
		if text := a.catchUpSentence(); text != "" {
			lines = append(lines, who+": "+text)
			who = "Meanwhile"
		}
		if text := a.restartSentence(); text != "" {
			lines = append(lines, who+": "+text)
			who = "Meanwhile"
		}
		if text := a.disturbanceSentence(); text != "" {
			lines = append(lines, who+": "+text)
		}
		if text := a.gapSentence(); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// disturbed is the segment in which a course does something.
func disturbed(kind string) string {
	if kind == courseSnapshot {
		return "return"
	}
	return "during"
}

func (a *armStudy) quantilesOf(segment string) []result.Quantiles {
	var all []result.Quantiles
	for _, c := range a.courses {
		if g := c.segment(segment); g != nil {
			all = append(all, g.ResponseUs)
		}
	}
	return all
}

func (a *armStudy) disturbanceSentence() string {
	var parts []string
	for _, name := range a.segmentNames() {
		all := a.quantilesOf(name)
		mid, tail := quantilesOver(all, .5, p50), quantilesOver(all, .99, p99)
		if mid.Tone == table.Missing {
			continue
		}
		part := mid.Text + " at the median"
		if tail.Tone != table.Missing {
			part += " and " + tail.Text + " at p99"
		}
		parts = append(parts, part+" "+segmentWords(a.courses[0].Kind, name))
	}
	if len(parts) == 0 {
		return ""
	}
	text := "clients waited " + strings.Join(parts, "; ") + "."
	if ratio := a.ratio(p99); ratio != "" {
		text += " " + ratio
	}
	return text
}

func segmentWords(kind, name string) string {
	switch name {
	case "before":
		return "before it"
	case "during":
		if kind == courseRestart {
			return "during the restarts"
		}
		return "during the changes"
	case "down":
		return "with one node down"
	case "return":
		return "while it came back"
	case "after":
		return "after it"
	}
	return "in " + kind + " " + name
}

// ratio compares the disturbed segment with the control before, run by run, in one sentence.
func (a *armStudy) ratio(of func(result.Quantiles) *float64) string {
	var ratios []float64
	for _, c := range a.courses {
		before, during := c.segment("before"), c.segment(disturbed(c.Kind))
		if before == nil || during == nil || of(before.ResponseUs) == nil || of(during.ResponseUs) == nil {
			continue
		}
		ratios = append(ratios, *of(during.ResponseUs) / *of(before.ResponseUs))
	}
	if len(ratios) == 0 {
		return ""
	}
	kind := a.courses[0].Kind
	return fmt.Sprintf("At p99, %s it was %s times the control before.", segmentWords(kind, disturbed(kind)),
		over(ratios, table.Significant).Text)
}

// gapSentence compares the longest gap of any step with the longest of the controls.
func (a *armStudy) gapSentence() string {
	worst, step, control, leaderless := 0.0, "", 0.0, []float64{}
	offered, notOK := int64(0), int64(0)
	for _, c := range a.courses {
		if g := c.segment(disturbed(c.Kind)); g != nil {
			notOK += g.Failed + g.Unknown + g.Shed
			offered += g.OK + g.Failed + g.Unknown + g.Shed
		}
		for i := range c.Steps {
			if c.Steps[i].Kind != "backlog" && c.Steps[i].OutageMs > worst {
				worst, step = c.Steps[i].OutageMs, c.Steps[i].Name
			}
		}
		for i := range c.Segments {
			if c.Segments[i].Control {
				control = max(control, c.Segments[i].GapMs)
			}
		}
		none := 0.0
		for i := range c.Steps {
			if c.Steps[i].Kind != "backlog" {
				none += c.Steps[i].LeaderlessMs
			}
		}
		leaderless = append(leaderless, none)
	}
	if step == "" {
		return ""
	}
	text := fmt.Sprintf("The longest time without an acknowledgement in any step was %s (%s); in the controls it was %s",
		milliseconds(worst), step, milliseconds(control))
	if worst <= control {
		text += ": no step was longer than what happens by itself"
	}
	if high, _ := stat.Sorted(leaderless).Max(); high == 0 {
		text += ". The leader never changed."
	} else {
		text += fmt.Sprintf(". Nobody led for %s in all.", over(leaderless, milliseconds).Text)
	}
	if notOK == 0 {
		return text + fmt.Sprintf(" All %s operations due meanwhile were answered.", table.Count(offered))
	}
	return text + fmt.Sprintf(" Of %s operations due meanwhile, %s were not answered OK.", table.Count(offered),
		table.Count(notOK))
}

func (a *armStudy) catchUpSentence() string {
	var behind, bytes, took []float64
	for _, c := range a.courses {
		if u := c.CatchUp; u != nil && u.CaughtUpUs >= u.StartUs && u.Snapshots > 0 {
			behind, bytes = append(behind, float64(u.Behind)), append(bytes, float64(u.SnapshotBytes))
			took = append(took, float64(u.CaughtUpUs-u.StartUs))
		}
	}
	if len(took) == 0 {
		return ""
	}
	return fmt.Sprintf("a follower that missed %s entries came back by a snapshot of %s, %s after its start.",
		over(behind, func(n float64) string { return table.Count(int64(n)) }).Text,
		over(bytes, func(n float64) string { return mebibytes(int64(n)) }).Text, over(took, table.Duration).Text)
}

// courseFigure draws one run.
func (s *study) courseFigure(c *courseStudy) page.Block {
	name := fmt.Sprintf("course-%s-run-%d", slug(c.Kind), c.Run)
	if len(s.arms) > 1 {
		name = "course-" + slug(c.arm.Name) + fmt.Sprintf("-run-%d", c.Run)
	}
	title := "Response time while the membership changes (log)"
	switch c.Kind {
	case courseRestart:
		title = "Response time while a follower is killed and started again (log)"
	case courseSnapshot:
		title = "Response time while a follower is away and comes back by snapshot (log)"
	}
	r := c.picture(s)
	return page.Figure{
		Figure: plot.Course(name, title+": "+c.label(), r),
		Caption: fmt.Sprintf("%s: response time from the intended start, by the time at which operations were due. p50 is "+
			"of columns of %.1f s, p99 of %.1f s, so that each has the %d operations that it needs; a dot is the slowest "+
			"operation of each %.0f ms.", c.label(), r.MidWidthS, r.TailWidthS, stat.MinSample(.99), r.SlowWidthS*1000),
		How: "Solid marks are orders of the bench; dashed ones are what the nodes reported. Marks that are too near each " +
			"other share a label, with the time since its first one. Shaded is where nothing is done: what differs from it " +
			"is the cost of the steps.",
		Not: "Operations between the median and the slowest, one by one; they are in `ops.csv.gz`. The lines of p50 and " +
			"p99 hide what is shorter than their columns; the dots do not.",
	}
}

// segmentSpectrum draws the percentiles of the segments over each other, all runs of an arm together.
func (s *study) segmentSpectrum() page.Block {
	var panels []plot.SpectrumPanel
	for _, a := range s.arms {
		panel := plot.SpectrumPanel{Label: a.Name}
		for _, name := range a.segmentNames() {
			var all latencies
			for _, c := range a.courses {
				if l := c.segments[name]; l != nil {
					all.merge(l)
				}
			}
			if all.response.Len() >= stat.MinSample(.5) {
				panel.Arms = append(panel.Arms, plot.SpectrumArm{
					Label: name, N: all.response.Len(), Response: percentiles(&all.response), Service: percentiles(&all.service),
				})
			}
		}
		if len(panel.Arms) > 0 {
			panels = append(panels, panel)
		}
	}
	if len(panels) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.Spectrum("percentiles", panels),
		Caption: "Latency of operations by percentile, on log scales, a line for each segment of the course, all runs " +
			"together. Response time counts from the intended start, service time from the first attempt. Each line ends " +
			"where its sample is too small to go on.",
		How: "The further right, the rarer the operation: p99 is the slowest one in a hundred. Segments whose lines lie on " +
			"each other were alike for the clients. A gap between the wide and the dotted line of a segment is time that " +
			"operations waited before they were sent.",
		Not: "When the slow operations happened, and the uncertainty of the lines: operations of one run are not " +
			"independent, and a short segment has few.",
	}
}

// courseSection is the courses run by run.
func (s *study) courseSection() page.Section {
	section := page.Section{ID: "course", Title: "The course run by run"}
	all := s.courses()
	if len(all) == 0 {
		return section
	}
	var meanings []string
	for _, name := range all[0].arm.segmentNames() {
		meanings = append(meanings, segmentMeaning(all[0].Kind, name))
	}
	section.Blocks = present([]page.Block{page.Table{Table: s.comebackTable()}, s.comebackFigure()})
	section.Blocks = append(section.Blocks, page.List{Items: meanings}, page.Table{Table: s.runsTable()})
	for _, c := range all[1:] {
		section.Blocks = append(section.Blocks, s.courseFigure(c))
	}
	return section
}
