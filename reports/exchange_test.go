package reports_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports"
	"github.com/raftmark/raftmark/reports/resulttest"
)

func writeExchange(t *testing.T, o resulttest.ExchangeOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.WriteExchange(dir, o); err != nil {
		t.Fatalf("write fixture: %v", err)
	}
	return dir
}

func TestExchangeGolden(t *testing.T) {
	dir := writeExchange(t, resulttest.ExchangeOptions{})
	rendered := renderAll(t, dir)
	compareGolden(t, "exchange.headline.golden.txt", rendered.Headline)
	compareGolden(t, "exchange.golden.md", read(t, rendered.Markdown))
	for _, name := range []string{"round-trip", "ratio", "lane-isolation"} {
		compareGolden(t, "exchange-"+name+".golden.svg", read(t, dir, "report", "figures", name+".svg"))
	}
	html := read(t, rendered.Page)
	t.Run("needs nothing from elsewhere", func(t *testing.T) { checkSelfContained(t, dir, html) })
	t.Run("is usable without eyes", func(t *testing.T) { checkAccessible(t, html) })
}

// A bound that was not held is said in the findings, in the badges and in its row; it makes no result invalid.
func TestABoundThatWasNotHeldIsSaid(t *testing.T) {
	held := render(t, writeExchange(t, resulttest.ExchangeOptions{}))
	late := render(t, writeExchange(t, resulttest.ExchangeOptions{Late: true}))
	for _, c := range []struct {
		rendered reports.Rendered
		want     bool
	}{{held, false}, {late, true}} {
		text := read(t, c.rendered.Markdown)
		if got := strings.Contains(text, "NOT all within the bound"); got != c.want {
			t.Errorf("finding: got %v, want %v", got, c.want)
		}
		if got := strings.Contains(c.rendered.Headline, "NOT held"); got != c.want {
			t.Errorf("row: got %v, want %v", got, c.want)
		}
		if c.rendered.Stamp != "" {
			t.Errorf("got stamp %q", c.rendered.Stamp)
		}
	}
	if text := read(t, late.Markdown); !strings.Contains(text, "held in 5 of 6") {
		t.Error("the badge does not count the bound that was not held")
	}
}

func TestAnInvalidExchangeIsStamped(t *testing.T) {
	rendered := render(t, writeExchange(t, resulttest.ExchangeOptions{Verdict: result.VerdictInvalid}))
	reasons := strings.Join(rendered.Reasons, " ")
	if rendered.Stamp != reports.StampInvalid || !strings.Contains(reasons, "other programs used") {
		t.Errorf("got stamp %q, reasons %q", rendered.Stamp, rendered.Reasons)
	}
}

// What nobody counted is said not to be known, and five runs have no interval.
func TestWhatWasNotCountedIsNotMadeUp(t *testing.T) {
	dir := writeExchange(t, resulttest.ExchangeOptions{Uncounted: true, Runs: 5})
	text := read(t, render(t, dir).Markdown)
	if !strings.Contains(text, "not counted") {
		t.Error("the ledger does not say that bytes were not counted")
	}
	if strings.Contains(text, "ms [") || !strings.Contains(text, "too few for an interval") {
		t.Error("five runs have an interval")
	}
}
