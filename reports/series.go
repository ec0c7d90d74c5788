package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
)

// columnsMax is about how many columns a timeline has.
const columnsMax = 420

// timelineArms prepares the timelines; all arms have columns of the same width.
func (s *study) timelineArms() []plot.TimelineArm {
	longest := int64(0)
	for _, a := range s.arms {
		if n := len(a.bins); n > 0 {
			longest = max(longest, a.bins[n-1].StartUs+a.bins[n-1].WidthUs)
		}
	}
	var arms []plot.TimelineArm
	for _, a := range s.arms {
		if len(a.bins) == 0 {
			continue
		}
		perColumn := max(1, int(math.Ceil(float64(longest)/float64(a.bins[0].WidthUs)/columnsMax)))
		arms = append(arms, plot.TimelineArm{
			Label: a.Name, Points: a.columns(perColumn), Faults: a.faultMarks(), Steady: seconds(a.steady), Lanes: s.lanes(a),
		})
	}
	return arms
}

func seconds(windows []window) []plot.Span {
	var spans []plot.Span
	for _, w := range windows {
		spans = append(spans, plot.Span{FromS: float64(w.from) / 1e6, ToS: float64(w.to) / 1e6})
	}
	return spans
}

// columns merges bins; a gap in time ends a column and is drawn as a gap.
func (a *armStudy) columns(perColumn int) []plot.TimelinePoint {
	var points []plot.TimelinePoint
	for i := 0; i < len(a.bins); {
		j := i + 1
		for j < len(a.bins) && j-i < perColumn && a.bins[j].StartUs == a.bins[j-1].StartUs+a.bins[j-1].WidthUs {
			j++
		}
		if n := len(points); n > 0 && i > 0 && a.bins[i].StartUs > a.bins[i-1].StartUs+a.bins[i-1].WidthUs {
			end := points[n-1].StartS + points[n-1].WidthS
			points = append(points, plot.TimelinePoint{
				StartS: end, WidthS: float64(a.bins[i].StartUs)/1e6 - end, MidUs: math.NaN(), HighUs: math.NaN(),
				OfferedPS: math.NaN(), OKPS: math.NaN(), NotOKPS: math.NaN(),
			})
		}
		points = append(points, a.column(i, j))
		i = j
	}
	return points
}

func (a *armStudy) column(i, j int) plot.TimelinePoint {
	var offered, ok, notOK int64
	var mids []float64
	high := math.NaN()
	for _, b := range a.bins[i:j] {
		offered, ok, notOK = offered+b.Offered, ok+b.OK, notOK+b.Failed+b.Unknown+b.Shed
		if b.P50Us >= 0 {
			mids = append(mids, float64(max(1, b.P50Us)))
			if slowest := float64(max(1, b.MaxUs)); !(slowest <= high) {
				high = slowest
			}
		}
	}
	from, to := a.bins[i].StartUs, a.bins[j-1].StartUs+a.bins[j-1].WidthUs
	width := float64(to-from) / 1e6
	p := plot.TimelinePoint{
		StartS: float64(from) / 1e6, WidthS: width, MidUs: math.NaN(), HighUs: high,
		OfferedPS: float64(offered) / width, OKPS: float64(ok) / width, NotOKPS: float64(notOK) / width,
	}
	if len(mids) > 0 {
		p.MidUs = stat.Sorted(mids).OrderStatistic(.5)
	}
	return p
}

func (a *armStudy) faultMarks() []plot.TimelineFault {
	var marks []plot.TimelineFault
	for _, kind := range sortedKeys(a.trials) {
		for _, t := range a.trials[kind] {
			if t.InjectUs >= 0 {
				marks = append(marks, plot.TimelineFault{AtS: float64(t.InjectUs) / 1e6, Control: kind == noop})
			}
		}
	}
	return marks
}

// lanes follows who led: from a victory to the next one, to the kill of the leader, or to the end of the run.
func (s *study) lanes(a *armStudy) []plot.Lane {
	var lanes []plot.Lane
	end := func(at int64) {
		if n := len(lanes); n > 0 {
			lanes[n-1].ToS = min(lanes[n-1].ToS, float64(at)/1e6)
		}
	}
	for _, e := range s.Events {
		if e.Arm != a.Name {
			continue
		}
		if n := len(lanes); e.Kind == "kill" && n > 0 && lanes[n-1].Node == e.Node {
			end(e.TimeUs)
		}
		if e.Kind != "leader" {
			continue
		}
		end(e.TimeUs)
		to := e.TimeUs
		if i, ok := find(a.spans, e.TimeUs); ok {
			to = a.spans[i].to
		} else if i < len(a.spans) {
			to = a.spans[i].to
		}
		lanes = append(lanes, plot.Lane{
			Span: plot.Span{FromS: float64(e.TimeUs) / 1e6, ToS: float64(to) / 1e6}, Node: e.Node, Term: e.Term,
		})
	}
	return slices.DeleteFunc(lanes, func(l plot.Lane) bool { return l.ToS <= l.FromS })
}

// spectrumPanels prepares the windows for which operations were kept.
func (s *study) spectrumPanels() []plot.SpectrumPanel {
	var panels []plot.SpectrumPanel
	for _, w := range []struct {
		label string
		of    func(*armStudy) *latencies
	}{
		{"Steady phase", func(a *armStudy) *latencies { return &a.calm }},
		{"Under way from each fault to the end of its trial", func(a *armStudy) *latencies { return &a.broken }},
	} {
		panel := plot.SpectrumPanel{Label: w.label}
		for _, a := range s.arms {
			l := w.of(a)
			if l.response.Len() < stat.MinSample(.5) {
				continue
			}
			arm := plot.SpectrumArm{
				Label: a.Name, N: l.response.Len(), Response: percentiles(&l.response), Service: percentiles(&l.service),
			}
			if l == &a.calm {
				arm.Runs = runBand(a.calmRuns)
			}
			panel.Arms = append(panel.Arms, arm)
		}
		if len(panel.Arms) > 0 {
			panels = append(panels, panel)
		}
	}
	return panels
}

// runBand is the response time of the lowest and of the highest run at each percentile that all runs have enough
// operations for; of one run there is none.
func runBand(runs []*latencies) []plot.PercentileRange {
	if len(runs) < 2 {
		return nil
	}
	least := runs[0].response.Len()
	for _, run := range runs {
		least = min(least, run.response.Len())
	}
	if least < stat.MinSample(.5) {
		return nil
	}
	qs := plot.SpectrumQuantiles(least)
	band := make([]plot.PercentileRange, len(qs))
	for i, q := range qs {
		band[i] = plot.PercentileRange{Q: q, LowUs: math.Inf(1)}
	}
	for _, run := range runs {
		for i, us := range run.response.Quantiles(qs) {
			band[i].LowUs, band[i].HighUs = min(band[i].LowUs, us), max(band[i].HighUs, us)
		}
	}
	return band
}

func percentiles(w *stat.Weighted) []plot.Percentile {
	qs := plot.SpectrumQuantiles(w.Len())
	var line []plot.Percentile
	for i, us := range w.Quantiles(qs) {
		line = append(line, plot.Percentile{Q: qs[i], Us: us})
	}
	return line
}

// cdfArms returns the arms' outages, and the control of all arms together.
func (s *study) cdfArms(kind string) []plot.CDFArm {
	var arms []plot.CDFArm
	var control []float64
	for _, a := range s.arms {
		if outages := a.outages(kind); len(outages) > 0 {
			arms = append(arms, plot.CDFArm{Label: a.Name, Outages: outages})
		}
		control = append(control, a.outages(noop)...)
	}
	if len(control) > 0 {
		arms = append(arms, plot.CDFArm{Label: "noop, all arms", Outages: stat.Sorted(control), Control: true})
	}
	return arms
}

// phaseArms returns the phases of each trial in which all of them were observed.
func (s *study) phaseArms(kind string) []plot.PhaseArm {
	var arms []plot.PhaseArm
	steps := phasesOf(kind)
	for _, a := range s.arms {
		arm := plot.PhaseArm{Label: a.Name}
		for _, t := range a.trials[kind] {
			var ms [stackedPhases]float64
			whole := len(steps) > stackedPhases
			if !whole {
				continue
			}
			for i := range ms {
				v, ok := steps[i].of(t)
				ms[i], whole = v, whole && ok
			}
			if !whole {
				arm.Left++
				continue
			}
			arm.Trials = append(arm.Trials, plot.PhaseTrial{
				Trial: t.Trial, First: ms[0], Elect: ms[1], FirstCommit: ms[2], Client: ms[3],
			})
		}
		if len(arm.Trials) > 0 {
			arms = append(arms, arm)
		}
	}
	return arms
}

// calibrationRows puts the machine's own times beside the steady responses.
func (s *study) calibrationRows() []plot.CalibrationRow {
	var rows []plot.CalibrationRow
	for _, c := range s.calibrated() {
		if c.q.P50 != nil {
			rows = append(rows, plot.CalibrationRow{Label: c.name, P50: *c.q.P50, P99: orNaN(c.q.P99)})
		}
	}
	for _, a := range s.arms {
		if a.Steady != nil && a.FloorUs != nil {
			rows = append(rows, plot.CalibrationRow{Label: "floor of a commit, " + a.Name, P50: *a.FloorUs, P99: math.NaN()})
		}
		if a.Steady != nil && a.Steady.ResponseUs.P50 != nil {
			rows = append(rows, plot.CalibrationRow{
				Label: fmt.Sprintf("response, steady, %s", a.Name), P50: *a.Steady.ResponseUs.P50,
				P99: orNaN(a.Steady.ResponseUs.P99), Measured: true,
			})
		}
	}
	return rows
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
