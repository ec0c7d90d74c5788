package bench

import (
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// binWidth is the resolution of the timeline.
const binWidth = 10 * time.Millisecond

// Names of the phases that are no fault.
const (
	phaseStart  = "start"
	phaseWarmup = "warmup"
	phaseSteady = "steady"
	phaseSettle = "settle"
	phaseDrain  = "drain"
)

// span is a phase of a run: [from, to) on the machine's clock.
type span struct {
	name     string
	from, to time.Duration
}

// phaseLog notes the phases of a run as they begin; each ends where the next one begins.
type phaseLog struct{ spans []span }

func (p *phaseLog) begin(name string, at time.Duration) {
	p.end(at)
	p.spans = append(p.spans, span{name: name, from: at, to: at})
}

func (p *phaseLog) end(at time.Duration) {
	if n := len(p.spans); n > 0 {
		p.spans[n-1].to = at
	}
}

// at returns the phase's name at t, which may be of any order.
func (p *phaseLog) at(t time.Duration) string {
	i, found := slices.BinarySearchFunc(p.spans, t, func(s span, t time.Duration) int { return int(s.from - t) })
	if !found {
		i--
	}
	if i < 0 || len(p.spans) == 0 {
		return phaseStart
	}
	return p.spans[i].name
}

// timeline returns the bins of a run, every one of them (trap T10). Offered counts intended starts; outcomes count
// completions, except shed, which counts where it was intended; in flight is at the bin's end.
func timeline(entries []loadgen.Entry, phases *phaseLog, arm armClock, from, to time.Duration) []result.TimelineBin {
	n := int((to - from + binWidth - 1) / binWidth)
	bins := make([]result.TimelineBin, n)
	responses := make([][]int64, n)
	for i := range bins {
		at := from + time.Duration(i)*binWidth
		bins[i] = result.TimelineBin{
			Arm: arm.name, StartUs: arm.us(at), WidthUs: binWidth.Microseconds(), Phase: phases.at(at),
			P50Us: -1, P99Us: -1, MaxUs: -1,
		}
	}
	index := func(at time.Duration) (int, bool) {
		i := int((at - from) / binWidth)
		return i, at >= from && i < n
	}
	started, ended := make([]int64, n+1), make([]int64, n+1)
	for i := range entries {
		e := &entries[i]
		if at, ok := index(e.Intended); ok {
			bins[at].Offered++
			if e.Outcome == loadgen.Shed {
				bins[at].Shed++
				continue
			}
			started[at]++
		}
		at, ok := index(e.Done)
		if !ok {
			continue
		}
		ended[at]++
		switch e.Outcome {
		case loadgen.OK:
			bins[at].OK++
			responses[at] = append(responses[at], (e.Done - e.Intended).Microseconds())
		case loadgen.Failed:
			bins[at].Failed++
		case loadgen.Unknown:
			bins[at].Unknown++
		case loadgen.Shed:
		}
	}
	var inflight int64
	for i := range bins {
		inflight += started[i] - ended[i]
		bins[i].InFlight = max(0, inflight)
		if r := responses[i]; len(r) > 0 {
			slices.Sort(r)
			bins[i].P50Us, bins[i].MaxUs = r[rank(len(r), 0.5)], r[len(r)-1]
			if len(r) >= loadgen.MinimumSample(0.99) {
				bins[i].P99Us = r[rank(len(r), 0.99)]
			}
		}
	}
	return bins
}

// rank returns the position of the q-quantile among n sorted values: the smallest with a share of at least q at or
// below it.
func rank(n int, q float64) int {
	r := int(q * float64(n))
	if float64(r) < q*float64(n) {
		r++
	}
	return max(0, min(n-1, r-1))
}
