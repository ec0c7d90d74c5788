package bench

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/loadgen"
)

// What happened to the generator's own process is a condition of each run (rule R16), and is of its run.
func TestSteadyGatesOnTheGeneratorsProcess(t *testing.T) {
	for name, c := range map[string]struct {
		self loadgen.Self
		want string
	}{
		"calm":    {loadgen.Self{GCPauses: 200, GCPauseP99Us: 300, GCPauseMaxUs: 900, ClockStepUs: 40}, ""},
		"garbage": {loadgen.Self{GCPauses: 200, GCPauseP99Us: 4000, GCPauseMaxUs: 9000}, "run 2: garbage collection stopped"},
		"clock":   {loadgen.Self{ClockStepUs: -3e6}, "run 2: the wall clock moved by -3000 ms"},
	} {
		s := newSteadyStats()
		entries := ops(0, 4000*ms, func(*loadgen.Entry) {})
		s.add(1, entries, 0, 4000*ms, &loadgen.Self{})
		s.add(2, entries, 0, 4000*ms, &c.self)
		_, invalid := s.summary()
		text := strings.Join(invalid, "\n")
		if c.want == "" && text != "" || !strings.Contains(text, c.want) || strings.Contains(text, "run 1:") {
			t.Errorf("%s: got %q, want %q", name, text, c.want)
		}
	}
}
