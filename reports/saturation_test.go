package reports_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports"
	"github.com/raftmark/raftmark/reports/resulttest"
)

func writeSaturation(t *testing.T, o resulttest.SaturationOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.WriteSaturation(dir, o); err != nil {
		t.Fatalf("write fixture: %v", err)
	}
	return dir
}

func TestSaturationGolden(t *testing.T) {
	dir := writeSaturation(t, resulttest.SaturationOptions{})
	rendered := renderAll(t, dir)
	compareGolden(t, "saturation.headline.golden.txt", rendered.Headline)
	compareGolden(t, "saturation.golden.md", read(t, rendered.Markdown))
	compareGolden(t, "saturation.golden.svg", read(t, dir, "report", "figures", "saturation.svg"))
	html := read(t, rendered.Page)
	t.Run("needs nothing from elsewhere", func(t *testing.T) { checkSelfContained(t, dir, html) })
}

// A search that the generator ended found no limit of the system: that is said wherever the knee is.
func TestAKneeThatTheGeneratorBoundedIsALowerBound(t *testing.T) {
	rendered := render(t, writeSaturation(t, resulttest.SaturationOptions{LateGenerator: true}))
	text := read(t, rendered.Markdown)
	for _, want := range []string{
		"≥ ", "that is a lower bound, because not the system ended every search (the generator did)",
		"cannot resolve a difference of the knees, one is a lower bound", "the generator was late: send lag p99 90000 µs"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if !strings.Contains(rendered.Headline, "the generator") || rendered.Stamp != "" {
		t.Errorf("got stamp %q and the headline\n%s", rendered.Stamp, rendered.Headline)
	}
	if !strings.Contains(text, "transport=quic (knee: a lower bound)") {
		t.Error("the picture shows a lower bound as a knee")
	}
	plain := read(t, render(t, writeSaturation(t, resulttest.SaturationOptions{})).Markdown)
	if strings.Contains(plain, "lower bound, because") || !strings.Contains(plain, "transport=tcp held more than") {
		t.Error("a search that the system ended is called a lower bound, or its difference is not said")
	}
}

// Few runs have no interval, and decide nothing.
func TestFewRunsHaveNoIntervalOfTheKnee(t *testing.T) {
	rendered := render(t, writeSaturation(t, resulttest.SaturationOptions{Runs: 3}))
	text := read(t, rendered.Markdown)
	if !strings.Contains(text, "A median's interval needs 6 runs an arm; there are 3 and 3") {
		t.Error("three runs decide a difference")
	}
	if !strings.Contains(rendered.Headline, "(runs: ") {
		t.Errorf("the range of the runs is not shown:\n%s", rendered.Headline)
	}
}

func TestAResultWithoutAKneeIsInvalid(t *testing.T) {
	rendered := render(t, writeSaturation(t, resulttest.SaturationOptions{NoKnee: true}))
	if rendered.Stamp != reports.StampInvalid || !strings.Contains(strings.Join(rendered.Reasons, " "), "was not held") {
		t.Errorf("got stamp %q, reasons %q", rendered.Stamp, rendered.Reasons)
	}
	if text := read(t, rendered.Markdown); !strings.Contains(text, "transport=quic held no rate") {
		t.Error("the findings do not say that no rate was held")
	}
}

// What does not fit is refused: a row of no arm, an outcome that does not exist, a knee above the rate that was missed.
func TestBrokenSearchesAreRefused(t *testing.T) {
	knee, next := 900.0, 800.0
	s := result.Summary{Schema: result.SummarySchema, Verdict: result.VerdictOK, Arms: []result.Arm{{
		Name: "a", Saturation: &result.Saturation{
			Runs:   []result.SaturationRun{{Run: 1, KneePerS: &knee, NextPerS: &next, Bound: "nobody"}},
			Points: []result.SaturationPoint{{OfferedPerS: 800, P50Us: 5, P99Us: 4}, {OfferedPerS: 500}},
		},
	}}}
	err := s.Validate()
	for _, want := range []string{
		`bound: "nobody"`, "the knee is not below", "p99_us: 4 is below p50 5", "offered_per_s: 500 is not above 800",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for want, edit := range map[string][2]string{
		"outcome": {",held,", ",kept,"}, "phase": {",search,", ",find,"}, "no arm": {"transport=quic", "transport=ipx"},
	} {
		dir := writeSaturation(t, resulttest.SaturationOptions{Runs: 1})
		path := filepath.Join(dir, result.SaturationFile)
		text := read(t, path)
		if !strings.Contains(text, edit[0]) {
			t.Fatalf("%s has no %q", result.SaturationFile, edit[0])
		}
		if err := errors.Join(os.WriteFile(path, []byte(strings.ReplaceAll(text, edit[0], edit[1])), 0o644),
			os.Remove(filepath.Join(dir, result.ChecksumsFile))); err != nil {
			t.Fatal(err)
		}
		if _, err := result.Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want an error about %s", edit, err, want)
		}
	}
}
