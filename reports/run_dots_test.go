package reports_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/reports/resulttest"
)

func TestEachRunIsADot(t *testing.T) {
	dir := write(t, resulttest.Options{Trials: 2, Noops: 1, RatePS: 400, SteadyS: 6, Runs: 6})
	render(t, dir)
	compareGolden(t, "run-to-run.golden.svg", read(t, dir, "report", "figures", "run-to-run.svg"))
	data := read(t, dir, "report", "figures", "run-to-run.csv")
	if got, want := strings.Count(data, "\n"), 1+2*2*6; got != want {
		t.Errorf("got %d lines of data, want %d: a head, and one for each metric, arm and run\n%s", got, want, data)
	}
}

func TestOneRunHasNoSpread(t *testing.T) {
	dir := write(t, resulttest.Options{Trials: 2, Noops: 1, Runs: 1})
	render(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "report", "figures", "run-to-run.svg")); !os.IsNotExist(err) {
		t.Errorf("got %v, want no figure of a single run", err)
	}
	if strings.Contains(read(t, dir, "report", "figures", "percentiles.csv"), "lowest run") {
		t.Error("a single run has a band")
	}
}
