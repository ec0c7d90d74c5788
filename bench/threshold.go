package bench

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
)

// Threshold is a condition that every arm of a result must meet: "outage.p95<800ms".
type Threshold struct {
	Text string

	metric, statistic string
	above             bool // the value must be above the limit, else below
	limit             float64
}

var thresholdForm = regexp.MustCompile(`^([a-z_]+)\.([a-z0-9]+)\s*([<>])\s*(\S+)$`)

// thresholdMetrics are the metrics and how they are taken; latencies and outages in milliseconds.
var thresholdMetrics = [...]string{"outage", "leaderless", "response", "service"}

var thresholdStatistics = [...]string{"min", "p50", "p90", "p95", "p99", "p999", "max"}

// ParseThreshold reads a condition: metric.statistic, < or >, and a duration. A misspelt metric is an error, because a
// gate that cannot fail is worse than none (trap T11).
func ParseThreshold(text string) (Threshold, error) {
	parts := thresholdForm.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return Threshold{}, fmt.Errorf("threshold %q: must be like outage.p95<800ms", text)
	}
	t := Threshold{Text: strings.TrimSpace(text), metric: parts[1], statistic: parts[2], above: parts[3] == ">"}
	if !slices.Contains(thresholdMetrics[:], t.metric) {
		return Threshold{}, fmt.Errorf("threshold %q: metric %q must be one of %s", text, t.metric,
			strings.Join(thresholdMetrics[:], ", "))
	}
	if !slices.Contains(thresholdStatistics[:], t.statistic) {
		return Threshold{}, fmt.Errorf("threshold %q: statistic %q must be one of %s", text, t.statistic,
			strings.Join(thresholdStatistics[:], ", "))
	}
	limit, err := time.ParseDuration(parts[4])
	if err != nil || limit <= 0 {
		return Threshold{}, fmt.Errorf("threshold %q: %s must be a duration above 0, such as 800ms", text, parts[4])
	}
	t.limit = float64(limit) / float64(time.Millisecond)
	return t, nil
}

// Held is the answer of a threshold on an arm.
type Held string

// The answers. HeldUnknown is of a sample that is too small, or of a metric that was not measured.
const (
	HeldYes     Held = "held"
	HeldNo      Held = "failed"
	HeldUnknown Held = "cannot resolve"
)

// Check applies the threshold to an arm: the answer and a sentence.
func (t Threshold) Check(arm result.Arm) (Held, string) {
	value := t.value(arm)
	if value == nil {
		return HeldUnknown, fmt.Sprintf("%s: %s: cannot resolve, the sample is too small for it", arm.Name, t.Text)
	}
	held := HeldNo
	if t.above && *value > t.limit || !t.above && *value < t.limit {
		held = HeldYes
	}
	return held, fmt.Sprintf("%s: %s: %s with %sms", arm.Name, t.Text, held, strconv.FormatFloat(*value, 'f', -1, 64))
}

func (t Threshold) value(arm result.Arm) *float64 {
	var q result.Quantiles
	scale := 1.0
	switch t.metric {
	case "response", "service":
		if arm.Steady == nil {
			return nil
		}
		q, scale = arm.Steady.ResponseUs, 1000
		if t.metric == "service" {
			q = arm.Steady.ServiceUs
		}
	default:
		at := slices.IndexFunc(arm.Faults, func(f result.FaultSummary) bool { return f.Kind != fault.NoOp })
		if at < 0 {
			return nil
		}
		q = arm.Faults[at].OutageMs
		if t.metric == "leaderless" {
			q = arm.Faults[at].LeaderlessMs
		}
	}
	value := map[string]*float64{
		"min": q.Min, "p50": q.P50, "p90": q.P90, "p95": q.P95, "p99": q.P99, "p999": q.P999, "max": q.Max,
	}[t.statistic]
	if value == nil {
		return nil
	}
	scaled := *value / scale
	return &scaled
}
