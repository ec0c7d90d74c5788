package election

import (
	"os"
	"sort"
	"strings"
	"testing"
	"time"
)

func TestProbe(t *testing.T) {
	o := Options{Trials: 60, Hours: 1, TrialMax: 20 * time.Second}.WithDefaults()
	for _, a := range o.arms() {
		if !strings.Contains(a.Name, os.Getenv("ARM")) {
			continue
		}
		begin := time.Now()
		var v []float64
		none := 0
		terms := 0
		n := o.TrialsOf(a)
		for i := range n {
			x, err := runTrial(a, o, seedOf(1, a.Name, i))
			if err != nil {
				t.Fatal(err)
			}
			if !x.Elected() {
				none++
				continue
			}
			terms += x.Terms
			v = append(v, float64(x.Elect)/1e6)
		}
		sort.Float64s(v)
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		if len(v) > 0 {
			t.Logf("%-70s n=%d none=%d min %.0f p50 %.0f mean %.0f max %.0f terms %.2f  (%v/trial)", a.Name, n, none, v[0], v[len(v)/2], sum/float64(len(v)), v[len(v)-1], float64(terms)/float64(len(v)), time.Since(begin)/time.Duration(n))
		} else {
			t.Logf("%s none %d", a.Name, none)
		}
	}
}
func TestSteadyProbe(t *testing.T) {
	o := Options{Trials: 60, Hours: 1, TrialMax: 20 * time.Second}.WithDefaults()
	for _, a := range o.steadyArms() {
		if !strings.Contains(a.Name, os.Getenv("ARM")) {
			continue
		}
		begin := time.Now()
		h, err := runHour(a, o, time.Hour, 1)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s %+v %v", a.Name, h, time.Since(begin))
	}
}
