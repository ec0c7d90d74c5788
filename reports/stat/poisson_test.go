package stat_test

import (
	"math"
	"testing"

	"github.com/raftmark/raftmark/reports/stat"
)

// The intervals are those of the usual tables (Garwood 1936).
func TestPoissonInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
	}{{0, 0, 3.689}, {1, .0253, 5.572}, {10, 4.795, 18.390}, {100, 81.364, 121.627}} {
		low, high := stat.Poisson(c.n)
		if math.Abs(low-c.low) > .001 || math.Abs(high-c.high) > .001 {
			t.Errorf("%d events: got [%.4f, %.4f], want [%v, %v]", c.n, low, high, c.low, c.high)
		}
	}
}
