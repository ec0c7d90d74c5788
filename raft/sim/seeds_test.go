package sim

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	seedsFlag   = flag.Int("seeds", 500, "simulated runs")
	fromFlag    = flag.Uint64("from", 1, "seed of the first one")
	secondsFlag = flag.Float64("seconds", 60, "virtual seconds of each")
)

// TestSeeds is the gate: no violation in many runs, which must have exercised every class of trouble.
func TestSeeds(t *testing.T) {
	o := CampaignOptions{
		From: *fromFlag, Seeds: *seedsFlag, Run: Options{Duration: time.Duration(*secondsFlag * float64(time.Second))},
	}
	if raceEnabled || testing.Short() {
		o.Seeds, o.Run.Duration = min(o.Seeds, 30), min(o.Run.Duration, 10*time.Second)
	}
	sum, err := Campaign(t.Context(), o, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range sum.Failures {
		reportFailure(t, f)
	}
	if err := sum.Coverage.Print(t.Output()); err != nil {
		t.Error(err)
	}
	t.Logf("%v: %.0f times real time", sum.Took, sum.Coverage.Simulated.Seconds()/sum.Took.Seconds())
	if missing := sum.Coverage.Missing(); len(missing) > 0 && len(sum.Failures) == 0 && o.Seeds >= 50 {
		t.Errorf("never exercised: %s", strings.Join(missing, ", "))
	}
}

func reportFailure(t *testing.T, f Result) {
	t.Helper()
	small, runs, err := Shrink(context.WithoutCancel(t.Context()), f)
	if err != nil {
		t.Error(err)
	}
	t.Errorf("seed %d: %v\nafter %d runs to shrink it: %v\n%s\n%s", f.Options.Seed, f.Violation, runs, small.Violation,
		strings.Join(small.Tail, "\n"), small.Options.Command())
}

// TestSameSeedSameRun is the simulator's own promise: a run depends on its options alone.
func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(20) {
		o := Options{Seed: 100 + seed, Duration: 5 * time.Second}
		first, err := Run(o)
		if err != nil {
			t.Fatal(err)
		}
		if seed%2 == 0 { // a trace changes nothing
			o.Trace = func(string) {}
		}
		second, err := Run(o)
		if err != nil {
			t.Fatal(err)
		}
		if first.Hash != second.Hash || first.Coverage.Events != second.Coverage.Events {
			t.Errorf("seed %d: got hashes %#x and %#x, want them equal", o.Seed, first.Hash, second.Hash)
		}
	}
}

// TestRegressions runs again what once failed.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/regressions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("got files %v, %v; want some", files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			o, err := ReadOptions(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			r, err := Run(o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Violation != nil {
				t.Errorf("%v\n%s", r.Violation, o.Command())
			}
		})
	}
}

// TestCrashAtEveryPoint crashes a scripted history of 200 operations at every point where something becomes durable:
// before, in the middle and after; one server and all.
func TestCrashAtEveryPoint(t *testing.T) {
	calm, points := RunCrashPoint(7, CrashPoint{}, nil)
	if calm.Violation != nil {
		t.Fatal(calm.Violation)
	}
	if c := calm.Coverage; c.Outcomes[ok] < 100 || c.Compactions == 0 || c.SnapshotsInstalled == 0 {
		t.Fatalf("the history has %d operations, %d compactions, %d installed snapshots; want at least 100, 1, 1",
			c.Outcomes[ok], c.Compactions, c.SnapshotsInstalled)
	}
	stride := 1
	if raceEnabled || testing.Short() {
		stride = 37
	}
	var list []CrashPoint
	for n := 1; n <= points; n += stride {
		for _, mode := range []CrashMode{CrashBefore, CrashTorn, CrashAfter} {
			list = append(list, CrashPoint{n, mode, false}, CrashPoint{n, mode, true})
		}
	}
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range 2 {
		workers.Go(func() {
			for {
				mu.Lock()
				if len(list) == 0 || t.Failed() {
					mu.Unlock()
					return
				}
				at := list[0]
				list = list[1:]
				mu.Unlock()
				if r, _ := RunCrashPoint(7, at, nil); r.Violation != nil || r.Coverage.CrashPoints != 1 {
					t.Errorf("%v: %d crashes, %v", at, r.Coverage.CrashPoints, r.Violation)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d points of persistence", points)
}
