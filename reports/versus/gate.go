package versus

import (
	"fmt"
	"math"
)

// Gate is the answer of limits on a comparison, the worst of its rows'.
type Gate int

// The answers, from good to bad.
const (
	GateHeld Gate = iota
	GateUnknown
	GateFailed
)

// Check applies limits: failed when a regression beyond its limit is resolved, unknown when it cannot be ruled out,
// held when all intervals lie below. Beyond its limit is what the verdict of the row would call worse: by more than
// the noise floor, and p after its correction. Nothing holds for sure when a result does not, or one side lacks a
// metric. The sentences are of the rows that are not held. A limit of a metric that was not compared is an error: a
// gate that cannot fail is worse than none (trap T11).
func (c *Comparison) Check(limits []Limit) (Gate, []string, error) {
	gate := GateHeld
	var lines []string
	if len(limits) > 0 && len(c.Doubtful) > 0 {
		gate, lines = GateUnknown, append(lines, c.Doubtful...)
	}
	for _, l := range limits {
		found := false
		for i := range c.Rows {
			r := &c.Rows[i]
			if l.Metric != "" && l.Metric != r.Metric {
				continue
			}
			found = true
			answer := l.check(r)
			gate = max(gate, answer)
			switch answer {
			case GateFailed:
				lines = append(lines, fmt.Sprintf("%s, %s, %s: %.3g times as much, at least %.3g; %.4g is allowed", r.New, r.Arm,
					r.Metric, r.Ratio, r.Low, 1+l.Most))
			case GateUnknown:
				lines = append(lines, fmt.Sprintf("%s, %s, %s: cannot resolve whether it is more than %.4g times as much",
					r.New, r.Arm, r.Metric, 1+l.Most))
			case GateHeld:
			}
		}
		if !found {
			return gate, nil, fmt.Errorf("maximal regression of %q: %w; compared were %q",
				l.Metric, ErrNoSuchMetric, c.metrics())
		}
	}
	return gate, lines, nil
}

func (l Limit) check(r *Row) Gate {
	switch {
	case math.IsNaN(r.Low), r.BaseMissing != r.NewMissing:
		return GateUnknown
	case r.Low > 1+l.Most && r.P < significance && (math.IsNaN(r.Floor) || r.Low > 1+r.Floor):
		return GateFailed
	case r.High <= 1+l.Most:
		return GateHeld
	default:
		return GateUnknown
	}
}

func (c *Comparison) metrics() []string {
	var names []string
	seen := map[string]bool{}
	for i := range c.Rows {
		if name := c.Rows[i].Metric; !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
