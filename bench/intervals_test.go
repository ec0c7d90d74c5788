package bench

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// Every operation is in the interval of its intended start, under its outcome; one that failed counts to its deadline.
func TestIntervalsHoldEveryOperation(t *testing.T) {
	w, err := result.Create(filepath.Join(t.TempDir(), "r"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.NewIntervalsWriter()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{from: time.Hour}
	const gap = 10 * time.Millisecond
	for n := range 200 { // for two seconds, of which nothing is due in the second half of the first
		at := r.from + time.Duration(n)*gap
		if n >= 50 && n < 100 {
			continue
		}
		e := loadgen.Entry{Kind: loadgen.Set, Intended: at, Done: at + time.Millisecond, Deadline: at + 5*time.Second}
		if n%10 == 0 {
			e.Outcome = loadgen.Failed
		}
		r.entries = append(r.entries, e)
	}
	a := &armRecord{name: "x", clock: armClock{offset: time.Hour - 3*time.Second}}
	if err := errors.Join(a.writeIntervals(r, out), out.Close()); err != nil {
		t.Fatal(err)
	}
	type line struct {
		n     int64
		worst time.Duration
	}
	got := map[string]map[int64]line{}
	file, err := os.Open(filepath.Join(w.Dir(), result.IntervalsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for reader := hdrhistogram.NewHistogramLogReader(file); ; {
		h, err := reader.NextIntervalHistogram()
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		if got[h.Tag()] == nil {
			got[h.Tag()] = map[int64]line{}
		}
		got[h.Tag()][h.StartTimeMs()] = line{h.TotalCount(), time.Duration(h.Max()).Round(time.Millisecond)}
	}
	for interval := range int64(8) {
		at, ok, failed := 3000+250*interval, line{22, time.Millisecond}, line{3, 5 * time.Second}
		switch {
		case interval == 2 || interval == 3:
			ok, failed = line{}, line{}
		case interval%2 == 1:
			ok.n, failed.n = 23, 2
		}
		gotFailed := got["x/failed/set"][at]
		gotFailed.worst = gotFailed.worst.Round(100 * time.Millisecond) // three digits
		if got["x/ok/set"][at] != ok || gotFailed != failed {
			t.Errorf("from %d ms: %v ok and %v failed, want %v and %v", at, got["x/ok/set"][at], gotFailed, ok, failed)
		}
	}
	if n := len(got["x/ok/set"]); n != 8 {
		t.Errorf("%d intervals, want 8: one in which nothing was due is a line too", n)
	}
}
