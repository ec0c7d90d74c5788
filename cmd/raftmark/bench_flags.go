package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench"
)

// scenario loads a scenario and overrides it with the flags that were given.
func (f *benchFlags) scenario(cmd *cobra.Command, name string) (bench.Scenario, error) {
	s, err := bench.LoadScenario(name)
	if err != nil {
		return s, err
	}
	if err := f.override(cmd, &s); err != nil {
		return s, err
	}
	if err := s.Validate(); err != nil {
		return s, err
	}
	_, err = bench.Arms(s)
	return s, err
}

func (f *benchFlags) override(cmd *cobra.Command, s *bench.Scenario) error {
	given := cmd.Flags().Changed
	var faults []error
	for _, text := range []struct{ flag, key, value string }{
		{"rate", "rate", f.rate}, {"payload", "payload", f.payload}, {"timeout", "timeout", f.timeout},
		{"schedule", "schedule", f.schedule},
	} {
		if !given(text.flag) {
			continue
		}
		delete(s.Axes, text.key)
		if err := s.Set(text.key, text.value); err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", text.flag, err))
		}
	}
	faults = append(faults, f.overrideTimes(cmd, s)...)
	if given("clients") && s.Exchange != nil {
		s.Exchange.InFlight = f.clients
	} else if given("clients") && s.Closed == nil {
		faults = append(faults, errors.New("--clients: must be left out of a scenario without a closed section: "+
			"its load is an open loop, see --rate"))
	} else if given("clients") {
		s.Closed.Proposers = f.clients
	}
	if given("profile") {
		if err := s.UseProfile(f.profile); err != nil {
			faults = append(faults, fmt.Errorf("--profile: %w", err))
		}
	}
	if given("runs") {
		s.Runs = f.runs
	}
	if given("max-inflight") {
		s.Load.MaxInflight = f.maxInflight
	}
	if given("seed") {
		s.Seed = f.seed
	}
	if given("trials") {
		for i := range s.Faults {
			s.Faults[i].Trials = f.trials
		}
	}
	for _, axis := range f.axes {
		if err := s.Axis(axis); err != nil {
			faults = append(faults, fmt.Errorf("-L %s: %w", axis, err))
		}
	}
	return errors.Join(faults...)
}

// overrideTimes sets how long the phases are that the scenario has.
func (f *benchFlags) overrideTimes(cmd *cobra.Command, s *bench.Scenario) (faults []error) {
	given := cmd.Flags().Changed
	duration := func(flag, value string, into ...*bench.Duration) {
		if !given(flag) {
			return
		}
		parsed, err := time.ParseDuration(value)
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s %q: must be a duration such as 10s", flag, value))
		}
		for _, d := range into {
			*d = bench.Duration(parsed)
		}
	}
	if x := s.Exchange; x != nil {
		duration("duration", f.duration, &x.Duration)
		duration("warmup", f.warmup, &x.Warmup)
	} else if s.Closed != nil {
		duration("duration", f.duration, &s.Closed.Duration)
		duration("warmup", f.warmup, &s.Closed.Warmup)
	} else if o := s.Saturation; o != nil {
		duration("duration", f.duration, &o.Hold, &o.ShareHold)
		duration("warmup", f.warmup, &o.Warmup)
		if given("rate") {
			faults = append(faults, errors.New("--rate: must be left out of a search for the knee, which chooses the rates"))
		}
	} else {
		duration("duration", f.duration, &s.Steady)
		duration("warmup", f.warmup, &s.Warmup)
	}
	return faults
}

func parseLabels(pairs []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--label %q: must be key=value", pair)
		}
		labels[key] = value
	}
	return labels, nil
}
