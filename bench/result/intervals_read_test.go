package result_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/result"
)

// writeIntervals makes a result with two lines of intervals.hlog for an arm whose name a tag cannot have as it is.
func writeIntervals(t *testing.T, arm string) string {
	t.Helper()
	w := newWriter(t)
	intervals, err := w.NewIntervalsWriter()
	if err != nil {
		t.Fatal(err)
	}
	for at := range 2 {
		h := hdrhistogram.New(1000, int64(10*time.Minute), 3)
		err := h.RecordValues(int64(2*time.Millisecond), int64(5+at))
		from := time.Duration(at) * time.Second
		if err := errors.Join(err, intervals.Write(arm, "ok", "set", from, from+time.Second, h)); err != nil {
			t.Fatal(err)
		}
	}
	summary := result.Summary{Verdict: result.VerdictOK, Arms: []result.Arm{{Name: "disk=a/b, c"}}}
	if err := errors.Join(intervals.Close(), w.WriteManifest(result.Manifest{Name: "x"}), w.WriteSummary(summary),
		w.Close()); err != nil {
		t.Fatal(err)
	}
	return w.Dir()
}

func readIntervals(t *testing.T, dir string) (counts []int64, failed error) {
	t.Helper()
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range r.Intervals() {
		if err != nil {
			return counts, err
		}
		if i.Arm != "disk=a/b, c" || i.Outcome != "ok" || i.Kind != "set" || i.To-i.From != time.Second {
			t.Errorf("got %+v", i)
		}
		counts = append(counts, i.Histogram.TotalCount())
	}
	return counts, nil
}

func TestIntervalsOfAResult(t *testing.T) {
	counts, err := readIntervals(t, writeIntervals(t, "disk=a/b, c"))
	if err != nil || len(counts) != 2 || counts[0] != 5 || counts[1] != 6 {
		t.Errorf("got %v, %v, want 5 and 6", counts, err)
	}
	if _, err := readIntervals(t, writeIntervals(t, "other")); err == nil || !strings.Contains(err.Error(), "no arm") {
		t.Errorf("a foreign arm: got %v", err)
	}
}

func TestDamagedIntervalsAreAnError(t *testing.T) {
	dir := writeIntervals(t, "disk=a/b, c")
	path := filepath.Join(dir, result.IntervalsFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, data[:len(data)-9], 0o644),
		os.Remove(filepath.Join(dir, result.ChecksumsFile))); err != nil {
		t.Fatal(err)
	}
	if counts, err := readIntervals(t, dir); err == nil {
		t.Errorf("a cut file was read as %v", counts)
	}
}
