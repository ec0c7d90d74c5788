package reports_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports"
	"github.com/raftmark/raftmark/reports/resulttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func write(t *testing.T, o resulttest.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.Write(dir, o); err != nil {
		t.Fatalf("write fixture: %v", err)
	}
	return dir
}

// small is enough for everything to be drawn.
func small() resulttest.Options {
	return resulttest.Options{Trials: 3, Noops: 1, RatePS: 100, SteadyS: 1}
}

// render renders without the figures as PNG, which take most of the time; renderAll is for the tests of those.
func render(t *testing.T, dir string) reports.Rendered {
	t.Helper()
	return rendered(t, dir, reports.RenderVectors)
}

func renderAll(t *testing.T, dir string) reports.Rendered {
	t.Helper()
	return rendered(t, dir, reports.Render)
}

func rendered(t *testing.T, dir string, by func(dir string) (reports.Rendered, error)) reports.Rendered {
	t.Helper()
	rendered, err := by(dir)
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	return rendered
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, path); got != want {
		t.Errorf("%s differs from what was rendered; look at it, and run with -update if it is right", name)
		for i, line := range strings.Split(got, "\n") {
			if old := strings.Split(want, "\n"); i >= len(old) || old[i] != line {
				t.Errorf("first difference in line %d: got %q", i+1, line)
				break
			}
		}
	}
}

func TestGolden(t *testing.T) {
	dir := write(t, resulttest.Options{})
	rendered := renderAll(t, dir)
	compareGolden(t, "headline.golden.txt", rendered.Headline)
	compareGolden(t, "report.golden.md", read(t, rendered.Markdown))
	compareGolden(t, "outage-cdf.golden.svg", read(t, dir, "report", "figures", "outage-cdf-leader-kill.svg"))
}

// files returns the contents of a report by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(dir, result.ReportDir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[filepath.Base(path)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	dir := write(t, small())
	renderAll(t, dir)
	first := files(t, dir)
	renderAll(t, dir)
	second := files(t, dir)
	if len(first) < 10 || len(first) != len(second) {
		t.Fatalf("got %d and %d files", len(first), len(second))
	}
	for name, data := range first {
		if second[name] != data {
			t.Errorf("%s differs when rendered again", name)
		}
	}
}

func TestThePage(t *testing.T) {
	dir := write(t, small())
	html := read(t, render(t, dir).Page)
	t.Run("needs nothing from elsewhere", func(t *testing.T) { checkSelfContained(t, dir, html) })
	t.Run("is usable without eyes", func(t *testing.T) { checkAccessible(t, html) })
}

func checkSelfContained(t *testing.T, dir, html string) {
	t.Helper()
	for _, pattern := range []string{
		`https?://[^"]*\.(js|css|woff)`, `<script[^>]+`, `fetch\(|XMLHttp|import\(`, `<img`, `@import`, `url\(`, `/tmp/`,
		`<link[^>]*href="http`,
	} {
		if found := regexp.MustCompile(pattern).FindString(html); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	for _, link := range regexp.MustCompile(`href="([^"#:]+)"`).FindAllStringSubmatch(html, -1) {
		if _, err := os.Stat(filepath.Join(dir, result.ReportDir, link[1])); err != nil {
			t.Errorf("link to a file that is not there: %v", err)
		}
	}
}

var (
	heading = regexp.MustCompile(`<h([1-6])`)
	idOf    = regexp.MustCompile(` id="([^"]+)"`)
	target  = regexp.MustCompile(`(?:href="#|aria-labelledby=")([^"]+)"`)
	figure  = regexp.MustCompile(`<svg[^>]*>`)
)

func checkAccessible(t *testing.T, html string) {
	t.Helper()
	before := "0"
	for _, h := range heading.FindAllStringSubmatch(html, -1) {
		if h[1] > before && h[1] != string(before[0]+1) {
			t.Errorf("h%s follows h%s", h[1], before)
		}
		before = h[1]
	}
	ids := map[string]bool{}
	for _, id := range idOf.FindAllStringSubmatch(html, -1) {
		if ids[id[1]] {
			t.Errorf("id %s is used twice", id[1])
		}
		ids[id[1]] = true
	}
	for _, to := range target.FindAllStringSubmatch(html, -1) {
		if !ids[to[1]] {
			t.Errorf("nothing has the id %s", to[1])
		}
	}
	figures := figure.FindAllString(html, -1)
	if len(figures) < 10 {
		t.Errorf("got %d drawings, want at least 10", len(figures))
	}
	for _, svg := range figures {
		if !strings.Contains(svg, `role="img"`) || !strings.Contains(svg, `aria-label="`) {
			t.Errorf("no description: %s", svg)
		}
	}
	if !strings.Contains(html, `<html lang="en">`) || strings.Count(html, "<h1") != 1 {
		t.Error("want a language and one h1")
	}
}

func TestInvalidAndUnsafeResultsAreStamped(t *testing.T) {
	for _, c := range []struct {
		verdict result.Verdict
		stamp   string
		reason  string
	}{
		{result.VerdictInvalid, reports.StampInvalid, "generator fell behind"},
		{result.VerdictUnsafe, reports.StampUnsafe, "2 acknowledged writes are lost"},
	} {
		o := small()
		o.Verdict = c.verdict
		dir := write(t, o)
		rendered := render(t, dir)
		if rendered.Stamp != c.stamp {
			t.Errorf("stamp: got %q, want %q", rendered.Stamp, c.stamp)
		}
		for _, path := range []string{rendered.Page, rendered.Markdown} {
			text := read(t, path)
			stamp, verdict := strings.Index(text, c.stamp), strings.Index(text, "Verdict")
			if stamp < 0 || stamp > verdict || !strings.Contains(text, c.reason) {
				t.Errorf("%s: want %s before the verdict, and %q", path, c.stamp, c.reason)
			}
		}
	}
}

func TestALostWriteStampsAgainstTheVerdict(t *testing.T) {
	o := small()
	o.Verdict = result.VerdictUnsafe
	dir := write(t, o)
	path := filepath.Join(dir, result.SummaryFile)
	data := bytes.Replace([]byte(read(t, path)), []byte(`"unsafe"`), []byte(`"ok"`), 1)
	if err := errors.Join(os.WriteFile(path, data, 0o644), os.Remove(filepath.Join(dir,
		result.ChecksumsFile))); err != nil {
		t.Fatal(err)
	}
	if got := render(t, dir).Stamp; got != reports.StampUnsafe {
		t.Errorf("got %q, want %q", got, reports.StampUnsafe)
	}
}

// Neither a check that was not finished nor one that another check contradicts is a pass.
func TestOnlyAFinishedCheckPasses(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"linearizable": "ok"`, `"linearizable": "unknown"`, "safety **❌ not decided**"},
		{`"verdict": "ok"`, `"verdict": "unsafe"`, "safety **❌ UNSAFE**"},
		{`"logs": "ok"`, `"logs": "unknown"`, "safety **❌ logs not decided**"},
		{`"logs": "ok"`, `"logs": "unknown"`, "all nodes hold the same log was NOT DECIDED"},
		{`"logs": "ok"`, `"logs": "violation"`, "safety **❌ LOGS DIFFER**"},
		{`"logs": "ok"`, `"logs": "violation"`, "> **UNSAFE**\n>\n> - transport=tcp: the nodes do not hold the same log"},
		{`"logs": "ok"`, `"logs": "violation"`, "| **VIOLATION** |"},
	} {
		dir := write(t, small())
		path := filepath.Join(dir, result.SummaryFile)
		before := read(t, path)
		after := strings.Replace(before, c.from, c.to, 1)
		if after == before {
			t.Fatalf("%s is not in the fixture", c.from)
		}
		if err := errors.Join(os.WriteFile(path, []byte(after), 0o644),
			os.Remove(filepath.Join(dir, result.ChecksumsFile))); err != nil {
			t.Fatal(err)
		}
		if text := read(t, render(t, dir).Markdown); !strings.Contains(text, c.want) || strings.Contains(text, "PASS") {
			t.Errorf("%s: want %q and no PASS", c.to, c.want)
		}
	}
}

func TestFewTrialsGiveNoQuantiles(t *testing.T) {
	rendered := render(t, write(t, small()))
	if !strings.Contains(rendered.Headline, "n/a (n=3 < 6)") || !strings.Contains(rendered.Headline, "n/a (n=3 < 72)") {
		t.Errorf("got\n%s", rendered.Headline)
	}
	if text := strings.Join(rendered.Verdict, "\n"); !strings.Contains(text, "cannot resolve") {
		t.Errorf("got\n%s", text)
	}
}

func TestADamagedResultGivesNoReport(t *testing.T) {
	for _, name := range []string{result.TrialsFile, result.OpsFile, result.SummaryFile, result.TimelineFile} {
		dir := write(t, small())
		path := filepath.Join(dir, name)
		data := read(t, path)
		err := errors.Join(os.WriteFile(path, []byte(data[:len(data)-len(data)/3]), 0o644),
			os.Remove(filepath.Join(dir, result.ChecksumsFile)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reports.Render(dir); !errors.Is(err, reports.ErrResult) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s cut: got %v, want ErrResult that names it", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, result.ReportDir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s cut: a report was written", name)
		}
	}
}

func TestWhatIsMissingIsMarked(t *testing.T) {
	dir := write(t, small())
	for _, name := range []string{result.ChecksumsFile, result.OpsFile, result.EventsFile, result.TimelineFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	text := read(t, render(t, dir).Markdown)
	for _, want := range []string{"The result has no `ops.csv.gz`", "The result has no `timeline.csv`"} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q", want)
		}
	}
	if strings.Contains(text, "figures/overlay") {
		t.Error("an overlay was drawn without operations")
	}
}

func TestForeignFilesInTheReportFolderAreKept(t *testing.T) {
	dir := write(t, small())
	render(t, dir)
	mine := filepath.Join(dir, result.ReportDir, "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := reports.Render(dir); err == nil || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("got %v, want an error that names notes.txt", err)
	}
	if got := read(t, mine); got != "mine" {
		t.Errorf("got %q", got)
	}
}

func TestAnEmptySummaryIsInvalid(t *testing.T) {
	dir := t.TempDir()
	w, err := result.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteManifest(result.Manifest{Name: "none"}),
		w.WriteSummary(result.Summary{Verdict: result.VerdictInvalid}), w.Close()); err != nil {
		t.Fatal(err)
	}
	if got := render(t, dir).Stamp; got != reports.StampInvalid {
		t.Errorf("got %q", got)
	}
}

func TestHundredTrialsRenderInTime(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("times the rendering of a large result")
	}
	dir := write(t, resulttest.Options{Trials: 100, Noops: 10, RatePS: 500})
	start := cpuTime(t)
	rendered := renderAll(t, dir)
	took := cpuTime(t) - start
	info, err := os.Stat(rendered.Page)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("rendered in %v, page of %d KiB", took.Round(time.Millisecond), info.Size()/1024)
	if took > 10*time.Second {
		t.Errorf("rendered in %v of one core, want at most 10 s", took)
	}
}

// cpuTime is what this process has had of the cores. Unlike the clock it does not count what others do meanwhile.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
