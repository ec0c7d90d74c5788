package workloads

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/loadgen"
)

func TestPresetsHaveTheMixesOfTheirNames(t *testing.T) {
	presets, err := Presets()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]loadgen.Workload{
		"ycsb-a": {ReadShare: 0.5, KeyDist: loadgen.KeysZipfian},
		"ycsb-b": {ReadShare: 0.95, KeyDist: loadgen.KeysZipfian},
		"ycsb-c": {ReadShare: 1, KeyDist: loadgen.KeysZipfian},
		"ycsb-d": {ReadShare: 0.95, KeyDist: loadgen.KeysLatest},
		"ycsb-f": {ReadShare: 0.5, CASShare: 0.5, KeyDist: loadgen.KeysZipfian},
	}
	sets := map[string]float64{"ycsb-a": 0.5, "ycsb-b": 0.05, "ycsb-c": 0, "ycsb-d": 0.05, "ycsb-f": 0}
	for _, p := range presets {
		w, ok := want[p.Name]
		got := p.Workload
		if !ok || got.ReadShare != w.ReadShare || got.CASShare != w.CASShare || got.KeyDist != w.KeyDist ||
			math.Abs(got.SetShare()-sets[p.Name]) > 1e-9 || !got.Preload || got.PayloadBytes != 1000 {
			t.Errorf("%s: %+v", p.Name, got)
		}
		if !strings.HasPrefix(p.Description, "YCSB "+strings.ToUpper(p.Name[5:])) {
			t.Errorf("%s: described as %q", p.Name, p.Description)
		}
		if loaded, err := Load(p.Name); err != nil || loaded.KeyDist != got.KeyDist {
			t.Errorf("%s: loaded as %+v, %v", p.Name, loaded, err)
		}
	}
	if len(presets) != len(want) {
		t.Errorf("%d presets, want %d", len(presets), len(want))
	}
}

func TestFileSaysTheWholeWorkload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "w.yaml")
	text := `
mix: {get: 0.4, set: 0.3, incr: 0.2, cas: 0.1}
keys: 77
key_dist: uniform
hot_share: 0.25
sizes: 64B..4KiB
filler: text
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if w.ReadShare != 0.4 || w.IncrShare != 0.2 || w.CASShare != 0.1 || w.Keys != 77 || w.HotShare != 0.25 ||
		w.Sizes.Dist != loadgen.SizesUniform || w.Sizes.Max != 4096 || w.Filler != loadgen.FillerText {
		t.Errorf("%+v", w)
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "empty",
		"mixture: {get: 1}":                `w:1: unknown field "mixture"`,
		"keys: 5\nmix: {scan: 1}":          `w:2: unknown field "scan"`,
		"mix: {get: 0.5}":                  "the shares are 0.5 in sum",
		"mix: {get: 1.5, set: -0.5}":       "mix.set = -0.5",
		"mix: {get: .nan, set: 1}":         "in sum",
		"keys: 0":                          "keys = 0",
		"keys: many":                       "w:1:",
		"zipf_s: 0.99":                     "zipf_s = 0.99",
		"key_dist: odd":                    `KeyDist = "odd"`,
		"filler: odd":                      `Filler = "odd"`,
		"sizes: 3B":                        "PayloadBytes = 3",
		"sizes: 0B":                        "sizes = 0B",
		"sizes: large":                     `sizes "large"`,
		"sizes: 64B..16B":                  "Sizes.Min = 64",
		"sizes: lognormal(128B,9,1KiB)":    "Sizes.Sigma = 9",
		"hot_share: 0.5\nkey_dist: latest": "HotShare = 0.5",
	} {
		if _, err := Parse("w", []byte(text)); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %q on one line", text, err, want)
		}
	}
	if _, err := Load("ycsb-e"); err == nil || !strings.Contains(err.Error(), "ycsb-a, ycsb-b") {
		t.Errorf("ycsb-e: got %v", err)
	}
	if _, err := Load("/nowhere/w.yaml"); err == nil {
		t.Error("a file that is not there was read")
	}
}
