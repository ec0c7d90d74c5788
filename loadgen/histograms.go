package loadgen

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range and precision of the histograms.
const (
	HistogramMin    = time.Microsecond
	HistogramMax    = 10 * time.Minute
	HistogramDigits = 3
)

// lateAfter is the send lag from which an operation counts as late.
const lateAfter = time.Millisecond

// Histograms is the Recorder of distributions: response, service and lag, and response by outcome, of the operations
// intended within the window. Its memory is fixed: about 1 MB.
type Histograms struct {
	mu       sync.Mutex
	from, to time.Duration

	response  *hdrhistogram.Histogram // ok, and all others as censored samples
	service   *hdrhistogram.Histogram // ok
	lag       *hdrhistogram.Histogram // all that were dispatched
	byOutcome [Shed + 1]*hdrhistogram.Histogram

	last  time.Duration // the latest instant seen
	acked int64         // ok operations that ended within the window, whenever they were intended
	stats Stats         // counters only
}

// NewHistograms returns empty histograms whose window is all time.
func NewHistograms() *Histograms {
	h := &Histograms{to: Forever, response: newHistogram(), service: newHistogram(), lag: newHistogram()}
	for outcome := range h.byOutcome {
		h.byOutcome[outcome] = newHistogram()
	}
	return h
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(HistogramMin/time.Microsecond), int64(HistogramMax/time.Microsecond), HistogramDigits)
}

// SetWindow implements Windowed.
func (h *Histograms) SetWindow(from, to time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.from, h.to = from, to
}

// Record implements Recorder.
func (h *Histograms) Record(op *Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = max(h.last, op.Intended, op.Done)
	if op.Outcome == OK && op.Done >= h.from && op.Done < h.to {
		h.acked++
	}
	if op.Intended < h.from || op.Intended >= h.to {
		return
	}
	h.stats.Offered++
	switch op.Outcome {
	case OK:
		h.stats.OK++
		h.record(h.service, op.Done-op.Sent)
	case Failed:
		h.stats.Failed++
	case Unknown:
		h.stats.Unknown++
	case Shed:
		h.stats.Shed++
	}
	h.stats.Attempts += int64(op.Attempts)
	h.stats.Redirects += int64(op.Redirects)
	if op.Dispatched >= 0 {
		h.recordLag(op.Dispatched - op.Intended)
	}
	h.record(h.response, h.waited(op))
	h.record(h.byOutcome[op.Outcome], op.Done-op.Intended)
}

// waited returns how long the user of op waited: to the answer, or in vain, and then at least to the deadline, so that
// no error improves a percentile.
func (h *Histograms) waited(op *Op) time.Duration {
	if op.Outcome == OK {
		return op.Done - op.Intended
	}
	h.stats.Censored++
	return max(op.Done, op.Deadline) - op.Intended
}

func (h *Histograms) recordLag(lag time.Duration) {
	if lag < 0 {
		h.stats.Early++
	}
	if lag > lateAfter {
		h.stats.Late++
	}
	h.record(h.lag, lag)
}

// record rounds up to microseconds: nothing takes no time, and a wait is never shown shorter than it was. A negative
// duration, which no operation should have, is recorded as zero and counted.
func (h *Histograms) record(into *hdrhistogram.Histogram, d time.Duration) {
	if d < 0 {
		h.stats.Negative++
		d = 0
	}
	if d > HistogramMax {
		h.stats.Capped++
		d = HistogramMax
	}
	us := max(1, int64((d+time.Microsecond-1)/time.Microsecond))
	if err := into.RecordValue(us); err != nil {
		h.stats.Capped++ // cannot be: d is within the range
	}
}

// Response returns a copy of the response histogram, microseconds, all outcomes.
func (h *Histograms) Response() *hdrhistogram.Histogram { return h.clone(h.response) }

// Service returns a copy of the service histogram, microseconds, ok operations.
func (h *Histograms) Service() *hdrhistogram.Histogram { return h.clone(h.service) }

// SendLag returns a copy of the send lag histogram, microseconds, all operations that were dispatched.
func (h *Histograms) SendLag() *hdrhistogram.Histogram { return h.clone(h.lag) }

// ResponseOf returns a copy of the response histogram of one outcome, uncensored: to the instant at which it was known.
func (h *Histograms) ResponseOf(outcome Outcome) *hdrhistogram.Histogram {
	return h.clone(h.byOutcome[outcome])
}

func (h *Histograms) clone(of *hdrhistogram.Histogram) *hdrhistogram.Histogram {
	h.mu.Lock()
	defer h.mu.Unlock()
	return of.Clone()
}

// Stats sums up what was recorded. An open window counts as closed at the last instant seen.
func (h *Histograms) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	to := h.to
	if to == Forever {
		to = h.last
	}
	s.setWindow(h.from, to, h.acked)
	s.ResponseUs = quantilesOf(h.response)
	s.ServiceUs = quantilesOf(h.service)
	s.SendLagUs = quantilesOf(h.lag)
	s.FailedUs = quantilesOf(h.byOutcome[Failed])
	s.UnknownUs = quantilesOf(h.byOutcome[Unknown])
	return s
}
