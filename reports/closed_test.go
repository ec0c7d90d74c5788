package reports_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/reports/resulttest"
)

func writeClosed(t *testing.T, o resulttest.ClosedOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.WriteClosed(dir, o); err != nil {
		t.Fatalf("write fixture: %v", err)
	}
	return dir
}

func TestClosedGolden(t *testing.T) {
	dir := writeClosed(t, resulttest.ClosedOptions{})
	rendered := renderAll(t, dir)
	text := read(t, rendered.Markdown)
	compareGolden(t, "closed.golden.md", text)
	compareGolden(t, "closed-throughput.golden.svg", read(t, dir, "report", "figures", "closed-throughput.svg"))
	for _, never := range []string{"beats the floor", "To be distrusted"} {
		if strings.Contains(text, never) {
			t.Errorf("the report says %q of systems that are slower than the floor", never)
		}
	}
	html := read(t, rendered.Page)
	t.Run("needs nothing from elsewhere", func(t *testing.T) { checkSelfContained(t, dir, html) })
}

// What a tail may be is said beside it, and a cliff is called one; what the nodes did meanwhile stands below.
func TestACliffIsSaid(t *testing.T) {
	calm := read(t, render(t, writeClosed(t, resulttest.ClosedOptions{})).Markdown)
	steep := read(t, render(t, writeClosed(t, resulttest.ClosedOptions{Cliff: true})).Markdown)
	for text, want := range map[string][2]string{
		calm: {"1.33, at most 3", "a cliff"}, steep: {"5.33, a cliff: above 3", "at most 3"},
	} {
		if !strings.Contains(text, want[0]) || strings.Contains(text, want[1]) {
			t.Errorf("want %q and not %q in the report", want[0], want[1])
		}
		if !strings.Contains(text, "What all nodes did beside serving") {
			t.Error("the report does not say what the nodes did")
		}
	}
}

// Whoever is faster than the bound, or nearly as fast, is named in the findings.
func TestAFloorThatIsNoneIsSaid(t *testing.T) {
	for _, test := range []struct {
		name        string
		options     resulttest.ClosedOptions
		want, never string
	}{
		{"beaten", resulttest.ClosedOptions{Beaten: true}, "it is beaten by raftmark with 1024 proposers of 128 B; " +
			"raftmark with 1024 proposers of 1 KiB.", "To be distrusted"},
		{"near", resulttest.ClosedOptions{Near: true}, "above 0.95 of the floor's rate: raftmark with 1024 proposers of " +
			"128 B", "beaten by"},
		{"beaten in its only run", resulttest.ClosedOptions{Beaten: true, Runs: 1}, "it is beaten by raftmark with 1024",
			"To be distrusted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := read(t, render(t, writeClosed(t, test.options)).Markdown)
			if !strings.Contains(text, test.want) {
				t.Errorf("the report does not say %q", test.want)
			}
			if strings.Contains(text, test.never) {
				t.Errorf("the report says %q", test.never)
			}
		})
	}
}

// Latencies of a rate that did not hold are those of a queue: they are not shown.
func TestLatenciesOfARateThatDidNotHoldAreNotShown(t *testing.T) {
	text := read(t, render(t, writeClosed(t, resulttest.ClosedOptions{})).Markdown)
	if !strings.Contains(text, "INVALID (0 of 3 runs): achieved 6000.0/s of 20000.0/s offered: below 99 %") {
		t.Error("a rate that did not hold is not called invalid")
	}
	if strings.Contains(text, "433 ms") || strings.Contains(text, "877 ms") {
		t.Error("the report shows latencies of a rate that did not hold")
	}
}
