package loadgen

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Quantiles are order statistics of one sample. A value whose sample is too small for a finite two-sided 95 %
// interval (rule R9) is nil.
type Quantiles struct {
	N    int      `json:"n"`
	Min  *float64 `json:"min,omitempty"`
	P50  *float64 `json:"p50"`
	P90  *float64 `json:"p90,omitempty"`
	P95  *float64 `json:"p95,omitempty"`
	P99  *float64 `json:"p99"`
	P999 *float64 `json:"p999,omitempty"`
	Max  *float64 `json:"max,omitempty"`
}

// Stats sums up a window of operations.
type Stats struct {
	From         time.Duration `json:"from_ns"`
	To           time.Duration `json:"to_ns"`
	DurationS    float64       `json:"duration_s"`
	Closed       bool          `json:"closed"`         // closed loop: response is service time
	OfferedPerS  float64       `json:"offered_per_s"`  // intended within the window
	AchievedPerS float64       `json:"achieved_per_s"` // acknowledged within the window
	ResponseUs   Quantiles     `json:"response_us"`    // all outcomes; not ok: at least to the deadline
	ServiceUs    Quantiles     `json:"service_us"`     // ok only
	SendLagUs    Quantiles     `json:"send_lag_us"`    // all that were dispatched
	FailedUs     Quantiles     `json:"failed_us"`      // response of the failed, to the instant it was known
	UnknownUs    Quantiles     `json:"unknown_us"`     // response of the unknown, to the instant it was given up
	Offered      int64         `json:"offered"`
	OK           int64         `json:"ok"`
	Failed       int64         `json:"failed"`
	Unknown      int64         `json:"unknown"`
	Shed         int64         `json:"shed"`
	Attempts     int64         `json:"attempts"`
	Redirects    int64         `json:"redirects"`
	Late         int64         `json:"late"`     // dispatched more than 1 ms after the intended instant
	Early        int64         `json:"early"`    // dispatched before it: a fault of the pacing
	Negative     int64         `json:"negative"` // latencies below zero, recorded as zero
	Capped       int64         `json:"capped"`   // latencies beyond the histogram's range: quantiles are lower bounds
	Censored     int64         `json:"censored"` // response samples that are lower bounds
	// Self is what happened to the generator's process; nil where nobody looked, as in figures of a stored trace.
	Self *Self `json:"self,omitempty"`
}

func (s *Stats) setWindow(from, to time.Duration, acked int64) {
	s.From, s.To = from, to
	if length := to - from; length > 0 {
		s.DurationS = length.Seconds()
		s.OfferedPerS = float64(s.Offered) / s.DurationS
		s.AchievedPerS = float64(acked) / s.DurationS
	}
}

// MinimumSample returns the sample that quantile q needs: the smallest n with a finite two-sided 95 % interval.
func MinimumSample(q float64) int {
	return int(math.Ceil(math.Log(0.025) / math.Log(math.Max(q, 1-q))))
}

func quantilesOf(h *hdrhistogram.Histogram) Quantiles {
	q := Quantiles{N: int(h.TotalCount())}
	if q.N == 0 {
		return q
	}
	at := func(quantile float64) *float64 {
		if q.N < MinimumSample(quantile) {
			return nil
		}
		// Rank ceil(q·n): at least q of the sample are at most the value. HdrHistogram rounds to the nearest rank, which may
		// be the one below, and says less than was seen.
		rank := math.Ceil(quantile * float64(q.N))
		value := float64(h.ValueAtQuantile(100 * rank / float64(q.N)))
		return &value
	}
	least, most := float64(h.Min()), float64(h.Max())
	q.Min, q.Max = &least, &most
	q.P50, q.P90, q.P95, q.P99, q.P999 = at(0.5), at(0.9), at(0.95), at(0.99), at(0.999)
	return q
}

// Bounds of a valid measurement (rule R16).
const (
	achievedShareMin = 0.99
	lagP99MaxUs      = 1000
	lagShareMax      = 0.10
	lateShareMax     = 0.05
)

// Invalid returns what makes the measurement invalid: reasons that lie in the generator, or a rate that was not
// achieved.
func (s Stats) Invalid() []string {
	var reasons []string
	if s.OK == 0 {
		reasons = append(reasons, fmt.Sprintf("none of %d operations was acknowledged", s.Offered))
	}
	if !s.Closed && s.OK > 0 && s.AchievedPerS < achievedShareMin*s.OfferedPerS {
		reasons = append(reasons, fmt.Sprintf("achieved %.1f/s of %.1f/s offered: below %.0f %%",
			s.AchievedPerS, s.OfferedPerS, achievedShareMin*100))
	}
	if lag, response := s.SendLagUs.P99, s.ResponseUs.P50; !s.Closed && lag != nil && response != nil &&
		*lag > lagP99MaxUs && *lag > lagShareMax**response {
		reasons = append(reasons, fmt.Sprintf(
			"the generator was late: send lag p99 %.0f µs is above %d µs and above %.0f %% of response p50 %.0f µs",
			*lag, lagP99MaxUs, lagShareMax*100, *response))
	}
	if sends := float64(s.SendLagUs.N); !s.Closed && float64(s.Late) > lateShareMax*sends {
		reasons = append(reasons, fmt.Sprintf(
			"the generator was late: %d of %.0f sends were more than %v late, above %.0f %%",
			s.Late, sends, lateAfter, lateShareMax*100))
	}
	if s.Self != nil && !s.Closed {
		reasons = append(reasons, s.Self.invalid(s.ResponseUs.P50)...)
	}
	if s.Early > 0 || s.Negative > 0 {
		reasons = append(reasons,
			fmt.Sprintf("%d operations were dispatched early, %d latencies were negative", s.Early, s.Negative))
	}
	return reasons
}
