package result_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/result"
)

func newWriter(t *testing.T) *result.Writer {
	t.Helper()
	w, err := result.Create(filepath.Join(t.TempDir(), "result"))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// What other programs read: the log goes through the library's own reader.
func TestIntervalsAreReadBack(t *testing.T) {
	w := newWriter(t)
	intervals, err := w.NewIntervalsWriter()
	if err != nil {
		t.Fatal(err)
	}
	h := hdrhistogram.New(1000, int64(10*time.Minute), 3)
	for at := range 4 {
		h.Reset()
		if at != 2 { // an interval in which nothing was due is a line too
			if err := h.RecordValues(int64(3*time.Millisecond), int64(10*(at+1))); err != nil {
				t.Fatal(err)
			}
		}
		from := time.Duration(at) * 250 * time.Millisecond
		if err := intervals.Write("a=b, c", "ok", "set", from, from+250*time.Millisecond, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := intervals.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(w.Dir(), result.IntervalsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := hdrhistogram.NewHistogramLogReader(file)
	for at, want := range []int64{10, 20, 0, 40} {
		got, err := reader.NextIntervalHistogram()
		if err != nil || got == nil {
			t.Fatalf("interval %d: %v, %v", at, got, err)
		}
		if got.TotalCount() != want || got.Tag() != "a=b__c/ok/set" || got.StartTimeMs() != int64(250*at) ||
			got.EndTimeMs() != int64(250*(at+1)) {
			t.Errorf("interval %d: %d values tagged %q from %d to %d ms", at, got.TotalCount(), got.Tag(),
				got.StartTimeMs(), got.EndTimeMs())
		}
		if want > 0 && !h.ValuesAreEquivalent(got.ValueAtQuantile(50), int64(3*time.Millisecond)) {
			t.Errorf("interval %d: median %d ns, want 3 ms", at, got.ValueAtQuantile(50))
		}
	}
}

func TestNoIntervalsAreNoFile(t *testing.T) {
	w := newWriter(t)
	intervals, err := w.NewIntervalsWriter()
	if err != nil {
		t.Fatal(err)
	}
	if err := intervals.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(w.Dir()); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v: want an empty folder", entries, err)
	}
}

func TestPercentilesAreThoseOfTheHistogram(t *testing.T) {
	w := newWriter(t)
	h := hdrhistogram.New(1, 600e6, 3)
	for us := range 1000 {
		if err := h.RecordValue(int64(us + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WritePercentiles("response-x", h); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(w.Dir(), "response-x"+result.PercentilesSuffix))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") || fields[0] == "Value" {
			continue
		}
		value, err1 := strconv.ParseFloat(fields[0], 64)
		quantile, err2 := strconv.ParseFloat(fields[1], 64)
		if err1 != nil || err2 != nil || value < quantile-0.002 || value > quantile+0.002 {
			t.Errorf("%q: want a value of as many milliseconds as the quantile", lines.Text())
		}
		rows++
	}
	if rows < 10 {
		t.Errorf("%d rows", rows)
	}
}
