package result

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// IntervalsFile is the response times of all operations, a histogram an interval, in the HDR interval log format:
// HistogramLogAnalyzer opens it. Values are nanoseconds, instants seconds on the arm's clock.
const IntervalsFile = "intervals.hlog"

// IntervalsWriter writes intervals.hlog line by line, so that a long run needs no memory for it.
type IntervalsWriter struct {
	owner    *Writer
	file     *atomicFile
	buffered *bufio.Writer
	log      *hdrhistogram.HistogramLogWriter
	lines    int
}

// NewIntervalsWriter starts intervals.hlog. The file appears at Close.
func (w *Writer) NewIntervalsWriter() (*IntervalsWriter, error) {
	file, err := createAtomic(w.dir, IntervalsFile)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewWriterSize(file, 1<<16)
	i := &IntervalsWriter{owner: w, file: file, buffered: buffered, log: hdrhistogram.NewHistogramLogWriter(buffered)}
	err = errors.Join(
		i.log.OutputComment("[Response times in ns by intended start; tags are ARM/OUTCOME/OPERATION. What did not end "+
			"ok is censored: at least to its deadline]"),
		i.log.OutputLogFormatVersion(),
		i.log.OutputStartTime(0),
		i.log.OutputLegend(),
	)
	if err != nil {
		file.abort()
		return nil, fmt.Errorf("write %s: %w", IntervalsFile, err)
	}
	return i, nil
}

// Write adds the interval [from, to) of the arm's clock: the operations of one kind that were due in it and ended so.
// Instants are rounded to milliseconds. The histogram's own tag and instants are replaced.
func (i *IntervalsWriter) Write(arm, outcome, kind string, from, to time.Duration, h *hdrhistogram.Histogram) error {
	h.SetTag(tagOf(arm + "/" + outcome + "/" + kind))
	h.SetStartTimeMs(from.Round(time.Millisecond).Milliseconds())
	h.SetEndTimeMs(to.Round(time.Millisecond).Milliseconds())
	i.lines++
	if err := i.log.OutputIntervalHistogram(h); err != nil {
		return fmt.Errorf("write %s: %w", IntervalsFile, err)
	}
	return nil
}

// tagOf replaces what a tag must not have: it ends at a comma, a line at a line break.
func tagOf(name string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(", \r\n", c) {
			return '_'
		}
		return c
	}, name)
}

// Close makes the file appear, unless nothing was written to it.
func (i *IntervalsWriter) Close() error {
	if i.lines == 0 {
		i.Abort()
		return nil
	}
	if err := i.buffered.Flush(); err != nil {
		i.file.abort()
		return fmt.Errorf("write %s: %w", IntervalsFile, err)
	}
	sum, err := i.file.commit()
	if err != nil {
		return err
	}
	i.owner.checksums[IntervalsFile] = sum
	return nil
}

// Abort gives the file up.
func (i *IntervalsWriter) Abort() { i.file.abort() }

// Bounds of the percentile files: lines for each halving of the distance to 100 %, and microseconds in the
// milliseconds that are written.
const (
	percentileTicks = 5
	percentileScale = 1000.0
)

// PercentilesSuffix ends the names of the files of WritePercentiles.
const PercentilesSuffix = ".hgrm"

// WritePercentiles writes NAME.hgrm: the percentiles of h, whose values are microseconds, in milliseconds, as
// HdrHistogram's plotters read them.
//
// Note: the format is that of the Java version. The Go version prints six digits of a percentile, so that those of a
// long tail are all 1, and has a number that is none in the last line.
func (w *Writer) WritePercentiles(name string, h *hdrhistogram.Histogram) error {
	return w.write(name+PercentilesSuffix, func(out io.Writer) error {
		var printed bytes.Buffer
		if _, err := h.PercentilesPrint(&printed, percentileTicks, percentileScale); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
		for _, at := range h.CumulativeDistributionWithTicks(percentileTicks) {
			if err != nil {
				return err
			}
			value, quantile := float64(at.ValueAt)/percentileScale, at.Quantile/100
			if quantile < 1 {
				_, err = fmt.Fprintf(out, "%12.3f %2.12f %10d %14.2f\n", value, quantile, at.Count, 1/(1-quantile))
			} else {
				_, err = fmt.Fprintf(out, "%12.3f %2.12f %10d\n", value, quantile, at.Count)
			}
		}
		if err != nil {
			return err
		}
		_, footer, _ := strings.Cut(printed.String(), "#[") // it has what the histogram does not tell otherwise
		_, err = io.WriteString(out, "#["+footer)
		return err
	})
}
