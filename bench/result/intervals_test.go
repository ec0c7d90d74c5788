package result_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// percentileRow is a line of a table of percentiles; beyond is 1/(1-Percentile), 0 in the last line.
type percentileRow struct {
	value, percentile, beyond float64
	count                     int64
}

// parsePercentiles reads a .hgrm file by the grammar of HdrHistogram's outputPercentileDistribution, line for line.
func parsePercentiles(t *testing.T, path string) (rows []percentileRow, footer map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "\n\n")
	want := []string{"Value", "Percentile", "TotalCount", "1/(1-Percentile)"}
	if !slices.Equal(strings.Fields(head), want) {
		t.Fatalf("header %q", head)
	}
	number := `([0-9]+\.[0-9]+)`
	row := regexp.MustCompile(`^ *` + number + ` +([01]\.[0-9]{12}) +([0-9]+)(?: +` + number + `)?$`)
	note := regexp.MustCompile(`^#\[(\w+) += +([0-9.]+), ([\w ]+?) += +([0-9.]+)\]$`)
	footer = map[string]string{}
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		if m := note.FindStringSubmatch(line); m != nil {
			footer[m[1]], footer[m[3]] = m[2], m[4]
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil || len(footer) > 0 {
			t.Fatalf("%q is no line of the format", line)
		}
		var r percentileRow
		r.value, _ = strconv.ParseFloat(m[1], 64)
		r.percentile, _ = strconv.ParseFloat(m[2], 64)
		r.count, _ = strconv.ParseInt(m[3], 10, 64)
		r.beyond, _ = strconv.ParseFloat(m[4], 64)
		rows = append(rows, r)
	}
	return rows, footer
}

// What is written is what was recorded, in the published format, down to the far tail.
func TestPercentilesAreThoseOfTheHistogram(t *testing.T) {
	w := newWriter(t)
	h := hdrhistogram.New(1, 600e6, 3)
	const halves = 24 // of what is left, each is as long as one millisecond more
	const n = 1<<halves - 1
	for k := range int64(halves) {
		if err := h.RecordValues(1000*(k+1), 1<<(halves-1-k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WritePercentiles("response-x", h); err != nil {
		t.Fatal(err)
	}
	rows, footer := parsePercentiles(t, filepath.Join(w.Dir(), "response-x"+result.PercentilesSuffix))
	if len(rows) < 4*halves {
		t.Errorf("%d rows", len(rows))
	}
	before := percentileRow{percentile: -1}
	for i, r := range rows {
		last := i == len(rows)-1
		falls := r.value < before.value || r.percentile < before.percentile || r.count < before.count
		if falls || r.beyond == 0 != last {
			t.Errorf("row %d: %+v after %+v", i, r, before)
		}
		if want := int64(1<<halves - 1<<(halves-int(r.value))); r.count != want || float64(r.count) < r.percentile*n-1 {
			t.Errorf("row %d: %+v: want %d values up to this one", i, r, want)
		}
		if !last && math.Abs(r.beyond*(1-r.percentile)-1) > .01 {
			t.Errorf("row %d: %+v: the columns do not fit together", i, r)
		}
		before = r
	}
	if before.percentile != 1 || before.count != n || int(before.value) != halves {
		t.Errorf("the last row is %+v", before)
	}
	for key, want := range map[string]string{
		"Mean": "2.00", "Max": "24.0", "Total count": strconv.Itoa(n), "SubBuckets": "2048",
	} {
		if !strings.HasPrefix(footer[key], want) {
			t.Errorf("footer: %s = %q, want %s", key, footer[key], want)
		}
	}
}

func TestPercentilesOfNothing(t *testing.T) {
	w := newWriter(t)
	if err := w.WritePercentiles("service-x", hdrhistogram.New(1, 600e6, 3)); err != nil {
		t.Fatal(err)
	}
	rows, footer := parsePercentiles(t, filepath.Join(w.Dir(), "service-x"+result.PercentilesSuffix))
	if len(rows) > 1 || footer["Total count"] != "0" {
		t.Errorf("got %+v, %v", rows, footer)
	}
}
