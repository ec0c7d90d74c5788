package result

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// SaturationFile is a row for each point of each run of a search for the knee; other results have none.
const SaturationFile = "saturation.csv"

// What became of a point.
const (
	OutcomeHeld    = "held"    // within the limit, at the rate, and the generator was on time
	OutcomeMissed  = "missed"  // the system was over the limit
	OutcomeInvalid = "invalid" // the generator was late: it says nothing about the system
)

// What ended the search of a run.
const (
	BoundSystem    = "system"    // the next rate was missed
	BoundGenerator = "generator" // at the next rate the generator was late: the knee is a lower bound
	BoundRange     = "range"     // the highest rate was held: the knee is a lower bound
)

// Phases of a run with a search.
const (
	SaturationSearch = "search"
	SaturationShare  = "share" // at a share of the knee
)

// Saturation is the latency-throughput curve of an arm and its knee: the highest offered rate that was held.
type Saturation struct {
	// MaxPerS is the median of the runs' knees; 0 when no run has one.
	MaxPerS float64 `json:"max_per_s"`
	// SLOP99Us is the limit of the 99th percentile of the response.
	SLOP99Us float64 `json:"slo_p99_us"`
	// Step is the factor between two rates of the grid: the knee is known to so much.
	Step float64 `json:"step"`
	// Knee is over the runs that have one. LowerBound: some run was not ended by the system.
	Knee       Median             `json:"knee_per_s"`
	LowerBound bool               `json:"knee_is_lower_bound"`
	Runs       []SaturationRun    `json:"runs"`
	Points     []SaturationPoint  `json:"points"`
	Shares     []SaturationShares `json:"shares"`
}

// SaturationRun is the search of one run.
type SaturationRun struct {
	Run      int      `json:"run"`
	KneePerS *float64 `json:"knee_per_s"` // null: the first rate was not held
	NextPerS *float64 `json:"next_per_s"` // the lowest that was not held; null when all were
	Bound    string   `json:"bound"`
	Why      string   `json:"why"` // the next rate was not held
}

// SaturationPoint is one offered rate over all runs that offered it. Attempts whose generator was late are counted and
// not in the figures, which are medians over the other attempts.
type SaturationPoint struct {
	OfferedPerS  float64 `json:"offered_per_s"`
	AchievedPerS float64 `json:"achieved_per_s"`
	P50Us        float64 `json:"p50_us"`
	P99Us        float64 `json:"p99_us"`
	P50OverUs    Median  `json:"p50_over_us"` // the same with its interval
	P99OverUs    Median  `json:"p99_over_us"`
	Runs         int     `json:"runs"` // that offered it
	Held         int     `json:"held"` // attempts
	Missed       int     `json:"missed"`
	Invalid      int     `json:"invalid"`
}

// SaturationShares is the latency at a share of the knee, medians over runs, each at its own knee.
type SaturationShares struct {
	Share        float64 `json:"share"`
	OfferedPerS  Median  `json:"offered_per_s"`
	AchievedPerS Median  `json:"achieved_per_s"`
	P50Us        Median  `json:"p50_us"`
	P99Us        Median  `json:"p99_us"`
	P999Us       Median  `json:"p999_us"`
	MaxUs        float64 `json:"max_us"` // of all runs
}

// SaturationRow is a row of saturation.csv: one rate that was held for a while, in the order of time. What has too
// small a sample, or was not counted, is -1.
type SaturationRow struct {
	Arm     string  `csv:"arm"`
	Run     int     `csv:"run"`
	Phase   string  `csv:"phase"`
	Share   float64 `csv:"share"` // of the knee; -1 in the search
	Attempt int     `csv:"attempt"`
	// RatePerS is the rate of the schedule; OfferedPerS what was due within the window.
	RatePerS     float64 `csv:"rate_per_s"`
	OfferedPerS  float64 `csv:"offered_per_s"`
	AchievedPerS float64 `csv:"achieved_per_s"`
	FromUs       int64   `csv:"from_us"`
	ToUs         int64   `csv:"to_us"`
	N            int64   `csv:"n"`
	P50Us        float64 `csv:"p50_us"`
	P90Us        float64 `csv:"p90_us"`
	P99Us        float64 `csv:"p99_us"`
	P999Us       float64 `csv:"p999_us"`
	MaxUs        float64 `csv:"max_us"`
	ServiceP50Us float64 `csv:"service_p50_us"`
	ServiceP99Us float64 `csv:"service_p99_us"`
	SendLagP99Us float64 `csv:"send_lag_p99_us"`
	Late         int64   `csv:"late"` // sent more than 1 ms late
	OK           int64   `csv:"ok"`
	Failed       int64   `csv:"failed"`
	Unknown      int64   `csv:"unknown"`
	Shed         int64   `csv:"shed"`
	// BacklogFrom and BacklogTo are the operations that were due and not answered when the window began and ended.
	BacklogFrom int64  `csv:"backlog_from"`
	BacklogTo   int64  `csv:"backlog_to"`
	Outcome     string `csv:"outcome"`
	Why         string `csv:"why"` // it was not held
}

// WriteSaturation writes saturation.csv, before WriteSummary.
func (w *Writer) WriteSaturation(rows []SaturationRow) error {
	w.saturation = slices.Clone(rows)
	return writeCSV(w, SaturationFile, rows)
}

// readSaturation reads saturation.csv of a result that has a search, and checks it against the summary.
func (r *Result) readSaturation() (err error) {
	if !slices.ContainsFunc(r.Summary.Arms, func(a Arm) bool { return a.Saturation != nil }) {
		return nil
	}
	if r.Saturation, err = readCSV[SaturationRow](r, SaturationFile); err != nil {
		return err
	}
	for i, row := range r.Saturation {
		line := i + 2
		switch {
		case !r.arms[row.Arm]:
			return unknownArm(SaturationFile, line, row.Arm)
		case row.Phase != SaturationSearch && row.Phase != SaturationShare:
			return fileErrorf(SaturationFile, line, "phase", "%q is not %s or %s", row.Phase, SaturationSearch,
				SaturationShare)
		case row.Outcome != OutcomeHeld && row.Outcome != OutcomeMissed && row.Outcome != OutcomeInvalid:
			return fileErrorf(SaturationFile, line, "outcome", "%q is not %s, %s or %s", row.Outcome, OutcomeHeld,
				OutcomeMissed, OutcomeInvalid)
		}
	}
	return nil
}

func (s *Saturation) validate(at string) error {
	if s == nil {
		return nil
	}
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(at+format, args...))
		}
	}
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) && x >= 0 }
	fault(finite(s.MaxPerS), ".max_per_s: %v is no rate", s.MaxPerS)
	for i, run := range s.Runs {
		known := run.Bound == BoundSystem || run.Bound == BoundGenerator || run.Bound == BoundRange
		fault(known, ".runs[%d].bound: %q is not %s, %s or %s", i, run.Bound, BoundSystem, BoundGenerator, BoundRange)
		fault(run.KneePerS == nil || run.NextPerS == nil || *run.KneePerS < *run.NextPerS,
			".runs[%d]: the knee is not below the next rate", i)
	}
	before := 0.0
	for i, p := range s.Points {
		fault(finite(p.AchievedPerS) && finite(p.P50Us) && finite(p.P99Us), ".points[%d]: a figure is not finite", i)
		fault(p.OfferedPerS > before, ".points[%d].offered_per_s: %v is not above %v", i, p.OfferedPerS, before)
		fault(p.P50Us <= p.P99Us, ".points[%d].p99_us: %v is below p50 %v", i, p.P99Us, p.P50Us)
		before = p.OfferedPerS
	}
	return errors.Join(faults...)
}

// saturation adds the rows of summary.csv.
func (t *summaryTable) saturation(arm Arm) {
	s := arm.Saturation
	if s == nil {
		return
	}
	over := func(subject, metric, unit string, m Median) {
		if m.Median != nil {
			t.rows = append(t.rows, summaryRow{
				Arm: arm.Name, Section: "saturation", Subject: subject, Metric: metric, Unit: unit, N: strconv.Itoa(m.N),
				Quantile: "median of runs", Value: formatFloat(*m.Median),
			})
		}
	}
	t.number(arm.Name, "saturation", "", "max", "1/s", s.MaxPerS)
	t.number(arm.Name, "saturation", "", "slo_p99", "us", s.SLOP99Us)
	for _, p := range s.Points {
		subject := "offered=" + formatFloat(p.OfferedPerS)
		t.number(arm.Name, "saturation", subject, "achieved", "1/s", p.AchievedPerS)
		t.number(arm.Name, "saturation", subject, "response_p50", "us", p.P50Us)
		t.number(arm.Name, "saturation", subject, "response_p99", "us", p.P99Us)
	}
	for _, p := range s.Shares {
		subject := "share=" + formatFloat(p.Share)
		over(subject, "offered", "1/s", p.OfferedPerS)
		over(subject, "response_p50", "us", p.P50Us)
		over(subject, "response_p99", "us", p.P99Us)
	}
}

// saturation writes a line for each run's knee, so that benchstat has the runs as its sample.
func (b *benchWriter) saturation(arm Arm) {
	if arm.Saturation == nil {
		return
	}
	for _, run := range arm.Saturation.Runs {
		if run.KneePerS != nil {
			b.line("Knee"+subNames(arm.Name), 1, []benchValue{{value: *run.KneePerS, unit: "op/s"}})
		}
	}
}

// shares writes a line for each share of the knee of each run, unless the generator was late.
func (b *benchWriter) shares(rows []SaturationRow) {
	for i := range rows {
		r := &rows[i]
		if r.Phase != SaturationShare || r.Outcome == OutcomeInvalid {
			continue
		}
		values := []benchValue{{r.AchievedPerS, "ok/s"}}
		for _, v := range []benchValue{
			{r.P50Us, "response-p50-sec"}, {r.P99Us, "response-p99-sec"},
			{r.ServiceP50Us, "service-p50-sec"}, {r.ServiceP99Us, "service-p99-sec"},
		} {
			if v.value >= 0 {
				values = seconds(values, v.unit, &v.value)
			}
		}
		b.line("Share"+subNames(r.Arm)+"/share="+formatFloat(r.Share), r.N, values)
	}
}

// shareRows writes the shares of the knee as Go benchmark text, below what writeBenchfmt wrote.
func shareRows(w io.Writer, m Manifest, rows []SaturationRow) error {
	b := newBenchWriter(w, m)
	b.shares(rows)
	return b.err
}
