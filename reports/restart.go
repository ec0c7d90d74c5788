package reports

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// restarts are those of all runs of an arm.
func (a *armStudy) restarts() []result.Restart {
	var all []result.Restart
	for _, c := range a.courses {
		all = append(all, c.Restarts...)
	}
	return all
}

// medianWithExtremes is the median with the extremes: a few restarts bear no more.
func medianWithExtremes(values []float64, format func(float64) string) string {
	sorted := stat.Sorted(values)
	low, _ := sorted.Min()
	high, ok := sorted.Max()
	if !ok {
		return "n/a"
	}
	return fmt.Sprintf("%s (%s – %s)", format(sorted.OrderStatistic(.5)), format(low), format(high))
}

// times are what the restarts of an arm took, in microseconds, and the lengths of their logs.
func (a *armStudy) times() (entries, answers, caught []float64) {
	for _, x := range a.restarts() {
		entries = append(entries, float64(x.Entries))
		answers = append(answers, float64(x.AnswersUs-x.StartUs))
		caught = append(caught, float64(x.CaughtUpUs-x.StartUs))
	}
	return entries, answers, caught
}

func (a *armStudy) restartSentence() string {
	entries, _, caught := a.times()
	if len(entries) == 0 {
		return ""
	}
	return fmt.Sprintf("with %s entries in its log a follower had caught up %s after its start (%d restarts after "+
		"SIGKILL).", over(entries, func(n float64) string { return table.Count(int64(n)) }).Text,
		medianWithExtremes(caught, table.Duration), len(entries))
}

// comebackTable has a row for each arm.
func (s *study) comebackTable() *table.Table {
	t := &table.Table{
		Caption: "Restarts of a follower after SIGKILL: median (least – most) of the time from the order to start its " +
			"process.",
		Columns: table.Columns("arm", "restarts", "entries in its log", "its ports answer", "caught up"),
	}
	for _, a := range s.arms {
		entries, answers, caught := a.times()
		if len(entries) == 0 {
			continue
		}
		t.Add(table.Of(a.Name), table.Ofn("%d", len(entries)),
			over(entries, func(n float64) string { return table.Count(int64(n)) }),
			table.Of(medianWithExtremes(answers, table.Duration)), table.Of(medianWithExtremes(caught, table.Duration)))
	}
	return t
}

// comebackFigure draws all restarts.
func (s *study) comebackFigure() page.Block {
	var points []plot.RestartPoint
	for _, a := range s.arms {
		for _, x := range a.restarts() {
			points = append(points, plot.RestartPoint{
				Arm: a.Name, Entries: float64(x.Entries), AnswersUs: float64(x.AnswersUs - x.StartUs),
				CaughtUs: float64(x.CaughtUpUs - x.StartUs),
			})
		}
	}
	if len(points) == 0 {
		return nil
	}
	return page.Figure{
		Figure:  plot.Restarts("restart-time", points),
		Caption: "Each follower was killed and started again at once, under a light load. A dot is one restart.",
		How: "A line that rises by a decade in a decade would be a start that costs the same for each entry; where it is " +
			"flat, opening the files is all.",
		Not: "Where the time goes, and logs that are compacted while the server is away: then it gets a snapshot.",
	}
}
