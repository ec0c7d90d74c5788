package result

import (
	"encoding/json"
	"strings"
	"testing"
)

// A value whose sample is too small is null in summary.json, and there: a reader need not know which fields may lack.
func TestQuantilesOfASmallSampleAreNull(t *testing.T) {
	text, err := json.Marshal(Quantiles{N: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"n":3,"min":null,"p50":null,"p90":null,"p95":null,"p99":null,"p999":null,"max":null}`
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

// What was not observed is no number for benchstat to average.
func TestBenchfmtLeavesOutWhatWasNotObserved(t *testing.T) {
	var b strings.Builder
	trials := []Trial{
		{Arm: "transport=tcp", Kind: "leader-kill", OutageMs: 300, LeaderlessMs: 290},
		{Arm: "transport=tcp", Kind: "leader-kill", OutageMs: 900, LeaderlessMs: -1},
	}
	if err := writeBenchfmt(&b, Manifest{}, Summary{Arms: []Arm{{Name: "transport=tcp"}}}, trials); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Count(text, " leaderless-sec\n") != 1 || strings.Contains(text, "-0.001") {
		t.Errorf("got\n%s", text)
	}
}
