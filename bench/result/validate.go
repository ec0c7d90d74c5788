package result

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// checkSchema accepts any schema with the major version of known.
func checkSchema(file, got, known string) error {
	family, major, _ := strings.Cut(known, "/")
	gotFamily, gotVersion, _ := strings.Cut(got, "/")
	gotMajor, _, _ := strings.Cut(gotVersion, ".")
	if gotFamily == family && gotMajor == major {
		return nil
	}
	return fileErrorf(file, 0, "schema", "%w %q: this version reads %q", ErrSchema, got, known)
}

// checkSchemaOf reads only the schema, before the rest is trusted to have the right shape.
func checkSchemaOf(name string, data []byte, known string) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := decodeJSON(name, data, &head); err != nil {
		return err
	}
	return checkSchema(name, head.Schema, known)
}

func unknownArm(file string, line int, arm string) error {
	return fileErrorf(file, line, "arm", "%q is no arm of %s", arm, SummaryFile)
}

// Validate returns all faults of the summary.
func (s Summary) Validate() error {
	var faults []error
	if err := checkSchema(SummaryFile, s.Schema, SummarySchema); err != nil {
		faults = append(faults, err)
	}
	switch s.Verdict {
	case VerdictOK, VerdictInvalid, VerdictUnsafe:
	default:
		faults = append(faults, fmt.Errorf("verdict: %q is not ok, invalid or unsafe", s.Verdict))
	}
	faults = append(faults,
		s.Calibration.FsyncUs.validate("calibration.fsync_us"),
		s.Calibration.RTTUs.validate("calibration.rtt_us"),
		s.Calibration.TimerLateUs.validate("calibration.timer_late_us"))
	for i, t := range s.Calibration.Transports {
		at := fmt.Sprintf("calibration.transports[%d].", i)
		faults = append(faults, t.RTTUs.validate(at+"rtt_us"), t.HeartbeatRTTUs.validate(at+"heartbeat_rtt_us"))
	}
	seen := map[string]bool{}
	for i, arm := range s.Arms {
		at := fmt.Sprintf("arms[%d]", i)
		if arm.Name == "" || seen[arm.Name] {
			faults = append(faults, fmt.Errorf("%s.name: %q is empty or already used", at, arm.Name))
		}
		seen[arm.Name] = true
		faults = append(faults, arm.validate(at))
	}
	return errors.Join(faults...)
}

func (a Arm) validate(at string) error {
	faults := append(a.Exchange.validate(at+".exchange"), a.Saturation.validate(at+".saturation"))
	if a.Steady != nil {
		faults = append(faults,
			a.Steady.ResponseUs.validate(at+".steady.response_us"),
			a.Steady.ServiceUs.validate(at+".steady.service_us"),
			a.Steady.SendLagUs.validate(at+".steady.send_lag_us"))
	}
	for i, f := range a.Faults {
		at := fmt.Sprintf("%s.faults[%d]", at, i)
		if f.Kind == "" {
			faults = append(faults, fmt.Errorf("%s.kind: empty", at))
		}
		if f.Trials < 0 {
			faults = append(faults, fmt.Errorf("%s.trials: %d < 0", at, f.Trials))
		}
		faults = append(faults,
			f.OutageMs.validate(at+".outage_ms"),
			f.LeaderlessMs.validate(at+".leaderless_ms"),
			f.LatencyDebtOpS.validate(at+".latency_debt_op_s"))
		for name, q := range f.PhasesMs {
			faults = append(faults, q.validate(at+".phases_ms."+name))
		}
	}
	for name, q := range a.StagesUs {
		faults = append(faults, q.validate(at+".stages_us."+name))
	}
	for _, verdict := range []struct{ name, is string }{
		{"linearizable", a.Safety.Linearizable}, {"logs", a.Safety.Logs},
	} {
		switch verdict.is {
		case "", SafetyOK, SafetyViolation, SafetyUnknown:
		default:
			faults = append(faults, fmt.Errorf("%s.safety.%s: %q is not ok, violation or unknown", at, verdict.name, verdict.is))
		}
	}
	return errors.Join(faults...)
}

// validate checks that the order statistics are finite and in order.
func (q Quantiles) validate(at string) error {
	if q.N < 0 {
		return fmt.Errorf("%s.n: %d < 0", at, q.N)
	}
	var faults []error
	before, beforeName := math.Inf(-1), ""
	for _, p := range []struct {
		name  string
		value *float64
	}{
		{"min", q.Min}, {"p50", q.P50}, {"p90", q.P90}, {"p95", q.P95}, {"p99", q.P99}, {"p999", q.P999}, {"max", q.Max},
	} {
		switch {
		case p.value == nil:
			continue
		case math.IsNaN(*p.value) || math.IsInf(*p.value, 0):
			faults = append(faults, fmt.Errorf("%s.%s: %v is not finite", at, p.name, *p.value))
			continue
		case *p.value < before:
			faults = append(faults, fmt.Errorf("%s.%s: %v is below %s %v", at, p.name, *p.value, beforeName, before))
		}
		before, beforeName = *p.value, p.name
	}
	return errors.Join(faults...)
}

// validateRecords checks the record files against the summary.
func (r *Result) validateRecords() error {
	if err := r.checkTrials(); err != nil {
		return err
	}
	if err := r.checkTimeline(); err != nil {
		return err
	}
	for i, row := range r.Stages {
		if !r.arms[row.Arm] {
			return unknownArm(StagesFile, i+2, row.Arm)
		}
	}
	return nil
}

func (r *Result) checkTrials() error {
	type key struct{ arm, kind string }
	counts := map[key]int{}
	for i, t := range r.Trials {
		line := i + 2 // the header is line 1
		switch {
		case !r.arms[t.Arm]:
			return unknownArm(TrialsFile, line, t.Arm)
		case t.Kind == "":
			return fileErrorf(TrialsFile, line, "kind", "empty")
		case t.InjectUs >= 0 && t.InjectUs < t.CommandUs:
			return fileErrorf(TrialsFile, line, "inject_us", "%d is before command_us %d", t.InjectUs, t.CommandUs)
		case t.OutageMs < 0:
			return fileErrorf(TrialsFile, line, "outage_ms", "%v < 0", t.OutageMs)
		}
		counts[key{t.Arm, t.Kind}]++
	}
	for _, arm := range r.Summary.Arms {
		for _, f := range arm.Faults {
			if got := counts[key{arm.Name, f.Kind}]; got != f.Trials {
				return fileErrorf(TrialsFile, 0, "", "%d trials of %s in arm %q, but %s counts %d: truncated?",
					got, f.Kind, arm.Name, SummaryFile, f.Trials)
			}
		}
	}
	return nil
}

func (r *Result) checkTimeline() error {
	end := map[string]int64{}
	for i, b := range r.Timeline {
		line := i + 2
		if !r.arms[b.Arm] {
			return unknownArm(TimelineFile, line, b.Arm)
		}
		if b.WidthUs <= 0 {
			return fileErrorf(TimelineFile, line, "width_us", "%d <= 0", b.WidthUs)
		}
		if before, ok := end[b.Arm]; ok && b.StartUs < before {
			return fileErrorf(TimelineFile, line, "start_us", "%d is before the end %d of the bin above", b.StartUs, before)
		}
		end[b.Arm] = b.StartUs + b.WidthUs
	}
	return nil
}
