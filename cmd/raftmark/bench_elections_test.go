package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/election"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The study at toy size, twice: its numbers, and the report's figures, are the same bytes, and the tables are those in
// testdata.
func TestElectionsRepeatByteByByte(t *testing.T) {
	var dirs []string
	var headline string
	for _, workers := range []int{1, 2} {
		dir := filepath.Join(t.TempDir(), "result")
		_, err := bench.RunElections(t.Context(), bench.ElectionOptions{Dir: dir, Study: election.Options{
			Seed: 3, Trials: 8, TrialsWithoutRandomness: 1, Hours: 1, HourLength: time.Minute, TrialMax: 2 * time.Second,
			Workers: workers,
		}})
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := reports.Render(dir)
		if err != nil {
			t.Fatal(err)
		}
		headline = rendered.Headline
		dirs = append(dirs, dir)
	}
	for _, name := range []string{
		result.ElectionsFile, result.ElectionsTrialsFile, result.ElectionsHoursFile, result.SummaryFile,
		"report/figures/figure-16.svg", "report/figures/figure-16-product.csv", "report/figures/rules.svg",
		"report/figures/frontier.svg",
	} {
		first, second := readFile(t, filepath.Join(dirs[0], name)), readFile(t, filepath.Join(dirs[1], name))
		if len(first) == 0 || !bytes.Equal(first, second) {
			t.Errorf("%s: differs, or is empty", name)
		}
	}
	golden := filepath.Join("testdata", "elections.golden.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(headline), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A run is that of one processor architecture: floating point draws times.
	if want := readFile(t, golden); runtime.GOARCH == "amd64" && headline != string(want) {
		t.Errorf("got\n%s\nwant\n%s", headline, want)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestElectionsFlagsAreChecked(t *testing.T) {
	for _, args := range [][]string{
		{"--trials", "0"}, {"--hours", "-1"}, {"--tick", "3ms"}, {"--label", "x"}, {"stray"}, {"--trials", "many"},
	} {
		var out, errs bytes.Buffer
		all := append([]string{"bench", "elections", "-o", t.TempDir()}, args...)
		if code := run(t.Context(), all, &out, &errs); code != 2 {
			t.Errorf("%v: got exit code %d, want 2: %s", args, code, errs.String())
		}
	}
}
