package sim

import (
	"flag"
	"testing"
	"time"
)

var (
	seedsFlag = flag.Int("seeds", 20, "")
	fromFlag  = flag.Uint64("from", 1, "")
)

func TestFirst(t *testing.T) {
	var sum Coverage
	start := time.Now()
	bad := 0
	for i := range *seedsFlag {
		o := Options{Seed: *fromFlag + uint64(i), Duration: 60 * time.Second}
		t0 := time.Now()
		r, err := Run(o)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Since(t0); d > 2*time.Second {
			t.Logf("seed %d took %v, %d events", o.Seed, d, r.Coverage.Events)
		}
		sum.Add(&r.Coverage)
		if r.Violation != nil {
			t.Errorf("seed %d: %.600v\n%s", o.Seed, r.Violation.Error(), o.Command())
			if bad++; bad > 5 {
				break
			}
		}
	}
	took := time.Since(start)
	sum.Print(t.Output())
	t.Logf("%v: %.0f times real time, missing %v", took, sum.Simulated.Seconds()/took.Seconds(), sum.Missing())
}
