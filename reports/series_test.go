package reports

import (
	"math"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/plot"
)

// A bin of 10 ms has too few operations for a p99: what is drawn is the slowest one, and is called so.
func TestColumnsDrawTheSlowestOperation(t *testing.T) {
	a := &armStudy{bins: []result.TimelineBin{
		{StartUs: 0, WidthUs: 10_000, OK: 15, P50Us: 900, P99Us: -1, MaxUs: 4000},
		{StartUs: 10_000, WidthUs: 10_000, OK: 15, P50Us: 1000, P99Us: -1, MaxUs: 7000},
		{StartUs: 20_000, WidthUs: 10_000, P50Us: -1, P99Us: -1, MaxUs: -1},
	}}
	got := a.column(0, 3)
	if got.HighUs != 7000 || got.MidUs < 900 || got.MidUs > 1000 {
		t.Errorf("got %+v, want the slowest, 7 ms, above a median of about 1 ms", got)
	}
}

// Trap T10: a time without completions is drawn as zero acknowledged operations, with no response time: neither left
// out nor joined across. So is a time without bins, where nothing is known.
func TestOutageIsDrawnAndNotJoinedAcross(t *testing.T) {
	bin := func(start, ok int64) result.TimelineBin {
		b := result.TimelineBin{StartUs: start, WidthUs: 10_000, Offered: 10, OK: ok, P50Us: 900, P99Us: -1, MaxUs: 4000}
		if ok == 0 {
			b.P50Us, b.MaxUs = -1, -1
		}
		return b
	}
	a := &armStudy{bins: []result.TimelineBin{
		bin(0, 10), bin(10_000, 0), bin(20_000, 0), bin(30_000, 20), // an outage
		bin(90_000, 10), // 50 ms that were not recorded
	}}
	points := a.columns(1)
	if len(points) != 6 {
		t.Fatalf("got %d columns, want one for each bin and one for the gap", len(points))
	}
	at := 0.0
	for i, p := range points {
		if math.Abs(p.StartS-at) > 1e-9 {
			t.Errorf("column %d starts at %v s, want %v: no time may be left out", i, p.StartS, at)
		}
		at = p.StartS + p.WidthS
	}
	for _, i := range []int{1, 2} {
		if p := points[i]; p.OKPS != 0 || p.OfferedPS != 1000 || !math.IsNaN(p.MidUs) || !math.IsNaN(p.HighUs) {
			t.Errorf("in the outage: %+v, want 1000/s offered, none acknowledged, no response time", p)
		}
	}
	if gap := points[4]; !math.IsNaN(gap.OKPS) || !math.IsNaN(gap.OfferedPS) || !math.IsNaN(gap.MidUs) {
		t.Errorf("where nothing was recorded: %+v, want nothing drawn", gap)
	}
}

// The band ends where the shortest run has too few operations, and lies around what all runs together have.
func TestBandIsFromTheLowestToTheHighestRun(t *testing.T) {
	a := &armStudy{}
	for run, n := range []int{1000, 100, 1000} {
		for i := range n {
			op := result.OpRow{SampledOneIn: 1, Outcome: "ok"}
			a.calmOfRun(run).add(&op, float64(100*(run+1))+float64(i)/float64(n))
		}
	}
	band := runBand(a.calmRuns)
	if len(band) != len(plot.SpectrumQuantiles(100)) {
		t.Fatalf("got %d percentiles, want those of the shortest run", len(band))
	}
	for _, r := range band {
		if r.LowUs < 100 || r.LowUs > 101 || r.HighUs < 300 || r.HighUs > 301 {
			t.Errorf("got %+v, want from the first run to the third", r)
		}
	}
	if runBand(a.calmRuns[:1]) != nil {
		t.Error("a single run has a band")
	}
}
