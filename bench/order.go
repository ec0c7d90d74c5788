package bench

import "slices"

// slot is one run of one arm.
type slot struct {
	run int // from 1
	arm int
}

// order interleaves the runs of n arms so that a drift of the machine hits all of them alike (rule R18): each round
// runs every arm once; every second round goes backwards (ABBA), and every two rounds start one arm later.
func order(arms, runs int) []slot {
	slots := make([]slot, 0, arms*runs)
	for run := range runs {
		round := make([]slot, arms)
		for i := range arms {
			round[i] = slot{run: run + 1, arm: (i + run/2) % arms}
		}
		if run%2 == 1 {
			slices.Reverse(round)
		}
		slots = append(slots, round...)
	}
	return slots
}
