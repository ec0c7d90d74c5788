package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports/claims"
	"github.com/raftmark/raftmark/reports/resulttest"
	"github.com/raftmark/raftmark/reports/site"
)

// texts are the files of the repository that may quote figures.
func texts(t *testing.T) []string {
	t.Helper()
	files := []string{"../../README.md"}
	for _, pattern := range []string{"../../docs/*.md", "../../docs/adr/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) == 0 {
			t.Fatalf("%s: got %d files, %v", pattern, len(more), err)
		}
		files = append(files, more...)
	}
	return files
}

// TestFiguresInTextsAreOfResults holds README and docs to the published results, and these to their checksums.
func TestFiguresInTextsAreOfResults(t *testing.T) {
	findings, err := claims.Check(texts(t))
	if err != nil {
		t.Fatal(err)
	}
	quoting := map[string]bool{}
	for _, f := range findings {
		quoting[filepath.Base(f.File)] = true
		if f.State == claims.Parted {
			t.Errorf("%s:%d: %s (%s); make publish, then make verify WRITE=--write", f.File, f.Line, f.Why, f.Expression)
		}
	}
	for _, name := range []string{"README.md", "storage.md", "transports.md"} {
		if !quoting[name] {
			t.Errorf("%s quotes figures, and binds none of them", name)
		}
	}
	problems, err := site.Check("../../docs/results")
	if err != nil || len(problems) > 0 {
		t.Errorf("docs/results is not as published: %q, %v; make publish", problems, err)
	}
}

// TestDamagedResults gives each command one result with one damage after the other. None may print a figure of it.
func TestDamagedResults(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "run")
	options := resulttest.Options{Trials: 6, Noops: 1, RatePS: 40, SteadyS: 1}
	if err := resulttest.Write(whole, options); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(t.TempDir(), "base")
	if err := resulttest.Write(base, options); err != nil {
		t.Fatal(err)
	}
	for _, c := range damages() {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			dir := filepath.Join(home, "run")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			c.do(t, dir)
			text := filepath.Join(home, "text.md")
			quote := "<!-- claims:\nrun = run\n-->\n<!-- claim: run.arms.count -->2<!-- /claim -->\n"
			if err := os.WriteFile(text, []byte(quote), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"report", dir}, {"compare", base, dir}, {"compare", dir, base},
				{"publish", dir, "-o", filepath.Join(home, "site")}, {"verify", text}, {"verify", "--write", text},
			} {
				if c.onlyReaders && args[0] != "report" && args[0] != "publish" {
					continue // what is damaged is not what they read
				}
				var stdout, stderr bytes.Buffer
				got := run(t.Context(), args, &stdout, &stderr)
				if got != int(exit.UsageError) || !strings.Contains(stderr.String(), c.says) || stdout.Len() > 0 {
					t.Errorf("%s: exit code %d, want 2 and %q; %q, printed %q", args[0], got, c.says, &stderr, &stdout)
				}
			}
			for _, made := range []string{filepath.Join(dir, result.ReportDir), filepath.Join(home, "site")} {
				if _, err := os.Stat(made); err == nil {
					t.Errorf("%s was made", made)
				}
			}
		})
	}
}

// damage is one way in which a result's folder can be wrong.
type damage struct {
	name, says string
	do         func(t *testing.T, dir string)
	// onlyReaders: only who reads the operations can notice.
	onlyReaders bool
}

func damages() []damage {
	cut := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			edit(t, dir, name, func(data []byte) []byte { return data[:len(data)*2/3] })
		}
	}
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	replaced := func(name, old, fresh string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			remove(result.ChecksumsFile)(t, dir) // so that the file itself has to be noticed
			edit(t, dir, name, func(data []byte) []byte {
				if !bytes.Contains(data, []byte(old)) {
					t.Fatalf("%s has no %q", name, old)
				}
				return bytes.Replace(data, []byte(old), []byte(fresh), 1)
			})
		}
	}
	unsummed := func(do func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			remove(result.ChecksumsFile)(t, dir)
			do(t, dir)
		}
	}
	return []damage{
		{name: "no manifest", says: "manifest.json is missing", do: remove(result.ManifestFile)},
		{name: "no summary", says: "summary.json is missing", do: remove(result.SummaryFile)},
		{name: "trials missing", says: "trials.csv: missing", do: remove(result.TrialsFile)},
		{name: "trials missing, no sums", says: "trials", do: remove(result.TrialsFile, result.ChecksumsFile)},
		{name: "summary cut", says: "summary.json", do: cut(result.SummaryFile)},
		{name: "summary cut, no sums", says: "summary.json", do: unsummed(cut(result.SummaryFile))},
		{name: "trials cut", says: "trials.csv: truncated or changed", do: cut(result.TrialsFile)},
		{name: "trials cut, no sums", says: "trials.csv", do: unsummed(cut(result.TrialsFile))},
		{name: "timeline cut, no sums", says: "timeline.csv", do: unsummed(cut(result.TimelineFile))},
		{name: "events cut, no sums", says: "events.jsonl", do: unsummed(cut(result.EventsFile))},
		{name: "ops cut", says: "ops.csv.gz: truncated or changed", do: cut(result.OpsFile)},
		{name: "ops cut, no sums", says: "ops.csv.gz", do: unsummed(cut(result.OpsFile)), onlyReaders: true},
		{name: "one bit", says: "summary.json", do: func(t *testing.T, dir string) {
			edit(t, dir, result.SummaryFile, func(data []byte) []byte { data[len(data)/2] ^= 1; return data })
		}},
		{name: "summary of tomorrow", says: "raftmark.summary/2",
			do: replaced(result.SummaryFile, "raftmark.summary/1", "raftmark.summary/2")},
		{name: "manifest of tomorrow", says: "raftmark.manifest/9",
			do: replaced(result.ManifestFile, "raftmark.manifest/1", "raftmark.manifest/9")},
		{name: "schema of somebody else", says: "k6.summary/1",
			do: replaced(result.SummaryFile, "raftmark.summary/1", "k6.summary/1")},
		{name: "trials of another run", says: "trials.csv",
			do: replaced(result.TrialsFile, "transport=tcp", "transport=udp")},
		{name: "no schema", says: "schema", do: replaced(result.SummaryFile, `"schema"`, `"scheme"`)},
	}
}

func edit(t *testing.T, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
