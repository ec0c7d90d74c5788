package bench

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// Saturation searches for the highest offered rate that the cluster holds under a limit of the 99th percentile (rule
// R19), and then measures the latency at shares of that rate. Each rate is held on the same cluster by an open loop of
// its own, with its own warm-up. load says all of the load but its rate.
type Saturation struct {
	// SLOP99 is what the 99th percentile of the response may be. Default 10 ms. Raised, the knee is further right and
	// depends more on Hold: a queue needs time to grow.
	SLOP99 Duration `yaml:"slo_p99"`
	// From is the first rate, which the cluster should hold with ease: from*hold is 368 operations or more, so that there
	// is a p99. Default 1000/s.
	From Rate `yaml:"from"`
	// To is the highest rate that is offered. Default 80000/s. A search that ends there has found no limit.
	To Rate `yaml:"to"`
	// Growth is the factor from one rate to the next while rates are held, above 1 to 10. Default 1.6. Lower: more points
	// before the knee, and a longer search.
	Growth float64 `yaml:"growth"`
	// Refine is how often the gap between the highest rate that was held and the lowest that was not is halved, 0 to 6.
	// Default 3: the knee is known to growth^(1/8). Higher: closer, until the noise of the machine is reached.
	Refine int `yaml:"refine"`
	// Warmup and Hold are of each point. Default 500 ms and 2 s. A longer hold sees slower queues and rarer stalls, and
	// keeps more operations to check.
	Warmup Duration `yaml:"warmup"`
	Hold   Duration `yaml:"hold"`
	// Shares are where the latency is measured after the search, above 0 and below 1, of the knee of the same run.
	// Default 0.3, 0.6, 0.8.
	Shares []float64 `yaml:"shares"`
	// ShareHold is the hold of these. Default 4 s.
	ShareHold Duration `yaml:"share_hold"`
}

// DefaultSaturation returns the search of which a file names the differences.
func DefaultSaturation() Saturation {
	const second = Duration(time.Second)
	return Saturation{
		SLOP99: second / 100, From: 1000, To: 80_000, Growth: 1.6, Refine: 3,
		Warmup: second / 2, Hold: 2 * second, Shares: []float64{0.3, 0.6, 0.8}, ShareHold: 4 * second,
	}
}

// UnmarshalYAML decodes over the defaults.
func (o *Saturation) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Saturation
	value := plain(DefaultSaturation())
	if err := unmarshal(&value); err != nil {
		return err
	}
	*o = Saturation(value)
	return nil
}

// The bounds of a search.
const (
	saturationGrowthMax = 10
	saturationRefineMax = 6
	saturationClimbMax  = 40 // rates of the climb
	saturationSharesMax = 10
	// drainMax bounds the timeout of clients: a point that is over the limit drains for so long.
	saturationTimeoutMax = Duration(30 * time.Second)
)

func (o *Saturation) clone() *Saturation {
	if o == nil {
		return nil
	}
	copied := *o
	copied.Shares = slices.Clone(o.Shares)
	return &copied
}

func (s Scenario) validateSaturation(f *faults) {
	o := s.Saturation
	if o == nil {
		return
	}
	const at = "saturation."
	f.need(s.Closed == nil && s.Course == nil && s.Exchange == nil, "saturation", "set",
		"left out with closed, course or exchange")
	f.need(len(s.Faults) == 0, "faults", len(s.Faults), "empty with saturation")
	f.need(s.SlowFollower == 0, "slow_follower", s.SlowFollower, "0 with saturation")
	f.need(s.Load.Schedule == string(loadgen.SchedulePoisson) || s.Load.Schedule == string(loadgen.ScheduleConst),
		"load.schedule", quoted(s.Load.Schedule), "poisson or const with saturation")
	f.need(s.Load.Timeout <= saturationTimeoutMax, "load.timeout", s.Load.Timeout, "at most %s with saturation",
		saturationTimeoutMax)
	f.need(o.SLOP99 >= Duration(100*time.Microsecond) && o.SLOP99 < s.Load.Timeout, at+"slo_p99", o.SLOP99,
		"100µs or more, and below load.timeout (%s)", s.Load.Timeout)
	f.need(o.From > 0 && o.From <= 1e6, at+"from", o.From, "above 0 and at most 1000000/s")
	f.need(o.To > o.From && o.To <= 1e6, at+"to", o.To, "above from (%s) and at most 1000000/s", o.From)
	f.need(o.Growth > 1 && o.Growth <= saturationGrowthMax, at+"growth", o.Growth, "above 1 and at most %d",
		saturationGrowthMax)
	f.need(o.Refine >= 0 && o.Refine <= saturationRefineMax, at+"refine", o.Refine, "0 to %d", saturationRefineMax)
	f.need(o.Warmup >= 0 && o.Warmup <= phaseMax, at+"warmup", o.Warmup, "0s to %s", phaseMax)
	for _, hold := range []struct {
		field string
		value Duration
		rate  float64 // the least that is held for so long
	}{{"hold", o.Hold, float64(o.From)}, {"share_hold", o.ShareHold, float64(o.From) * leastShare(o.Shares)}} {
		least := loadgen.MinimumSample(0.99)
		f.need(hold.value >= Duration(time.Second) && hold.value <= phaseMax, at+hold.field, hold.value, "1s to %s", phaseMax)
		f.need(hold.rate*time.Duration(hold.value).Seconds() >= float64(least), at+hold.field, hold.value,
			"long enough for the %d operations that a p99 needs, at %.0f/s", least, hold.rate)
	}
	length := time.Duration(o.Warmup + max(o.Hold, o.ShareHold)).Seconds()
	f.need(float64(o.To)*length <= operationsPerRunMax, at+"to", o.To,
		"at most %.0f/s, so that a point has %d operations or fewer", operationsPerRunMax/max(1, length), operationsPerRunMax)
	for i, share := range o.Shares {
		f.need(share > 0 && share < 1 && !slices.Contains(o.Shares[:i], share), fmt.Sprintf("%sshares[%d]", at, i), share,
			"above 0, below 1, and listed once")
	}
	f.need(len(o.Shares) <= saturationSharesMax, at+"shares", len(o.Shares), "at most %d", saturationSharesMax)
	if o.From > 0 && o.To > o.From && o.Growth > 1 {
		climb := math.Log(float64(o.To/o.From)) / math.Log(o.Growth)
		f.need(climb <= saturationClimbMax, at+"growth", o.Growth, "high enough for at most %d rates up to %s",
			saturationClimbMax, o.To)
	}
}

func leastShare(shares []float64) float64 {
	if len(shares) == 0 {
		return 1
	}
	return slices.Min(shares)
}

// planned estimates how long one run takes, when the knee is in the middle of the climb.
func (o *Saturation) planned() time.Duration {
	climb := math.Log(float64(o.To/o.From)) / math.Log(o.Growth) * 2 / 3
	points := climb + 1.5*float64(o.Refine) + 2
	each := time.Duration(o.Warmup+o.Hold) + saturationPause + time.Second/2
	total := time.Duration(points * float64(each))
	for range o.Shares {
		total += time.Duration(o.Warmup+o.ShareHold) + saturationPause
	}
	return 2 * total // every key is read back
}

// rateOf returns the rate number i of the grid on which all runs and arms search: they meet at the same rates.
func (o *Saturation) rateOf(i int) float64 {
	rate := float64(o.From) * math.Pow(o.Growth, float64(i)/float64(o.stride()))
	if rate < 100 {
		return math.Round(rate*10) / 10
	}
	return math.Round(rate)
}

// stride is how many rates of the grid the climb takes at once.
func (o *Saturation) stride() int { return 1 << o.Refine }

// top returns the number of the highest rate of the grid.
func (o *Saturation) top() int {
	top := int(math.Log(float64(o.To/o.From)) / math.Log(o.Growth) * float64(o.stride()))
	for o.rateOf(top+1) <= float64(o.To) { // logarithms round
		top++
	}
	for top > 0 && o.rateOf(top) > float64(o.To) {
		top--
	}
	return top
}
