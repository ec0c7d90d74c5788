package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/stat"
)

const (
	anomaliesMax = 12 // trials that are listed one by one
	excerptMax   = 14 // events of each
)

// anomaly is a trial that is not like the others.
type anomaly struct {
	trial  result.Trial
	why    []string
	weight float64
}

func (s *study) anomalies() page.Section {
	section := page.Section{ID: "anomalies", Title: "Anomalies"}
	section.Blocks = append(section.Blocks, page.Paragraph(
		"What was odd, listed one by one. Nothing was removed: each trial below is in every table and figure above."))
	var notes []string
	for _, a := range s.arms {
		for _, note := range a.Validity {
			notes = append(notes, a.Name+": "+note)
		}
	}
	for _, name := range s.Missing {
		if s.isExchange() && name == result.StagesFile { // there are no proposals
			continue
		}
		notes = append(notes, "The result has no `"+name+"`; what would be drawn from it is left out.")
	}
	notes = append(notes, s.saturationOddities()...)
	if len(notes) > 0 {
		section.Blocks = append(section.Blocks, page.List{Items: notes})
	}
	odd := s.oddTrials()
	for _, o := range odd[:min(len(odd), anomaliesMax)] {
		summary := fmt.Sprintf("%s, %s, trial %d: %s", o.trial.Arm, o.trial.Kind, o.trial.Trial, strings.Join(o.why, "; "))
		section.Blocks = append(section.Blocks, page.Details{
			Summary: summary, Blocks: []page.Block{page.Code(s.excerpt(o.trial))},
		})
	}
	if left := len(odd) - anomaliesMax; left > 0 {
		section.Blocks = append(section.Blocks, page.Paragraph(fmt.Sprintf("%d more trials were odd; see "+
			"`trials.csv`.", left)))
	}
	if len(notes) == 0 && len(odd) == 0 {
		section.Blocks = append(section.Blocks, page.Paragraph("None was found by the rules of this report."))
	}
	return section
}

// oddTrials are sorted by how odd they are.
func (s *study) oddTrials() []anomaly {
	var odd []anomaly
	for _, a := range s.arms {
		for _, kind := range sortedKeys(a.trials) {
			outages := a.outages(kind)
			for _, t := range a.trials[kind] {
				if why, weight := oddities(t, outages); len(why) > 0 {
					odd = append(odd, anomaly{t, why, weight})
				}
			}
		}
	}
	slices.SortStableFunc(odd, func(a, b anomaly) int { return cmp.Compare(b.weight, a.weight) })
	return odd
}

// oddities says what is odd about a trial among the outages of its arm and kind.
func oddities(t result.Trial, outages stat.Sample) (why []string, weight float64) {
	add := func(w float64, format string, args ...any) {
		why, weight = append(why, fmt.Sprintf(format, args...)), weight+w
	}
	if t.InjectUs < 0 {
		add(8, "the fault did not take effect")
	}
	if t.Kind == noop {
		if t.CommitUs >= 0 || t.Terms > 0 {
			add(8, "the leader changed although nothing was broken")
		}
		return why, weight
	}
	switch {
	case t.CommitUs < 0 && result.ElectionFollows(t.Kind):
		add(6, "no first commit of a new leader was observed")
	case t.CommitUs >= 0 && result.Survived(t.Kind) && result.CutsLinks(t.Kind):
		add(8, "the leader changed although it heard a majority")
	case t.CommitUs >= 0 && result.HitsFollower(t.Kind):
		add(8, "the leader changed although only a follower was hit")
	case t.CommitUs >= 0 && result.Survived(t.Kind):
		add(8, "the leader changed although its disk was only slow")
	case t.CommitUs >= 0 && t.FirstAckUs < 0:
		add(5, "no acknowledgement after the new leader's first commit")
	}
	if t.CaughtUpUs < 0 || t.RecoverUs < 0 {
		add(4, "not recovered before the end")
	}
	if p50, ok := outages.Quantile(.5); ok && t.OutageMs > 2*p50 {
		add(t.OutageMs/p50, "outage of %s, %.1f times the median", milliseconds(t.OutageMs), t.OutageMs/p50)
	}
	if t.Rounds > 1 {
		add(1, "%d election rounds", t.Rounds)
	}
	return why, weight
}

// excerpt is what the nodes said from shortly before the fault to the recovery.
func (s *study) excerpt(t result.Trial) string {
	from, to := t.InjectUs-100_000, max(t.RecoverUs, t.CaughtUpUs)
	if t.InjectUs < 0 {
		from = t.CommandUs - 100_000
	}
	if to < 0 {
		to = t.EndUs
	}
	var lines []string
	left, connections := 0, 0
	for _, e := range s.Events {
		if e.Arm != t.Arm || e.TimeUs < from || e.TimeUs > to {
			continue
		}
		if strings.HasPrefix(e.Kind, "peer_") {
			connections++
			continue
		}
		if len(lines) == excerptMax {
			left++
			continue
		}
		lines = append(lines, eventLine(e, t.InjectUs))
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("... %d more events", left))
	}
	if connections > 0 {
		lines = append(lines, fmt.Sprintf("and %d events of connections", connections))
	}
	if len(lines) == 0 {
		return "no event was recorded around this trial"
	}
	return "ms after the fault\n" + strings.Join(lines, "\n")
}

func eventLine(e result.Event, inject int64) string {
	who := "bench"
	if e.Node != 0 {
		who = fmt.Sprintf("n%d", e.Node)
	}
	line := fmt.Sprintf("%+10.3f  %-5s  %s", float64(e.TimeUs-inject)/1e3, who, e.Kind)
	for _, f := range []struct {
		name  string
		value uint64
	}{{"term", e.Term}, {"leader", e.Leader}, {"index", e.Index}, {"peer", e.Peer}} {
		if f.value != 0 {
			line += fmt.Sprintf(" %s=%d", f.name, f.value)
		}
	}
	if e.Note != "" {
		line += " " + strings.Join(strings.Fields(e.Note), " ")
	}
	return line
}
