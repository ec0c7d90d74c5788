package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
)

// heatColumnsMax is how many columns a heat map has at most.
const heatColumnsMax = 140

// heatCell is a place of a heat map.
type heatCell struct{ column, step int }

// readIntervals counts the operations of intervals.hlog by arm, time and latency.
func (s *study) readIntervals() error {
	end := time.Duration(0)
	width := time.Duration(0)
	merged := map[string]map[time.Duration]*hdrhistogram.Histogram{}
	for i, err := range s.Intervals() {
		if err != nil {
			return err
		}
		end, width = max(end, i.To), max(width, i.To-i.From)
		if merged[i.Arm] == nil {
			merged[i.Arm] = map[time.Duration]*hdrhistogram.Histogram{}
		}
		if h := merged[i.Arm][i.From]; h != nil {
			h.Merge(i.Histogram)
		} else if i.Histogram.TotalCount() > 0 {
			merged[i.Arm][i.From] = i.Histogram
		}
	}
	if end == 0 || width == 0 {
		return nil
	}
	column := width * time.Duration(math.Ceil(float64(end)/float64(width)/heatColumnsMax))
	for _, a := range s.arms {
		a.heat = heatOf(a, merged[a.Name], column)
	}
	return nil
}

// heatOf sorts what an arm's histograms hold into cells.
func heatOf(a *armStudy, intervals map[time.Duration]*hdrhistogram.Histogram, column time.Duration) *plot.HeatArm {
	if len(intervals) == 0 {
		return nil
	}
	counts := map[heatCell]int64{}
	heat := &plot.HeatArm{Label: a.Name, Measured: seconds(a.spans), Faults: a.faultMarks()}
	for from, h := range intervals {
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				us := max(1, float64(bar.From)/1e3)
				step := int(math.Floor(math.Log10(us)*plot.HeatStepsPerDecade + 1e-9))
				counts[heatCell{int(from / column), step}] += bar.Count
				heat.N += bar.Count
			}
		}
	}
	for at, count := range counts {
		heat.Cells = append(heat.Cells, plot.HeatCell{
			FromS: (time.Duration(at.column) * column).Seconds(), ToS: (time.Duration(at.column+1) * column).Seconds(),
			LowUs:  math.Pow(10, float64(at.step)/plot.HeatStepsPerDecade),
			HighUs: math.Pow(10, float64(at.step+1)/plot.HeatStepsPerDecade), Count: count,
		})
	}
	slices.SortFunc(heat.Cells, func(x, y plot.HeatCell) int {
		return cmp.Or(cmp.Compare(x.FromS, y.FromS), cmp.Compare(x.LowUs, y.LowUs))
	})
	return heat
}

func (s *study) heatFigure() page.Block {
	var arms []plot.HeatArm
	for _, a := range s.arms {
		if a.heat != nil {
			arms = append(arms, *a.heat)
		}
	}
	if len(arms) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.LatencyHeatMap("latency-heat-map", arms),
		Caption: fmt.Sprintf("Response time of every operation by its intended start, from `%s`. A cell is a stretch of "+
			"time and a tenth of a decade of latency; its shade is how many operations fell into it, in equal steps of the "+
			"logarithm, the same for all panels. What did not end ok counts at its deadline or later.", result.IntervalsFile),
		How: "A thin dark band is a system whose latency is nearly constant. Two bands are two kinds of operations, such " +
			"as those that met a sync and those that did not, which a percentile hides. A column that reaches up is an " +
			"outage.",
		Not: "Single operations: a pale cell may be one of them. Nor anything within a cell.",
	}
}

// scatterFigure shows single operations around the worst trial of each arm.
func (s *study) scatterFigure(kind string) page.Block {
	var panels []plot.ScatterPanel
	cut := false
	for _, a := range s.arms {
		var worst *watched
		for _, w := range s.watchedOf(kind) {
			if w.arm == a && (worst == nil || w.trial.OutageMs > worst.trial.OutageMs) {
				worst = w
			}
		}
		if worst == nil || len(worst.ops) == 0 || a.laid[kind] == nil {
			continue
		}
		cut = cut || worst.left > 0
		panels = append(panels, s.scatterPanel(a, worst))
	}
	if len(panels) == 0 {
		return nil
	}
	note := ""
	if cut {
		note = fmt.Sprintf(" Only the first %d operations of a panel are shown.", watchedOpsMax)
	}
	return page.Figure{
		Figure: plot.ResponseScatter("scatter-"+slug(kind), kind, panels),
		Caption: "Single operations of the trial with the longest outage of each arm, by their intended start. Where many " +
			"lie on the same spot, one dot stands for all of them; the data file has each." + note,
		How: "The line that falls from the upper left is the outage: an operation that was due early in it waited longest. " +
			"That sawtooth is right, for the clients did not stop asking. The strip says who led.",
		Not: "The other trials: see the distribution. Operations that were not answered are drawn at the time that they " +
			"waited at least.",
	}
}

func (s *study) scatterPanel(a *armStudy, w *watched) plot.ScatterPanel {
	t := w.trial
	e := a.laid[t.Kind]
	ms := func(us int64) float64 { return float64(us-t.InjectUs) / 1e3 }
	panel := plot.ScatterPanel{
		Label:  fmt.Sprintf("%s, trial %d, outage %s", a.Name, t.Trial, milliseconds(t.OutageMs)),
		FromMs: -beforeFault / 1e3, ToMs: float64(int64(e.bins)*e.bin-beforeFault) / 1e3,
	}
	if lasts(t.Kind) && t.HealUs > t.InjectUs {
		panel.BrokenMs = ms(t.HealUs)
	}
	for i := range w.ops {
		op := &w.ops[i]
		us, known := a.waited(op)
		if due := ms(op.IntendedUs); known && due >= panel.FromMs && due < panel.ToMs {
			panel.Points = append(panel.Points, plot.ScatterPoint{DueMs: due, TookUs: max(1, us), Outcome: op.Outcome})
		}
	}
	for _, lane := range s.lanes(a) {
		lane.FromS, lane.ToS = lane.FromS*1e3-float64(t.InjectUs)/1e3, lane.ToS*1e3-float64(t.InjectUs)/1e3
		if lane.ToS > panel.FromMs && lane.FromS < panel.ToMs {
			panel.Lanes = append(panel.Lanes, lane)
		}
	}
	return panel
}
