package bench

import (
	"time"

	"github.com/raftmark/raftmark/bench/fault"
)

// calibrateEachDefault is the time for each of the calibrations, of which there are calibrations.
const (
	calibrateEachDefault = 800 * time.Millisecond
	calibrations         = 5
)

// Planned estimates how long the scenario takes on a machine that is fast enough for it: all arms and runs, with the
// calibration. systems are those that the runner has beside its own. It is 0 when the scenario has no valid arms.
func (s Scenario) Planned(systems ...string) time.Duration {
	arms, err := Arms(s, systems...)
	if err != nil {
		return 0
	}
	total := calibrationPlanned(arms)
	for _, arm := range arms {
		total += time.Duration(s.Runs) * arm.Scenario.plannedRun()
	}
	return total
}

// plannedRun estimates one run of an arm.
func (s Scenario) plannedRun() time.Duration {
	const (
		overhead = 6 * time.Second // boot, drain, checks
		election = time.Second     // of a kill: the outage, the restart
	)
	switch {
	case s.Exchange != nil:
		return s.Exchange.planned()
	case s.Closed != nil:
		return overhead + s.inprocPlanned()
	case s.Saturation != nil:
		return overhead + s.Saturation.planned()
	}
	one := overhead + time.Duration(s.Warmup+s.Steady)
	if s.Course != nil {
		one += s.Course.planned()
	}
	for _, plan := range s.Faults {
		each := time.Duration(s.Trial.Settle+s.Trial.Watch) + election + fault.Of(plan.Kind).StepsTake(s.Nodes)
		one += time.Duration(plan.Trials) * each
	}
	return one
}
