package allocation

import (
	"fmt"
	"testing"
)

// recorder is a testing.TB that keeps what would fail it.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestAtMostFindsWhatIsAllocated(t *testing.T) {
	if raceEnabled {
		t.Log("nothing is counted under the race detector")
		return
	}
	var kept []byte
	for _, c := range []struct {
		name        string
		size, limit int
		many, fails bool
	}{
		{"nothing", 0, Slack, false, false},
		{"one large object", 1 << 20, Slack, false, true},
		{"one large object within its limit", 1 << 20, 1<<20 + Slack, false, false},
		{"many small objects", 100 << 10, Slack, true, true},
		{"little", 1 << 10, 4 << 10, false, false},
		{"little, above a small limit", 16 << 10, 4 << 10, true, true},
	} {
		r := &recorder{TB: t}
		AtMost(r, c.limit, func() {
			step := c.size
			if c.many {
				step = 64
			}
			for n := 0; n < c.size; n += step {
				kept = make([]byte, step)
			}
		})
		if failed := len(r.errors) > 0; failed != c.fails {
			t.Errorf("%s: %q, want a failure: %v", c.name, r.errors, c.fails)
		}
	}
	_ = kept
}
