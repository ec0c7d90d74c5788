package reports_test

import (
	"flag"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports"
	"github.com/raftmark/raftmark/reports/resulttest"
	"github.com/raftmark/raftmark/reports/site"
	"github.com/raftmark/raftmark/reports/versus"
)

var pagesDir = flag.String("pages", "", "`folder` for the pages that make check-page opens in a browser")

var (
	boxLabel = regexp.MustCompile(`<section class="scroll"[^>]* aria-label="([^"]+)"`)
	repeated = regexp.MustCompile(` \(\d+\)$`) // the page could not tell it from another
)

// TestPagesForTheBrowser renders one page of each kind. Without -pages it only shows that each can be rendered.
func TestPagesForTheBrowser(t *testing.T) {
	dir := *pagesDir
	if dir == "" {
		dir = t.TempDir()
	}
	two := small()
	two.Trials, two.Runs = 12, 3
	invalid := small()
	invalid.Verdict = result.VerdictInvalid
	volatile := small()
	volatile.Durability = "none"
	for name, write := range map[string]func(dir string) error{
		"two-arms":   func(dir string) error { return resulttest.Write(dir, two) },
		"invalid":    func(dir string) error { return resulttest.Write(dir, invalid) },
		"volatile":   func(dir string) error { return resulttest.Write(dir, volatile) },
		"saturation": func(dir string) error { return resulttest.WriteSaturation(dir, resulttest.SaturationOptions{}) },
		"closed":     func(dir string) error { return resulttest.WriteClosed(dir, resulttest.ClosedOptions{}) },
		"exchange":   func(dir string) error { return resulttest.WriteExchange(dir, resulttest.ExchangeOptions{}) },
		"members": func(dir string) error {
			return resulttest.WriteCourse(dir, resulttest.CourseOptions{Kind: "members", Runs: 2})
		},
		"snapshot-catch-up": func(dir string) error {
			return resulttest.WriteCourse(dir, resulttest.CourseOptions{Kind: "snapshot-catch-up"})
		},
	} {
		if err := write(filepath.Join(dir, name)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rendered, err := reports.RenderVectors(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("render %s: %v", name, err)
			continue
		}
		seen := map[string]bool{}
		for _, label := range boxLabel.FindAllStringSubmatch(read(t, rendered.Page), -1) {
			if seen[label[1]] || repeated.MatchString(label[1]) {
				t.Errorf("%s: more than one table is called %q", name, label[1])
			}
			seen[label[1]] = true
		}
	}
	r, err := result.Open(filepath.Join(dir, "two-arms"))
	if err != nil {
		t.Fatal(err)
	}
	comparison, err := versus.CompareArms(r, versus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := comparison.WritePage(filepath.Join(dir, "compare")); err != nil {
		t.Error(err)
	}
	published := []string{"two-arms", "invalid", "volatile", "saturation"}
	sources := make([]string, len(published))
	for i, name := range published {
		sources[i] = filepath.Join(dir, name)
	}
	if _, err := site.Publish(filepath.Join(dir, "site"), sources, site.Options{}); err != nil {
		t.Error(err)
	}
}
