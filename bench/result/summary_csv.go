package result

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// summaryRow is a row of summary.csv: one number of the summary, in long form, for spreadsheets and data frames.
type summaryRow struct {
	Arm      string `csv:"arm"`
	Section  string `csv:"section"` // floor, steady, closed, saturation, fault, stage, safety, calibration, exchange, wire
	Subject  string `csv:"subject"` // the kind of fault, the stage, the closed point
	Metric   string `csv:"metric"`
	Quantile string `csv:"quantile"` // empty for a plain number
	Unit     string `csv:"unit"`
	N        string `csv:"n"`
	Value    string `csv:"value"` // empty when the sample is too small
}

// summaryTable collects rows.
type summaryTable struct{ rows []summaryRow }

func (t *summaryTable) number(arm, section, subject, metric, unit string, value float64) {
	t.rows = append(t.rows, summaryRow{
		Arm: arm, Section: section, Subject: subject, Metric: metric, Unit: unit, Value: formatFloat(value),
	})
}

func (t *summaryTable) quantiles(arm, section, subject, metric, unit string, q Quantiles) {
	for _, p := range []struct {
		name   string
		value  *float64
		always bool
	}{
		{"min", q.Min, false}, {"p50", q.P50, true}, {"p90", q.P90, false}, {"p95", q.P95, false},
		{"p99", q.P99, true}, {"p999", q.P999, false}, {"max", q.Max, false},
	} {
		if p.value == nil && !p.always {
			continue
		}
		row := summaryRow{
			Arm: arm, Section: section, Subject: subject, Metric: metric, Quantile: p.name, Unit: unit, N: strconv.Itoa(q.N),
		}
		if p.value != nil {
			row.Value = formatFloat(*p.value)
		}
		t.rows = append(t.rows, row)
	}
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func writeSummaryCSV(w io.Writer, s Summary) error {
	t := &summaryTable{}
	t.quantiles("", "calibration", "", "fsync", "us", s.Calibration.FsyncUs)
	t.quantiles("", "calibration", "", "rtt", "us", s.Calibration.RTTUs)
	for _, r := range s.Calibration.Transports {
		subject := fmt.Sprintf("transport=%s/payload=%dB", r.Name, r.PayloadBytes)
		if r.Link != "" {
			subject += "/link=" + r.Link
		}
		t.quantiles("", "calibration", subject, "rtt", "us", r.RTTUs)
		t.quantiles("", "calibration", subject, "heartbeat_rtt", "us", r.HeartbeatRTTUs)
	}
	t.quantiles("", "calibration", "", "timer_late", "us", s.Calibration.TimerLateUs)
	t.number("", "calibration", "", "generator_max", "1/s", s.Calibration.GeneratorMaxPerS)
	for _, arm := range s.Arms {
		if arm.FloorUs != nil {
			t.number(arm.Name, "floor", "", "commit", "us", *arm.FloorUs)
		}
		t.steady(arm)
		t.closed(arm)
		t.saturation(arm)
		t.faults(arm)
		t.exchange(arm)
		for _, stage := range slices.Sorted(maps.Keys(arm.StagesUs)) {
			t.quantiles(arm.Name, "stage", stage, "since_proposed", "us", arm.StagesUs[stage])
		}
		t.number(arm.Name, "safety", "", "acked", "1", float64(arm.Safety.Acked))
		t.number(arm.Name, "safety", "", "checkable", "1", float64(arm.Safety.Checkable))
		t.number(arm.Name, "safety", "", "lost", "1", float64(arm.Safety.Lost))
		t.number(arm.Name, "safety", "", "checked_ops", "1", float64(arm.Safety.CheckedOps))
	}
	encoder, err := newCSVEncoder[summaryRow](w)
	if err != nil {
		return err
	}
	for i := range t.rows {
		if err := encoder.encode(&t.rows[i]); err != nil {
			return err
		}
	}
	return encoder.flush()
}

func (t *summaryTable) steady(arm Arm) {
	s := arm.Steady
	if s == nil {
		return
	}
	t.number(arm.Name, "steady", "", "duration", "s", s.DurationS)
	t.number(arm.Name, "steady", "", "offered", "1/s", s.OfferedPerS)
	t.number(arm.Name, "steady", "", "achieved", "1/s", s.AchievedPerS)
	t.quantiles(arm.Name, "steady", "", "response", "us", s.ResponseUs)
	t.quantiles(arm.Name, "steady", "", "service", "us", s.ServiceUs)
	t.quantiles(arm.Name, "steady", "", "send_lag", "us", s.SendLagUs)
	t.number(arm.Name, "steady", "", "ok", "1", float64(s.OK))
	t.number(arm.Name, "steady", "", "failed", "1", float64(s.Failed))
	t.number(arm.Name, "steady", "", "unknown", "1", float64(s.Unknown))
	t.number(arm.Name, "steady", "", "shed", "1", float64(s.Shed))
}

func (t *summaryTable) closed(arm Arm) {
	for _, p := range arm.Closed {
		subject := fmt.Sprintf("proposers=%d/payload=%dB", p.Proposers, p.PayloadBytes)
		t.number(arm.Name, "closed", subject, "rate", "1/s", p.PerS)
		if p.N == 0 {
			continue // nothing was committed
		}
		t.number(arm.Name, "closed", subject, "service_p50", "us", p.P50Us)
		if p.P99Us != nil {
			t.number(arm.Name, "closed", subject, "service_p99", "us", *p.P99Us)
		}
		t.number(arm.Name, "closed", subject, "cpu_per_op", "us", p.CPUUsPerOp)
		t.number(arm.Name, "closed", subject, "allocs_per_op", "1", p.AllocsPerOp)
	}
}

func (t *summaryTable) faults(arm Arm) {
	for _, f := range arm.Faults {
		t.number(arm.Name, "fault", f.Kind, "trials", "1", float64(f.Trials))
		t.quantiles(arm.Name, "fault", f.Kind, "outage", "ms", f.OutageMs)
		t.quantiles(arm.Name, "fault", f.Kind, "leaderless", "ms", f.LeaderlessMs)
		for _, phase := range slices.Sorted(maps.Keys(f.PhasesMs)) {
			t.quantiles(arm.Name, "fault", f.Kind, "phase_"+phase, "ms", f.PhasesMs[phase])
		}
		t.quantiles(arm.Name, "fault", f.Kind, "latency_debt", "op*s", f.LatencyDebtOpS)
	}
}
