package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// systemFloor is the value of an arm's system that is no Raft, but what files, syncs and TCP cost: the denominator.
const systemFloor = "floor"

// closedPoint says which point of a closed loop is meant.
type closedPoint struct{ proposers, payload int }

func (s *study) closedSection() page.Section {
	blocks := []page.Block{s.closedRateFigure(), s.closedLatencyFigure(), page.Table{Table: s.floorRatioTable()}}
	payloads, _ := s.closedPoints()
	for _, payload := range payloads {
		blocks = append(blocks, page.Table{Table: s.closedTable(payload)})
	}
	blocks = append(blocks, page.Table{Table: s.openTable()}, page.Table{Table: s.openWorkTable()})
	section := page.Section{ID: "closed", Title: "Closed loop", Blocks: present(blocks)}
	if len(section.Blocks) > 0 {
		section.Blocks = append([]page.Block{page.Paragraph("Each proposer sends its next command when the last one is " +
			"applied. The rate adapts to the system, so these are service times: they do not show what a user would wait " +
			"when requests come at their own times.")}, section.Blocks...)
	}
	return section
}

// system returns what an arm measured; "" when its configuration does not say.
func (a *armStudy) system() string {
	name, _ := a.Config["system"].(string)
	return name
}

// closedPoints returns the sizes of the closed loops as they come, and all points by size and number of proposers.
func (s *study) closedPoints() (payloads []int, points []closedPoint) {
	seen := map[closedPoint]bool{}
	sizes := map[int]bool{}
	for _, a := range s.arms {
		for _, p := range a.Closed {
			if at := (closedPoint{p.Proposers, p.PayloadBytes}); !seen[at] {
				seen[at] = true
				points = append(points, at)
			}
			if !sizes[p.PayloadBytes] {
				sizes[p.PayloadBytes] = true
				payloads = append(payloads, p.PayloadBytes)
			}
		}
	}
	slices.SortFunc(points, func(a, b closedPoint) int {
		return cmp.Or(cmp.Compare(slices.Index(payloads, a.payload), slices.Index(payloads, b.payload)),
			cmp.Compare(a.proposers, b.proposers))
	})
	return payloads, points
}

// closedByRun returns what the runs of an arm measured at a point; an entry is nil where a run did not come to it.
func (a *armStudy) closedByRun(at closedPoint) []*result.ClosedPoint {
	runs := a.ClosedRuns
	if len(runs) == 0 { // a result from before they were kept by run
		runs = [][]result.ClosedPoint{a.Closed}
	}
	found := make([]*result.ClosedPoint, len(runs))
	for i, run := range runs {
		for j := range run {
			if p := &run[j]; p.Proposers == at.proposers && p.PayloadBytes == at.payload {
				found[i] = p
			}
		}
	}
	return found
}

// closedLines makes a line of each arm over the numbers of proposers: the median over runs, and its range.
func (s *study) closedLines(payload int, of func(*result.ClosedPoint) float64) []plot.SystemLine {
	_, points := s.closedPoints()
	var lines []plot.SystemLine
	for _, a := range s.arms {
		line := plot.SystemLine{Label: s.closedLabel(a), Bound: a.system() == systemFloor}
		for _, at := range points {
			if at.payload != payload {
				continue
			}
			var values []float64
			for _, p := range a.closedByRun(at) {
				if p != nil && of(p) > 0 {
					values = append(values, of(p))
				}
			}
			sample := stat.Sorted(values)
			pt := plot.PanelPoint{X: float64(at.proposers), Y: math.NaN(), Low: math.NaN(), High: math.NaN()}
			if n := len(sample); n > 0 {
				pt.Y, pt.Low, pt.High = sample.OrderStatistic(.5), sample[0], sample[n-1]
			}
			line.Points = append(line.Points, pt)
		}
		lines = append(lines, line)
	}
	return lines
}

// closedLabel is the name of an arm: the system alone when that is all that the arms differ in.
func (s *study) closedLabel(a *armStudy) string {
	if system := a.system(); a.Name == "system="+system {
		return system
	}
	return a.Name
}

// drawsClosed says whether there is something to draw: a line needs two points.
func (s *study) drawsClosed() bool {
	payloads, points := s.closedPoints()
	return len(points) > len(payloads)
}

func (s *study) closedRuns() string {
	runs := 0
	for _, a := range s.arms {
		runs = max(runs, len(a.ClosedRuns))
	}
	if runs <= 1 {
		return "1 run"
	}
	return fmt.Sprintf("median of %d runs, bars from the lowest to the highest", runs)
}

func (s *study) closedRateFigure() page.Block {
	if !s.drawsClosed() {
		return nil
	}
	payloads, _ := s.closedPoints()
	var panels []plot.SystemPanel
	for _, payload := range payloads {
		panels = append(panels, plot.SystemPanel{
			Title: fmt.Sprintf("commands of %s", sizeText(payload)),
			Lines: s.closedLines(payload, func(p *result.ClosedPoint) float64 { return p.PerS }),
		})
	}
	return page.Figure{
		Figure: plot.Concurrency(plot.PanelOptions{
			Name: "closed-throughput", Title: "Throughput against proposers (closed loop, log-log)",
			Alt:    "Lines of the operations a second of each system against the number of proposers.",
			XLabel: "proposers", YLabel: "operations a second, " + s.closedRuns(),
			Y: plot.UnitCount, Columns: 2,
		}, panels),
		Caption: "Commands that were applied in a second, by the number of proposers, each with one command under way. The " +
			"panels share both scales." + s.floorWords(),
		How: "Higher is better. Steps of one decade are equal, so that a constant distance between two lines is a constant " +
			"factor.",
		Not: "What a user would wait at a rate of his own: see the open loop. Nor what the systems do on a machine each.",
	}
}

func (s *study) closedLatencyFigure() page.Block {
	if !s.drawsClosed() {
		return nil
	}
	payloads, _ := s.closedPoints()
	var panels []plot.SystemPanel
	for _, payload := range payloads {
		panels = append(panels,
			plot.SystemPanel{Title: "p50, " + sizeText(payload),
				Lines: s.closedLines(payload, func(p *result.ClosedPoint) float64 { return p.P50Us })},
			plot.SystemPanel{Title: "p99, " + sizeText(payload),
				Lines: s.closedLines(payload, func(p *result.ClosedPoint) float64 {
					if p.P99Us == nil {
						return 0 // too few commands
					}
					return *p.P99Us
				})})
	}
	return page.Figure{
		Figure: plot.Concurrency(plot.PanelOptions{
			Name: "closed-latency", Title: "Service time against proposers (closed loop, log-log)",
			Alt:    "Lines of the median and the 99th percentile of each system against the number of proposers.",
			XLabel: "proposers", YLabel: "p50 and p99 of a command, " + s.closedRuns(),
			Y: plot.UnitMicroseconds, Columns: 2,
		}, panels),
		Caption: "How long a command took from its proposal until it was applied, of single commands of a run. The panels " +
			"share both scales." + s.floorWords(),
		How: "Lower is better. A p99 that is missing has fewer than " + table.Count(int64(stat.MinSample(.99))) +
			" commands.",
		Not: "Response times: in a closed loop a slow command holds its proposer back, and what was not asked is not slow.",
	}
}

// floorWords explain the dashed line; "" without one.
func (s *study) floorWords() string {
	for _, a := range s.arms {
		if a.system() == systemFloor && len(a.Closed) > 0 {
			return " Dashed: the floor, a replicated log with nothing but files, syncs and TCP."
		}
	}
	return ""
}
