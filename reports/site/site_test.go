package site_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/resulttest"
	"github.com/raftmark/raftmark/reports/site"
)

// make writes a result with a manifest that change has had.
func makeResult(t *testing.T, dir, name string, o resulttest.Options, change func(*result.Manifest)) string {
	t.Helper()
	path := filepath.Join(dir, name)
	o.Trials, o.Noops, o.RatePS, o.SteadyS = 6, 1, 40, 2
	if err := resulttest.Write(path, o); err != nil {
		t.Fatal(err)
	}
	if change == nil {
		return path
	}
	manifest := filepath.Join(path, result.ManifestFile)
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var m result.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	if data, err = json.Marshal(m); err == nil {
		err = errors.Join(os.WriteFile(manifest, data, 0o644), os.Remove(filepath.Join(path, result.ChecksumsFile)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func publish(t *testing.T, out string, o site.Options, dirs ...string) *site.Published {
	t.Helper()
	p, err := site.Publish(out, dirs, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// nth is the manifest of the n-th of several results of one scenario.
func nth(n int) func(*result.Manifest) {
	return func(m *result.Manifest) {
		m.Commit = strings.Repeat(string(rune('a'+n)), 40)
		m.Started = m.Started.Add(time.Duration(n) * time.Hour)
		m.Finished = m.Finished.Add(time.Duration(n) * time.Hour)
	}
}

func TestSiteIsAFunctionOfItsResults(t *testing.T) {
	home := t.TempDir()
	a := makeResult(t, home, "a", resulttest.Options{}, nth(0))
	b := makeResult(t, home, "b", resulttest.Options{Seed: 2}, nth(1))
	once, twice := filepath.Join(home, "once"), filepath.Join(home, "twice")
	compare := site.Options{Compare: [][2]string{{"a", "b"}}}
	publish(t, once, compare, a, b)
	if p := publish(t, twice, site.Options{}, b); p.Results != 1 || len(p.Added) != 1 {
		t.Errorf("got %+v, want one result", p)
	}
	publish(t, twice, compare, a, b)
	if p := publish(t, twice, site.Options{}, b); p.Results != 2 || len(p.Added) != 0 {
		t.Errorf("again: got %+v, want the two results that are there", p)
	}
	sums := read(t, once, result.ChecksumsFile)
	if sums != read(t, twice, result.ChecksumsFile) {
		t.Error("the same results, published in two ways, gave two sites")
	}
	for _, name := range []string{
		"index.html", "README.md", "a/report/index.html", "trends/index.html", "compare/a..b/index.html",
	} {
		if !strings.Contains(sums, "  "+name+"\n") {
			t.Errorf("%s is not in the site", name)
		}
	}
	if problems, err := site.Check(once); err != nil || len(problems) > 0 {
		t.Errorf("check: %q, %v", problems, err)
	}
}

var link = regexp.MustCompile(`(?:href|src)="([^"#]+)"`)

func TestLinksLeadSomewhereAndNotOut(t *testing.T) {
	home := t.TempDir()
	out := filepath.Join(home, "site")
	publish(t, out, site.Options{Compare: [][2]string{{"a", "b"}}}, makeResult(t, home, "a", resulttest.Options{}, nth(0)),
		makeResult(t, home, "b", resulttest.Options{Seed: 2}, nth(1)))
	pages := 0
	err := filepath.WalkDir(out, func(path string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".html" {
			return err
		}
		pages++
		for _, m := range link.FindAllStringSubmatch(read(t, path), -1) {
			if m[1] == "data:," {
				continue
			}
			to := filepath.Join(filepath.Dir(path), m[1])
			if _, err := os.Stat(to); err != nil || !strings.HasPrefix(to, out) {
				t.Errorf("%s leads to %s: %v", path, m[1], err)
			}
		}
		return nil
	})
	if err != nil || pages != 5 {
		t.Errorf("got %d pages, %v, want the index, two reports, trends and a comparison", pages, err)
	}
}

func TestCheckFindsEachChange(t *testing.T) {
	home := t.TempDir()
	a := makeResult(t, home, "a", resulttest.Options{}, nil)
	for name, c := range map[string]struct {
		do   func(out string) error
		says string
	}{
		"data": {
			func(out string) error { return os.Truncate(filepath.Join(out, "a/trials.csv"), 99) },
			"a/trials.csv: changed",
		},
		"report": {
			func(out string) error { return os.Truncate(filepath.Join(out, "a/report/report.md"), 0) },
			"report.md: changed",
		},
		"missing": {func(out string) error { return os.Remove(filepath.Join(out, "README.md")) }, "README.md: missing"},
		"more":    {func(out string) error { return os.WriteFile(filepath.Join(out, "a/x"), nil, 0o644) }, "a/x: not listed"},
	} {
		out := filepath.Join(t.TempDir(), "site")
		publish(t, out, site.Options{}, a)
		if err := c.do(out); err != nil {
			t.Fatal(err)
		}
		problems, err := site.Check(out)
		if err != nil || !strings.Contains(strings.Join(problems, "\n"), c.says) {
			t.Errorf("%s: got %q, %v, want %q", name, problems, err, c.says)
		}
	}
}

func TestDamagedLaterIsAMarkedGap(t *testing.T) {
	home := t.TempDir()
	out := filepath.Join(home, "site")
	publish(t, out, site.Options{Compare: [][2]string{{"a", "b"}}}, makeResult(t, home, "a", resulttest.Options{}, nil),
		makeResult(t, home, "b", resulttest.Options{Seed: 2}, nil))
	if err := os.Truncate(filepath.Join(out, "a", result.SummaryFile), 999); err != nil {
		t.Fatal(err)
	}
	p := publish(t, out, site.Options{})
	if p.Results != 1 || len(p.Damaged) != 1 || !strings.Contains(p.Damaged[0], "a: summary.json") {
		t.Errorf("got %+v, want a damaged one", p)
	}
	index := read(t, out, "index.html")
	for _, says := range []string{"DAMAGED", "cannot be read: summary.json", "b against a cannot be made any more"} {
		if !strings.Contains(index, says) {
			t.Errorf("the index does not say %q", says)
		}
	}
	if strings.Contains(index, `href="a/`) || strings.Contains(index, `href="compare/`) || strings.Contains(index, out) {
		t.Error("the index leads to what is damaged, or says where it lies")
	}
	if problems, err := site.Check(out); err != nil || len(problems) == 0 {
		t.Errorf("check: %q, %v, want the damage", problems, err)
	}
}

func TestTrendJoinsOnlyWhatIsAlike(t *testing.T) {
	home := t.TempDir()
	out := filepath.Join(home, "site")
	other := func(n int, change func(*result.Manifest)) func(*result.Manifest) {
		return func(m *result.Manifest) { nth(n)(m); change(m) }
	}
	publish(t, out, site.Options{},
		makeResult(t, home, "a", resulttest.Options{}, nth(0)),
		makeResult(t, home, "invalid", resulttest.Options{Seed: 2, Verdict: result.VerdictInvalid}, nth(1)),
		makeResult(t, home, "mem", resulttest.Options{Seed: 3, Durability: result.DurabilityMem}, nth(2)),
		makeResult(t, home, "elsewhere", resulttest.Options{Seed: 4},
			other(3, func(m *result.Manifest) { m.Environment.CPUModel = "another" })),
		makeResult(t, home, "b", resulttest.Options{Seed: 5}, nth(4)),
	)
	data := read(t, out, "trends", "figures", "trend-1-1.csv")
	var rows []string
	for line := range strings.Lines(data) {
		if strings.Contains(line, "transport=tcp") {
			rows = append(rows, line)
		}
	}
	if len(rows) != 3 || !strings.HasPrefix(rows[0], "aaaaaaa,\"transport=tcp, fsync\"") ||
		!strings.HasPrefix(rows[1], "eeeeeee,\"transport=tcp, fsync\"") || !strings.Contains(rows[2], "transport=tcp, mem") {
		t.Errorf("got %q, want both of fsync in one line, mem in another, and nothing of the invalid one", rows)
	}
	page := read(t, out, "trends", "index.html")
	if strings.Contains(page, "another") || !strings.Contains(page, "INVALID: not drawn") {
		t.Error("the page joins what is of another machine, or does not say what it leaves out")
	}
}

func TestWhatIsNotPublished(t *testing.T) {
	home := t.TempDir()
	a := makeResult(t, home, "a", resulttest.Options{}, nil)
	mine := filepath.Join(home, "mine")
	err := os.Mkdir(mine, 0o755)
	if err := errors.Join(err, os.WriteFile(filepath.Join(mine, "index.html"), []byte("hello"), 0o644)); err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(home, "full")
	publish(t, full, site.Options{}, a)
	namesake := makeResult(t, t.TempDir(), "a", resulttest.Options{Seed: 9}, nil)
	for name, c := range map[string]struct {
		out  string
		dirs []string
		o    site.Options
		says string
	}{
		"nothing":         {filepath.Join(home, "n1"), nil, site.Options{}, "no result"},
		"no result":       {filepath.Join(home, "n2"), []string{t.TempDir()}, site.Options{}, "manifest.json is missing"},
		"somebody's page": {mine, []string{a}, site.Options{}, "not of a site"},
		"into a result":   {a, []string{a}, site.Options{}, "is a result"},
		"namesake":        {full, []string{namesake}, site.Options{}, "another result of the name"},
		"twice":           {filepath.Join(home, "n3"), []string{a, namesake}, site.Options{}, "has the name of"},
		"strange name": {
			filepath.Join(home, "n4"), []string{makeResult(t, home, "x y", resulttest.Options{}, nil)}, site.Options{},
			"letters",
		},
		"reserved": {
			filepath.Join(home, "n5"), []string{makeResult(t, home, "trends", resulttest.Options{}, nil)}, site.Options{},
			"uses itself",
		},
		"no such pair": {full, nil, site.Options{Compare: [][2]string{{"a", "z"}}}, "no result z"},
	} {
		_, err := site.Publish(c.out, c.dirs, c.o)
		if !errors.Is(err, site.ErrSource) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
	if problems, err := site.Check(full); err != nil || len(problems) > 0 {
		t.Errorf("the site was changed by what was refused: %q, %v", problems, err)
	}
}

func TestForeignFilesAreLeftBehind(t *testing.T) {
	home := t.TempDir()
	a := makeResult(t, home, "a", resulttest.Options{}, nil)
	if err := os.WriteFile(filepath.Join(a, "notes.txt"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(home, "site")
	publish(t, out, site.Options{}, a)
	if _, err := os.Stat(filepath.Join(out, "a", "notes.txt")); err == nil {
		t.Error("a file that is not of the result was published")
	}
	if strings.Contains(read(t, out, "a/report/index.html"), ".png\"") {
		t.Error("the report leads to pictures that were left out")
	}
}

// Nodes that hold different logs are as loud on the index as a history that is not linearizable; so is what was not
// decided.
func TestSafetyOnTheIndex(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"logs": "ok"`, `"logs": "violation"`, ">LOGS DIFFER<"},
		{`"linearizable": "ok"`, `"linearizable": "violation"`, ">NOT LINEARIZABLE<"},
		{`"logs": "ok"`, `"logs": "unknown"`, " lost, logs not decided<"},
		{`"linearizable": "ok"`, `"linearizable": "unknown"`, " lost, linearizability not decided<"},
	} {
		home := t.TempDir()
		dir := makeResult(t, home, "a", resulttest.Options{}, nil)
		summary := filepath.Join(dir, result.SummaryFile)
		changed := strings.Replace(read(t, summary), c.from, c.to, 1)
		if err := errors.Join(os.WriteFile(summary, []byte(changed), 0o644),
			os.Remove(filepath.Join(dir, result.ChecksumsFile))); err != nil {
			t.Fatal(err)
		}
		publish(t, filepath.Join(home, "site"), site.Options{}, dir)
		if page := read(t, home, "site", "index.html"); !strings.Contains(page, c.want) {
			t.Errorf("%s: the index does not say %q", c.to, c.want)
		}
	}
}
