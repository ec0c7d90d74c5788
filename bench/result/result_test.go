package result_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/resulttest"
)

func fixture(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.Write(dir, resulttest.Options{Trials: 3, Noops: 1}); err != nil {
		t.Fatalf("write fixture: %v", err)
	}
	return dir
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	w, err := result.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	p50 := 1.5
	trials := []result.Trial{{Arm: "a,\"b\"", Kind: "leader-kill", Trial: 1, Node: 1<<64 - 1, InjectUs: 7, LastAckUs: -1,
		OutageMs: 0.1}}
	ops := []result.OpRow{
		{Arm: "a,\"b\"", Kind: "get", IntendedUs: 1, SentUs: 2, DoneUs: 3, Outcome: "ok", Attempts: 1, SampledOneIn: 1},
		{Arm: "a,\"b\"", Kind: "set", IntendedUs: 2, SentUs: -1, DoneUs: -1, Outcome: "shed", SampledOneIn: 9},
	}
	bins := []result.TimelineBin{{Arm: "a,\"b\"", WidthUs: 10, Phase: "steady"}, {Arm: "a,\"b\"", StartUs: 10,
		WidthUs: 10}}
	events := []result.Event{{Arm: "a,\"b\"", TimeUs: 4, Node: 2, Kind: "leader", Note: "line\nbreak"}}
	for _, err := range []error{
		w.WriteManifest(result.Manifest{Name: "x", Seed: 1<<64 - 1}),
		w.WriteScenario([]byte("name: x\n")),
		w.WriteTrials(trials),
		w.WriteTimeline(bins),
		w.WriteEvents(events),
		w.WriteStages(nil),
		w.WriteOps(slices.Values(ops)),
		w.WriteSummary(result.Summary{Verdict: result.VerdictOK, Arms: []result.Arm{{
			Name: "a,\"b\"",
			Faults: []result.FaultSummary{{
				Kind: "leader-kill", Trials: 1, OutageMs: result.Quantiles{N: 1, Min: &p50},
			}},
		}}}),
		w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Manifest.Seed, uint64(1<<64-1); got != want {
		t.Errorf("seed: got %d, want %d", got, want)
	}
	if !slices.Equal(r.Trials, trials) {
		t.Errorf("trials: got %+v, want %+v", r.Trials, trials)
	}
	if !slices.Equal(r.Timeline, bins) {
		t.Errorf("timeline: got %+v, want %+v", r.Timeline, bins)
	}
	if !slices.Equal(r.Events, events) {
		t.Errorf("events: got %+v, want %+v", r.Events, events)
	}
	if got, want := r.Missing, []string{result.CalibrationFile}; !slices.Equal(got, want) {
		t.Errorf("missing: got %v, want %v", got, want)
	}
	var got []result.OpRow
	for row, err := range r.Ops() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	if !slices.Equal(got, ops) {
		t.Errorf("ops: got %+v, want %+v", got, ops)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v %v", left, err)
	}
}

func TestCreateRefusesAnOccupiedDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := result.Create(dir); err == nil || !strings.Contains(err.Error(), "mine.txt") {
		t.Errorf("got %v, want an error that names mine.txt", err)
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	edit := func(name, old, replacement string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			change(t, dir, name, func(data []byte) []byte {
				if !bytes.Contains(data, []byte(old)) {
					t.Fatalf("%s does not contain %q", name, old)
				}
				return bytes.Replace(data, []byte(old), []byte(replacement), 1)
			})
		}
	}
	cut := func(name string, keep func(n int) int) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			change(t, dir, name, func(data []byte) []byte { return data[:keep(len(data))] })
		}
	}
	for _, c := range []struct {
		name string
		keep bool // keep SHA256SUMS
		do   func(t *testing.T, dir string)
		want []string
	}{
		{"no manifest", true, remove(result.ManifestFile), []string{"manifest.json is missing"}},
		{"no summary", true, remove(result.SummaryFile), []string{"summary.json is missing"}},
		{"listed file gone", true, remove(result.StagesFile), []string{"stages.csv: missing"}},
		{"changed by hand", true, edit(result.TrialsFile, "leader-kill", "leader-kiss"),
			[]string{"trials.csv: truncated or changed", "SHA256SUMS"}},
		{"trials gone", false, remove(result.TrialsFile), []string{"trials.csv: 0 trials of leader-kill", "counts 3"}},
		{"cut inside a number", false, cut(result.TrialsFile, func(n int) int { return n - 2 }),
			[]string{"trials.csv line 9", "truncated"}},
		{"cut inside a row", false, cut(result.TimelineFile, func(n int) int { return n - 30 }),
			[]string{"timeline.csv line", "truncated"}},
		{"empty file", false, cut(result.TimelineFile, func(int) int { return 0 }), []string{"timeline.csv line 1", "empty"}},
		{"foreign csv", false, func(t *testing.T, dir string) {
			t.Helper()
			change(t, dir, result.TrialsFile, func([]byte) []byte { return []byte("a,b\n1,2\n") })
		}, []string{"trials.csv line 1, arm: column is missing"}},
		{"column gone", false, edit(result.TrialsFile, "inject_us", "injected"),
			[]string{"trials.csv line 1, inject_us: column is missing"}},
		{"not a number", false, edit(result.TrialsFile, "leader-kill,1,", "leader-kill,one,"),
			[]string{"trials.csv line 3, trial:", `"one" is not a whole number`}},
		{"unknown arm", false, edit(result.TimelineFile, "transport=tcp,", "transport=dcp,"),
			[]string{"timeline.csv line 2, arm:", "transport=dcp"}},
		{"foreign summary", false, edit(result.SummaryFile, `"raftmark.summary/1"`, `"speedtest/1"`),
			[]string{"summary.json, schema: unknown schema", "speedtest/1"}},
		{"later major", false, edit(result.SummaryFile, `"raftmark.summary/1"`, `"raftmark.summary/2"`),
			[]string{"unknown schema", "raftmark.summary/2", "this version reads"}},
		{"wrong type", false, edit(result.SummaryFile, `"achieved_per_s": 200`, `"achieved_per_s": "200"`),
			[]string{"summary.json line", "achieved_per_s"}},
		{"cut summary", false, cut(result.SummaryFile, func(n int) int { return n / 2 }),
			[]string{"summary.json line", "unexpected end"}},
		{"no verdict", false, edit(result.SummaryFile, `"ok"`, `"fine"`), []string{"verdict", "fine"}},
		{"cut events", false, cut(result.EventsFile, func(n int) int { return n - 1 }),
			[]string{"events.jsonl line", "truncated"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := fixture(t)
			if !c.keep {
				remove(result.ChecksumsFile)(t, dir)
			}
			c.do(t, dir)
			_, err := result.Open(dir)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to contain %q", err, want)
				}
			}
		})
	}
}

func TestOpenAcceptsALaterMinorAndFurtherFields(t *testing.T) {
	dir := fixture(t)
	remove(result.ChecksumsFile)(t, dir)
	change(t, dir, result.SummaryFile, func(data []byte) []byte {
		return bytes.Replace(data, []byte(`"raftmark.summary/1"`), []byte(`"raftmark.summary/1.4", "mood": "good"`), 1)
	})
	if _, err := result.Open(dir); err != nil {
		t.Error(err)
	}
}

func TestOpenOfWhatIsNoResult(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, t.TempDir()} {
		if _, err := result.Open(path); !errors.Is(err, result.ErrNotResult) {
			t.Errorf("Open(%s): got %v, want ErrNotResult", path, err)
		}
	}
	if _, err := result.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}

func TestOpsEndAtTheFirstFault(t *testing.T) {
	dir := fixture(t)
	remove(result.ChecksumsFile)(t, dir)
	whole, err := os.ReadFile(filepath.Join(dir, result.OpsFile))
	if err != nil {
		t.Fatal(err)
	}
	zipped := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		return b.Bytes()
	}
	head := "arm,kind,intended_us,sent_us,done_us,outcome,attempts,redirects,sampled_one_in\n"
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"cut", whole[:len(whole)-100], "ops.csv.gz line"},
		{"not gzip", []byte("hello\n"), "not a gzip file"},
		{"outcome", zipped(head + "transport=tcp,set,1,1,2,fine,1,0,1\n"), `line 2, outcome: "fine"`},
		{"arm", zipped(head + "x,set,1,1,2,ok,1,0,1\n"), "line 2, arm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, result.OpsFile), c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := result.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			var last error
			for _, err := range r.Ops() {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), c.want) {
				t.Errorf("got %v, want %q", last, c.want)
			}
		})
	}
}

func TestBenchmarkText(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(fixture(t), result.BenchfmtFile))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, want := range []string{
		"goos: linux\n", "BenchmarkSteady/transport=tcp-2 1000 200 ok/s ", "BenchmarkLeaderKill/transport=quic-2 1 0.",
		" outage-sec ", "BenchmarkNoop/transport=tcp-2 1 ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s\nwant it to contain %q", text, want)
		}
	}
	if got, want := strings.Count(text, "BenchmarkLeaderKill/transport=tcp-2 "), 3; got != want {
		t.Errorf("lines of leader kills: got %d, want %d", got, want)
	}
}

func TestSummaryIsCheckedBeforeItIsWritten(t *testing.T) {
	w, err := result.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	low, high := 1.0, 2.0
	err = w.WriteSummary(result.Summary{Verdict: result.VerdictOK, Arms: []result.Arm{
		{Name: "a", Steady: &result.Steady{ResponseUs: result.Quantiles{N: 9, P50: &high, P99: &low}}}, {Name: "a"},
	}})
	for _, want := range []string{"arms[0].steady.response_us.p99: 1 is below p50 2", `arms[1].name: "a"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to contain %q", err, want)
		}
	}
}

func remove(name string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func change(t *testing.T, dir, name string, f func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(data), 0o600); err != nil {
		t.Fatal(err)
	}
}
