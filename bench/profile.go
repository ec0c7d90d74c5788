package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/fault"
)

// Profile is how many trials of each fault an arm has, and over how many runs they are spread.
type Profile struct {
	Name string
	// Trials are those of each fault and arm, over all runs; of the control there is a tenth.
	Trials int
	// Runs is on how many fresh clusters.
	Runs int
}

// Profiles returns the profiles: 10 trials have a median, 100 a p95, and 1000 a p99, like Figure 16 of the paper.
func Profiles() []Profile {
	return []Profile{{"quick", 10, 2}, {"standard", 100, 5}, {"paper", 1000, 20}}
}

// UseProfile sets the trials of all faults and the runs from the profile of that name.
func (s *Scenario) UseProfile(name string) error {
	var names []string
	for _, p := range Profiles() {
		names = append(names, p.Name)
		if p.Name != name {
			continue
		}
		if len(s.Faults) == 0 {
			return fmt.Errorf("profile %s: must be left out of a scenario without faults", name)
		}
		s.Faults, s.Runs = slices.Clone(s.Faults), p.Runs
		for i := range s.Faults {
			s.Faults[i].Trials = p.Trials / p.Runs
			if s.Faults[i].Kind == fault.NoOp {
				s.Faults[i].Trials = max(1, p.Trials/p.Runs/10)
			}
		}
		return nil
	}
	return fmt.Errorf("profile %q: must be one of %s", name, strings.Join(names, ", "))
}
