package bench

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

// One late trial in twenty is said and no more; two are too many, and so is one of a few.
func TestFewLateTrialsAreSaidAndManyAreInvalid(t *testing.T) {
	for _, c := range []struct {
		late, of          int
		invalid, warnings int
	}{{0, 20, 0, 0}, {1, 20, 0, 1}, {2, 20, 2, 0}, {1, 19, 1, 0}, {5, 100, 0, 5}} {
		a := &armRecord{trials: make([]result.Trial, c.of)}
		for range c.late {
			a.lateTrials = append(a.lateTrials, "chaos trial 1: the generator was late")
		}
		invalid, warnings := a.lateness()
		if len(invalid) != c.invalid || len(warnings) != c.warnings {
			t.Errorf("%d of %d: got invalid %q and warnings %q", c.late, c.of, invalid, warnings)
		}
		for _, w := range warnings {
			if !strings.HasPrefix(w, "warning: ") {
				t.Errorf("%q is not a warning", w)
			}
		}
	}
}
