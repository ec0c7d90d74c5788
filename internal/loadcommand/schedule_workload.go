package loadcommand

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/workloads"
)

// applySchedule puts the flags of the schedule into load. --steps and --ramp say by themselves which schedule is meant.
func (f *loadFlags) applySchedule(load *loadgen.Options, changed func(string) bool) error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	kind := loadgen.ScheduleKind(f.schedule)
	switch {
	case changed("schedule"):
	case f.steps != "":
		kind = loadgen.ScheduleStep
	case f.ramp != "":
		kind = loadgen.ScheduleRamp
	}
	load.Schedule, load.Rate = kind, f.rate.PerSecond
	step, ramp := kind == loadgen.ScheduleStep, kind == loadgen.ScheduleRamp
	fault(step != (f.steps != ""), "--schedule %s with --steps %q: want both or none", kind, f.steps)
	fault(ramp != (f.ramp != ""), "--schedule %s with --ramp %q: want both or none", kind, f.ramp)
	fault((step || ramp) && changed("rate"), "--rate %v with --schedule %s: want one of them", f.rate, kind)
	fault(!step && !ramp && changed("spacing"), "--spacing with --schedule %s: want step or ramp", kind)
	if step || ramp {
		load.Spacing = loadgen.ScheduleKind(f.spacing)
	}
	var err error
	switch {
	case len(faults) > 0:
	case step:
		load.Rate = 0
		if load.Steps, err = loadgen.ParseSteps(f.steps); err != nil {
			err = fmt.Errorf("--steps: %w", err)
		}
		if !changed("duration") {
			load.Duration = 0 // the sum of the steps
		}
	case ramp:
		if load.Rate, load.RampTo, err = loadgen.ParseRamp(f.ramp); err != nil {
			err = fmt.Errorf("--ramp: %w", err)
		}
	}
	return errors.Join(append(faults, err)...)
}

// applyWorkload puts --workload, and then the flags that were given, into w.
func (f *loadFlags) applyWorkload(w *loadgen.Workload, changed func(string) bool) error {
	flags := *w
	named := f.workload != ""
	if named {
		loaded, err := workloads.Load(f.workload)
		if err != nil {
			return fmt.Errorf("--workload: %w", err)
		}
		*w = loaded
	}
	var faults []error
	given := func(flag string) bool { return !named || changed(flag) }
	if given("keys") {
		w.Keys = flags.Keys
	}
	if given("key-dist") {
		w.KeyDist = loadgen.KeyDist(f.keyDist)
	}
	if given("filler") {
		w.Filler = loadgen.Filler(f.filler)
	}
	if given("hot-share") {
		w.HotShare = flags.HotShare
	}
	if given("preload") {
		w.Preload = flags.Preload
	}
	if given("read-share") {
		w.ReadShare = flags.ReadShare
	}
	if given("payload") {
		fixed, sizes, err := loadgen.ParseSizes(f.payload)
		if err == nil && fixed == 0 && sizes.Dist == "" {
			err = fmt.Errorf("%s: want above 0", f.payload)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("--payload: %w", err))
		}
		w.PayloadBytes, w.Sizes = fixed, sizes
	}
	if f.mix != "" {
		if changed("read-share") {
			faults = append(faults, errors.New("--read-share with --mix: want one of them"))
		}
		faults = append(faults, applyMix(w, f.mix))
	}
	return errors.Join(faults...)
}

// mixSlack is how far from 1 the shares of --mix may be in sum.
const mixSlack = 1e-6

// applyMix reads shares such as get=0.5,set=0.5.
func applyMix(w *loadgen.Workload, text string) error {
	w.ReadShare, w.IncrShare, w.CASShare = 0, 0, 0
	set, sum := 0.0, 0.0
	shares := map[string]*float64{"get": &w.ReadShare, "set": &set, "incr": &w.IncrShare, "cas": &w.CASShare}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		share, known := shares[name]
		if !known {
			return fmt.Errorf("--mix: %q: want get, set, incr and cas, each once, such as get=0.5,set=0.5", part)
		}
		delete(shares, name)
		var err error
		if *share, err = strconv.ParseFloat(value, 64); err != nil || !(*share >= 0 && *share <= 1) {
			return fmt.Errorf("--mix: %q: want a share from 0 to 1", part)
		}
		sum += *share
	}
	if sum < 1-mixSlack || sum > 1+mixSlack {
		return fmt.Errorf("--mix: the shares are %v in sum, want 1", sum)
	}
	return nil
}

// flagNames puts the names of flags in the place of those of fields, in errors of the form "Field = value: want ...".
func flagNames(err error) error {
	if err == nil {
		return nil
	}
	flags := map[string]string{
		"Rate": "--rate", "Schedule": "--schedule", "Clients": "--clients", "Duration": "--duration", "Warmup": "--warmup",
		"InflightMax": "--max-inflight", "Timeout": "--timeout", "Keys": "--keys", "KeyDist": "--key-dist",
		"ReadShare": "--read-share", "PayloadBytes": "--payload", "Filler": "--filler", "Spacing": "--spacing",
		"HotShare": "--hot-share", "IncrShare": "--mix: incr", "CASShare": "--mix: cas",
		"InflightMax (Clients when closed) × PayloadBytes": "--max-inflight (--clients when --closed) × --payload",
	}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		field, rest, _ := strings.Cut(line, " = ")
		if flag, ok := flags[field]; ok {
			lines[i] = flag + " = " + rest
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}
