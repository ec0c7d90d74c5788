package reports_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

// rowsOf reads the data of a figure, without the header.
func rowsOf(t *testing.T, dir, name string) [][]string {
	t.Helper()
	text := read(t, dir, result.ReportDir, "figures", name+".csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s: %d rows, %v", name, len(rows), err)
	}
	return rows[1:]
}

// The heat map has all operations, each once, and the scatter those of the worst trials.
func TestHeatMapAndScatterHaveTheOperations(t *testing.T) {
	dir := write(t, small())
	render(t, dir)
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for op, err := range r.Ops() {
		if err != nil {
			t.Fatal(err)
		}
		want += op.SampledOneIn
	}
	got := 0
	for _, row := range rowsOf(t, dir, "latency-heat-map") {
		count, err := strconv.Atoi(row[5])
		if err != nil || count < 1 {
			t.Errorf("row %v: %v", row, err)
		}
		got += count
	}
	if got != want {
		t.Errorf("the heat map has %d operations, the result %d", got, want)
	}
	panels := map[string]int{}
	for _, row := range rowsOf(t, dir, "scatter-leader-kill") {
		panels[row[0]]++
	}
	if len(panels) != 2 {
		t.Errorf("got panels %v, want one an arm", panels)
	}
	if err := os.Remove(filepath.Join(dir, result.ChecksumsFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, result.IntervalsFile)); err != nil {
		t.Fatal(err)
	}
	if text := read(t, render(t, dir).Markdown); strings.Contains(text, "latency-heat-map") {
		t.Error("a heat map was drawn without intervals")
	}
}
