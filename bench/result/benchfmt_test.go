package result_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/resulttest"
)

// columns reads benchmark text as benchstat does and returns the size of each sample: by the value of an axis, and by
// the benchmark with what else is in its name, and the unit.
func columns(t *testing.T, dir, axis string) map[string]map[string]int {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, result.BenchfmtFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	all, err := benchproc.NewFilter("*")
	if err != nil {
		t.Fatal(err)
	}
	var parser benchproc.ProjectionParser
	col, err1 := parser.Parse(axis, all)
	row, unit, err2 := parser.ParseWithUnit(".fullname", all)
	table, err3 := parser.Parse(".config", all)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]int{}
	tables := map[benchproc.Key]bool{}
	reader := benchfmt.NewReader(file, result.BenchfmtFile)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Errorf("benchstat does not read this: %v", record)
		case *benchfmt.Result:
			tables[table.Project(record)] = true
			name := col.Project(record).StringValues()
			if found[name] == nil {
				found[name] = map[string]int{}
			}
			for _, key := range row.ProjectValues(record) {
				found[name][key.StringValues()]++
				if u := key.Get(unit); reader.Units().GetBetter(u) == 0 {
					t.Errorf("nobody says whether more %s are better", u)
				}
			}
		}
	}
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	if len(tables) != 1 {
		t.Errorf("benchstat would make %d tables of one result", len(tables))
	}
	return found
}

// closedResult is a result of closed loops whose arms have names that a benchmark's name cannot have as they are.
func closedResult(dir string) error {
	w, err := result.Create(dir)
	if err != nil {
		return err
	}
	p99 := 900.0
	run := []result.ClosedPoint{
		{Proposers: 1, PayloadBytes: 128, PerS: 1000, N: 5000, P50Us: 400, P99Us: &p99, CPUUsPerOp: 20, AllocsPerOp: 3},
		{Proposers: 64, PayloadBytes: 128, PerS: 9000, N: 5000, P50Us: 700, CPUUsPerOp: 9, AllocsPerOp: 1},
	}
	var arms []result.Arm
	for _, name := range []string{"transport=tcp,disk=a/b, election=12-24", "transport=quic,disk=a/b, election=12-24"} {
		arms = append(arms, result.Arm{
			Name: name, Closed: run, ClosedRuns: [][]result.ClosedPoint{run, run, run},
			Open: []result.OpenPoint{{OfferedPerS: 500, AchievedPerS: 499, P50Us: 300, P99Us: 900, N: 5000}},
		})
	}
	return errors.Join(w.WriteManifest(result.Manifest{Name: "closed: a name\nof two lines"}),
		w.WriteSummary(result.Summary{Verdict: result.VerdictOK, Arms: arms}), w.Close())
}

// benchstat reads all kinds of results without a complaint, knows all units, has the runs as its sample, and tells the
// values of an axis apart.
func TestBenchstatReadsBenchmarkText(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(dir string) error
		axis  string
		arms  []string
		row   string
		n     int
	}{
		{"steady", func(dir string) error { return resulttest.Write(dir, resulttest.Options{Trials: 3, Noops: 1}) },
			"/transport", []string{"quic", "tcp"}, "LeaderKill-2 outage-sec", 3},
		{"closed", closedResult, "/transport", []string{"quic", "tcp"},
			"Closed/disk=a_b/election=12-24/proposers=64/payload=128-1 service-p50-sec", 3},
		{"closed by election", closedResult, "/election", []string{"12-24"},
			"Closed/transport=tcp/disk=a_b/proposers=1/payload=128-1 service-p99-sec", 3},
		{"closed by processors", closedResult, "/gomaxprocs", []string{"1"},
			"Open/transport=tcp/disk=a_b/election=12-24/rate=500 response-p99-sec", 1},
		{"exchange", func(dir string) error { return resulttest.WriteExchange(dir, resulttest.ExchangeOptions{}) },
			"/transport", []string{"quic", "tcp", "tls"}, "Echo/size=64/inflight=1-2 p50-sec", 6},
		{"knee", func(dir string) error { return resulttest.WriteSaturation(dir, resulttest.SaturationOptions{}) },
			"/transport", []string{"quic", "tcp"}, "Knee-2 op/s", 6},
		{"shares", func(dir string) error { return resulttest.WriteSaturation(dir, resulttest.SaturationOptions{}) },
			"/transport", []string{"quic", "tcp"}, "Share/share=0.8-2 response-p99-sec", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "result")
			if err := c.write(dir); err != nil {
				t.Fatal(err)
			}
			found := columns(t, dir, c.axis)
			var arms []string
			for arm, rows := range found {
				arms = append(arms, arm)
				if got := rows[c.row]; got != c.n {
					t.Errorf("%s: %s has %d values, want %d of %v", arm, c.row, got, c.n, rows)
				}
			}
			if slices.Sort(arms); !slices.Equal(arms, c.arms) {
				t.Errorf("columns %q, want %q", arms, c.arms)
			}
		})
	}
}

// Two results of one scenario are one table, so that benchstat compares them: all that differs is in no configuration.
func TestBenchstatComparesTwoSeeds(t *testing.T) {
	config := func(seed uint64) (lines string) {
		dir := filepath.Join(t.TempDir(), "result")
		if err := resulttest.Write(dir, resulttest.Options{Trials: 1, Noops: 1, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, result.BenchfmtFile))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if key, _, ok := strings.Cut(line, ": "); ok && strings.ToLower(key) == key && !strings.Contains(key, " ") {
				lines += line
			}
		}
		return lines
	}
	if a, b := config(1), config(2); a != b || !strings.Contains(a, "verdict: ok\n") {
		t.Errorf("got\n%s\nand\n%s", a, b)
	}
}
