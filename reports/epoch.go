package reports

import (
	"math"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
)

// The window around a fault, in microseconds.
const (
	beforeFault   = 500_000
	afterFaultMin = 1_000_000
	afterFaultMax = 10_000_000
)

// afterHealing is how many milliseconds are shown after a disk was healed, at least.
const afterHealing = 1000

// epoch is the trials of one kind in one arm, laid on each other so that each fault is at 0.
type epoch struct {
	windows []window // of the trials, in the order of time
	bin     int64    // microseconds
	bins    int
	// acked[trial][bin] counts acknowledgements; responses[bin] are of the operations meant to start there, in all trials.
	acked     [][]float64
	responses [][]float64
}

// layOut gives all arms the same window and bins for a kind, so that they can be compared.
func (s *study) layOut(kind string) {
	worst, offered := 0.0, 0.0
	for _, a := range s.arms {
		if most, ok := a.outages(kind).Max(); ok {
			worst = max(worst, most)
		}
		if a.Steady != nil {
			offered = max(offered, a.Steady.OfferedPerS)
		}
	}
	shown := worst * 1.75
	if lasts(kind) {
		shown = s.lasted(kind) + afterHealing
	}
	after := int64(math.Ceil(shown/500)) * 500_000
	after = min(max(min(after, s.untilNext(kind)), afterFaultMin), afterFaultMax)
	bin := int64(10_000)
	for _, wider := range []int64{20_000, 50_000, 100_000} {
		if offered*float64(bin)/1e6 < 5 {
			bin = wider
		}
	}
	for _, a := range s.arms {
		if len(a.trials[kind]) > 0 {
			a.laid[kind] = newEpoch(a.trials[kind], bin, after)
		}
	}
}

// lasted returns for how many milliseconds a disk was broken at most in the trials of a kind.
func (s *study) lasted(kind string) float64 {
	longest := 0.0
	for _, a := range s.arms {
		for _, t := range a.trials[kind] {
			longest = max(longest, float64(t.HealUs-t.InjectUs)/1e3)
		}
	}
	return longest
}

// untilNext returns for how long no other fault follows one of a kind, in whole half seconds: what comes after that is
// about another trial.
func (s *study) untilNext(kind string) int64 {
	least := int64(afterFaultMax)
	for _, a := range s.arms {
		for _, t := range a.trials[kind] {
			for _, others := range a.trials {
				for _, next := range others {
					if next.CommandUs > t.InjectUs {
						least = min(least, next.CommandUs-t.InjectUs)
					}
				}
			}
		}
	}
	return least / 500_000 * 500_000
}

func newEpoch(trials []result.Trial, bin, after int64) *epoch {
	e := &epoch{bin: bin, bins: int((beforeFault + after) / bin)}
	for _, t := range trials {
		if t.InjectUs >= 0 {
			e.windows = append(e.windows, window{t.InjectUs - beforeFault, t.InjectUs - beforeFault + int64(e.bins)*bin})
		}
	}
	slices.SortFunc(e.windows, func(a, b window) int { return int(a.from - b.from) })
	e.acked = make([][]float64, len(e.windows))
	for i := range e.acked {
		e.acked[i] = make([]float64, e.bins)
	}
	e.responses = make([][]float64, e.bins)
	return e
}

// add counts an operation in every trial whose window it falls in; windows may overlap.
func (e *epoch) add(op *result.OpRow, response float64, known bool) {
	if known {
		e.each(op.IntendedUs, func(_, bin int) { e.responses[bin] = append(e.responses[bin], response) })
	}
	if op.Outcome == "ok" {
		e.each(op.DoneUs, func(trial, bin int) { e.acked[trial][bin] += float64(op.SampledOneIn) })
	}
}

func (e *epoch) each(t int64, visit func(trial, bin int)) {
	first, _ := find(e.windows, t)
	for i := first; i < len(e.windows) && e.windows[i].from <= t; i++ {
		if t < e.windows[i].to {
			visit(i, int((t-e.windows[i].from)/e.bin))
		}
	}
}

// empty says whether no operation fell into the windows.
func (e *epoch) empty() bool {
	for _, values := range e.responses {
		if len(values) > 0 {
			return false
		}
	}
	return true
}

// band is the share of a sample between the ends of a band; n decides whether that is p10 to p90 or all of it.
func band(sample stat.Sample, few bool) (low, high float64) {
	if few {
		return sample[0], sample[len(sample)-1]
	}
	return sample.OrderStatistic(.1), sample.OrderStatistic(.9)
}

// overlayArm sums up the trials for the figure.
func (a *armStudy) overlayArm(kind string, few bool) plot.OverlayArm {
	e := a.laid[kind]
	since := func(of func(result.Trial) int64) float64 {
		return median(a.trials[kind], func(t result.Trial) (float64, bool) {
			return float64(of(t)-t.InjectUs) / 1e3, of(t) >= 0 && t.InjectUs >= 0
		})
	}
	o := plot.OverlayArm{
		Label: a.Name, N: len(e.windows),
		Detect:   since(func(t result.Trial) int64 { return t.DetectUs }),
		Elect:    since(func(t result.Trial) int64 { return t.ElectUs }),
		Commit:   since(func(t result.Trial) int64 { return t.CommitUs }),
		FirstAck: since(func(t result.Trial) int64 { return t.FirstAckUs }),
		Heal:     math.NaN(),
	}
	if result.Survived(kind) {
		o.FirstAck = math.NaN() // nothing was out
	}
	if lasts(kind) || kind == result.KindPowerLoss {
		o.Heal = since(func(t result.Trial) int64 { return t.HealUs })
	}
	perSecond := 1e6 / float64(e.bin)
	for i := range e.bins {
		b := plot.OverlayBin{
			StartMs:       float64(int64(i)*e.bin-beforeFault) / 1e3,
			ResponseLowUs: math.NaN(), ResponseMidUs: math.NaN(), ResponseHiUs: math.NaN(),
		}
		var rates []float64
		for trial := range e.acked {
			rates = append(rates, e.acked[trial][i]*perSecond)
		}
		if rates := stat.Sorted(rates); len(rates) > 0 {
			b.GoodputMid = rates.OrderStatistic(.5)
			b.GoodputLow, b.GoodputHigh = band(rates, few)
		}
		if responses := stat.Sorted(e.responses[i]); len(responses) > 0 {
			b.ResponseMidUs = max(1, responses.OrderStatistic(.5))
			b.ResponseLowUs, b.ResponseHiUs = band(responses, len(responses) < stat.MinSample(.9))
			b.ResponseLowUs, b.ResponseHiUs = max(1, b.ResponseLowUs), max(1, b.ResponseHiUs)
		}
		o.Bins = append(o.Bins, b)
	}
	return o
}
