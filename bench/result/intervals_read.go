package result

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Interval is a line of intervals.hlog.
type Interval struct {
	Arm, Outcome, Kind string
	From, To           time.Duration // of the arm's clock
	Histogram          *hdrhistogram.Histogram
}

// Intervals reads intervals.hlog line by line. A result without the file has none. After an error the sequence ends.
func (r *Result) Intervals() iter.Seq2[Interval, error] {
	return func(yield func(Interval, error) bool) {
		file, err := os.Open(filepath.Join(r.Dir, IntervalsFile))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(Interval{}, err)
			return
		}
		defer file.Close()
		r.yieldIntervals(file, yield)
	}
}

func (r *Result) yieldIntervals(file io.Reader, yield func(Interval, error) bool) {
	names := map[string]string{}
	for arm := range r.arms {
		names[tagOf(arm)] = arm
	}
	log := hdrhistogram.NewHistogramLogReader(bufio.NewReaderSize(file, 1<<16))
	for number := 1; ; number++ {
		h, err := log.NextIntervalHistogram()
		if err == nil && h == nil {
			return
		}
		var i Interval
		if err == nil {
			i, err = intervalOf(h, names)
		}
		if err != nil {
			yield(Interval{}, fileErrorf(IntervalsFile, 0, "", "interval %d: %w", number, err))
			return
		}
		if !yield(i, nil) {
			return
		}
	}
}

// intervalOf takes a tag apart: ARM/OUTCOME/OPERATION, and an arm may have slashes.
func intervalOf(h *hdrhistogram.Histogram, names map[string]string) (Interval, error) {
	parts := strings.Split(h.Tag(), "/")
	if len(parts) < 3 {
		return Interval{}, fmt.Errorf("the tag %q is not ARM/OUTCOME/OPERATION", h.Tag())
	}
	n := len(parts)
	arm, ok := names[strings.Join(parts[:n-2], "/")]
	if !ok {
		return Interval{}, fmt.Errorf("the summary has no arm of the tag %q", h.Tag())
	}
	i := Interval{
		Arm: arm, Outcome: parts[n-2], Kind: parts[n-1], Histogram: h,
		From: time.Duration(h.StartTimeMs()) * time.Millisecond, To: time.Duration(h.EndTimeMs()) * time.Millisecond,
	}
	if i.To < i.From {
		return Interval{}, fmt.Errorf("it ends at %v, before its begin at %v", i.To, i.From)
	}
	return i, nil
}
