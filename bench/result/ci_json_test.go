package result

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// The files have the form that actions read: a list of name, unit and value, every name once, and no figure of a result
// that does not hold.
func TestCIEntries(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	arm := Arm{
		Name:   "transport=tcp",
		Steady: &Steady{ResponseUs: Quantiles{N: 100, P50: f(900)}}, // p99: the sample is too small
		Closed: []ClosedPoint{{Proposers: 8, PayloadBytes: 128, PerS: 5000, N: 1000, P50Us: 1500, P99Us: f(4000)}},
		Faults: []FaultSummary{{Kind: KindLeaderKill, Trials: 10, OutageMs: Quantiles{N: 10, P50: f(310)}}},
	}
	read := func(verdict Verdict, name string) (entries []map[string]any) {
		w, err := Create(filepath.Join(t.TempDir(), "r"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteSummary(Summary{Verdict: verdict, Arms: []Arm{arm}}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(w.Dir(), name))
		if err == nil {
			err = json.Unmarshal(data, &entries)
		}
		if err != nil || entries == nil {
			t.Fatalf("%s: %v in %s", name, err, data)
		}
		return entries
	}
	for name, want := range map[string]map[string]float64{
		SmallerIsBetterFile: {
			"transport=tcp / response p50":                     900,
			"transport=tcp / 8 proposers, 128 B / service p50": 1500,
			"transport=tcp / 8 proposers, 128 B / service p99": 4000,
			"transport=tcp / leader-kill / outage p50":         310,
		},
		BiggerIsBetterFile: {"transport=tcp / 8 proposers, 128 B / rate": 5000},
	} {
		got := read(VerdictOK, name)
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		for _, e := range got {
			label, _ := e["name"].(string)
			unit, _ := e["unit"].(string)
			if e["value"] != want[label] || unit == "" {
				t.Errorf("%s: got %v, want %v", name, e, want[label])
			}
		}
		if got := read(VerdictInvalid, name); len(got) != 0 {
			t.Errorf("%s of an invalid result: %v", name, got)
		}
	}
}
