package reports

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// stamp judges the result: UNSAFE before INVALID. What the arms say counts, also against the summary's verdict.
func (s *study) stamp() (stamp string, reasons []string) {
	for _, a := range s.arms {
		if a.Safety.Lost > 0 {
			reasons = append(reasons, fmt.Sprintf("%s: %s acknowledged writes are lost.", a.Name, table.Count(a.Safety.Lost)))
		}
		if a.Safety.Linearizable == result.SafetyViolation {
			reasons = append(reasons, fmt.Sprintf("%s: the recorded history is not linearizable.", a.Name))
		}
		if a.Safety.Logs == result.SafetyViolation {
			reasons = append(reasons, fmt.Sprintf("%s: the nodes do not hold the same log or the same state.", a.Name))
		}
	}
	unsafe := len(reasons) > 0 || s.Summary.Verdict == result.VerdictUnsafe
	if s.Manifest.Interrupted {
		reasons = append(reasons, "The run was interrupted: what follows is partial.")
	}
	if s.Summary.Verdict != result.VerdictOK {
		for _, a := range s.arms {
			for _, note := range a.Validity {
				if !strings.HasPrefix(note, "note: ") {
					reasons = append(reasons, a.Name+": "+note)
				}
			}
		}
	}
	if len(s.arms) == 0 {
		reasons = append(reasons, "No arm was measured.")
	}
	switch {
	case unsafe:
		return StampUnsafe, append(reasons, "A run that loses or corrupts data is not a latency result.")
	case s.Summary.Verdict == result.VerdictInvalid || s.Manifest.Interrupted || len(s.arms) == 0:
		if len(reasons) == 0 {
			reasons = append(reasons, "The runner called this measurement invalid and gave no reason.")
		}
		return StampInvalid, append(reasons, "Do not quote numbers from this report.")
	default:
		return "", nil
	}
}

func (s *study) badges(stamp string) []page.Badge {
	validity := page.Badge{Name: "measurement", Value: "VALID", Tone: table.Good}
	if stamp != "" {
		validity = page.Badge{Name: "measurement", Value: stamp, Tone: table.Bad}
	}
	if s.isExchange() {
		return s.exchangeBadges(validity)
	}
	return []page.Badge{
		validity, s.safetyBadge(), s.durabilityBadge(),
		{Name: "placement", Value: orText(s.Manifest.Environment.Placement, "unknown") + ", single host"},
		{Name: "A/A noise floor", Value: "not measured"},
	}
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// verdict is what was found, in short sentences.
func (s *study) verdict() []string {
	var lines []string
	add := func(line string) {
		if line != "" {
			lines = append(lines, line)
		}
	}
	lines = append(lines, s.exchangeSentences()...)
	lines = append(lines, s.saturationSentences()...)
	if courses := s.courseSentences(); len(courses) > 0 {
		lines = append(lines, courses...)
	} else {
		add(s.steadySentence())
	}
	lines = append(lines, s.comparisonSentences()...)
	for _, kind := range s.kinds {
		if lasts(kind) {
			add(s.underSentence(kind))
		}
		if kind == result.KindPowerLoss {
			add(s.restartSentence())
		}
		if result.Survived(kind) { // that is no outage
			continue
		}
		add(s.outageSentence(kind))
		for _, other := range s.arms[min(1, len(s.arms)):] {
			add(compare(kind, s.arms[0], other))
		}
	}
	add(s.closedSentence())
	for _, finding := range s.floorFindings() {
		add(finding)
	}
	lines = append(lines, s.safetySentences()...)
	if len(lines) == 0 {
		lines = append(lines, "Nothing was measured.")
	}
	return lines
}

func (s *study) steadySentence() string {
	var parts []string
	for _, a := range s.arms {
		if a.Steady == nil || a.Steady.ResponseUs.P50 == nil {
			continue
		}
		part := fmt.Sprintf("%s answered at %s with a response time of %s at the median", a.Name, rate(a.Steady.AchievedPerS),
			table.Duration(*a.Steady.ResponseUs.P50))
		if p99 := a.Steady.ResponseUs.P99; p99 != nil {
			part += fmt.Sprintf(" and %s at p99", table.Duration(*p99))
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	if share, ok := flatten(s.arms[0].Config)["slow_follower"].(float64); ok && share > 0 {
		return fmt.Sprintf("With one follower stopped for %.0f %% of the time, ", share*100) + strings.Join(parts, "; ") + "."
	}
	return "Without faults, " + strings.Join(parts, "; ") + "."
}

func (s *study) outageSentence(kind string) string {
	var parts []string
	for _, a := range s.arms {
		outages := a.outages(kind)
		low, ok := outages.Min()
		if !ok {
			continue
		}
		high, _ := outages.Max()
		n := len(outages)
		p50, enough := outages.Quantile(.5)
		if !enough {
			parts = append(parts, fmt.Sprintf("%s was out for %s to %s (n=%d, too few for a median)", a.Name,
				milliseconds(low), milliseconds(high), n))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s acknowledged nothing for %s at the median (n=%d, smallest %s, largest %s)",
			a.Name, milliseconds(p50), n, milliseconds(low), milliseconds(high)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "After " + kind + ", " + strings.Join(parts, "; ") + "."
}

// compare says which of two arms had the shorter outages, or that this cannot be said.
func compare(kind string, a, b *armStudy) string {
	x, y := a.outages(kind), b.outages(kind)
	if len(x) == 0 || len(y) == 0 {
		return ""
	}
	disjoint, ok := stat.Disjoint(x, y, .5)
	if !ok {
		return fmt.Sprintf("%s and %s: cannot resolve a difference. A median's interval needs %d trials an arm; there are "+
			"%d and %d.",
			a.Name, b.Name, stat.MinSample(.5), len(x), len(y))
	}
	intervals := fmt.Sprintf("95 %% intervals of the median %s and %s, n=%d and %d", msInterval(x, .5).Text,
		msInterval(y, .5).Text, len(x), len(y))
	if !disjoint {
		return fmt.Sprintf("%s and %s: cannot resolve a difference in the outage (%s overlap).", a.Name, b.Name, intervals)
	}
	faster, slower := a, b
	fast, _ := x.Quantile(.5)
	slow, _ := y.Quantile(.5)
	if slow < fast {
		faster, slower, fast, slow = b, a, slow, fast
	}
	return fmt.Sprintf("%s had the shorter outage than %s: %s against %s at the median (%s do not overlap).", faster.Name,
		slower.Name, milliseconds(fast), milliseconds(slow), intervals)
}

func (s *study) closedSentence() string {
	var parts []string
	for _, a := range s.arms {
		best := result.ClosedPoint{}
		for _, p := range a.Closed {
			if p.PerS > best.PerS {
				best = p
			}
		}
		if best.PerS > 0 {
			p99 := ""
			if best.P99Us != nil {
				p99 = ", p99 " + table.Duration(*best.P99Us)
			}
			parts = append(parts, fmt.Sprintf("%s reached %s with %d proposers (service time p50 %s%s)", a.Name,
				rate(best.PerS), best.Proposers, table.Duration(best.P50Us), p99))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "In a closed loop, " + strings.Join(parts, "; ") + "."
}
