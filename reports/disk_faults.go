package reports

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// summaryOf returns what the summary says of a kind of fault; its zero value when there is nothing.
func (a *armStudy) summaryOf(kind string) result.FaultSummary {
	for _, f := range a.Faults {
		if f.Kind == kind {
			return f
		}
	}
	return result.FaultSummary{}
}

// underTable sets what was due while a disk was broken, or links cut, beside the steady phase.
func (s *study) underTable(kinds ...string) *table.Table {
	t := &table.Table{
		Caption: "While " + meanwhile(kinds...) + ": operations that were due from the fault to its healing, all trials " +
			"together, beside the steady phase. Response time from the intended start.",
		Columns: table.Columns("arm", "phase", "offered", "achieved", "p50", "p99", "p99.9", "max", "not ok"),
	}
	t.Columns[1].Text = true
	add := func(a *armStudy, phase string, of *result.Steady) {
		if of != nil {
			cells := append([]table.Cell{table.Of(a.Name), table.Of(phase)}, steadyCells(of)...)
			t.Add(append(cells, table.Of(table.Count(of.Failed+of.Unknown+of.Shed)))...)
		}
	}
	for _, a := range s.arms {
		first := true
		for _, kind := range kinds {
			under := a.summaryOf(kind).Under
			if under != nil && first {
				add(a, "steady", a.Steady)
				first = false
			}
			add(a, kind, under)
		}
	}
	return t
}

// underStages shows where the time of a proposal goes while the leader's disk is broken.
func (s *study) underStages(kind string) []page.Block {
	of := func(a *armStudy) map[string]result.Quantiles { return a.summaryOf(kind).UnderStagesUs }
	t := s.stagesOf("Time from the proposal to each stage while the leader's disk was broken, at that leader, as long as "+
		"it led, of sampled proposals.", of)
	if t.Empty() {
		return nil
	}
	blocks := []page.Block{page.Table{Table: t}}
	for _, a := range s.arms {
		stages := of(a)
		committed, durable := stages["committed"].P50, stages["durable"].P50
		if committed == nil || durable == nil || *committed > *durable/2 {
			return blocks
		}
	}
	return append(blocks, page.Paragraph("Committed long before durable: the entries were committed on the followers' "+
		"disks (thesis §10.2.1). Applied after durable: a node applies, and a leader answers, what its own log has, so the "+
		"clients wait for the broken disk all the same."))
}

// restartTable is how soon a cluster serves again after all of its nodes were killed.
func (s *study) restartTable() *table.Table {
	t := &table.Table{
		Caption: "After a power loss: from the order to start the nodes to the first acknowledged write.",
		Columns: table.Columns("arm", "power losses", "first write p50", "95 % interval", "min", "max", "not ok",
			"lost acks"),
	}
	for _, a := range s.arms {
		writes := a.phaseSample(result.KindPowerLoss, result.PhaseFirstWrite)
		low, ok := writes.Min()
		if !ok {
			continue
		}
		high, _ := writes.Max()
		t.Add(table.Of(a.Name), table.Of(table.Count(int64(len(a.trials[result.KindPowerLoss])))), msQuantile(writes, .5),
			msInterval(writes, .5), msCell(low), msCell(high),
			table.Of(table.Count(notOK(a.trials[result.KindPowerLoss]))), lost(a.Safety))
	}
	return t
}

// phaseSample returns how long a phase took in the trials of a kind in which it was observed.
func (a *armStudy) phaseSample(kind, name string) stat.Sample {
	var values []float64
	for _, t := range a.trials[kind] {
		if ms, ok := t.PhasesMs()[name]; ok {
			values = append(values, ms)
		}
	}
	return stat.Sorted(values)
}

// underSentence says what the clients felt while a disk was broken, or links cut.
func (s *study) underSentence(kind string) string {
	var parts []string
	for _, a := range s.arms {
		under := a.summaryOf(kind).Under
		if under == nil || under.ResponseUs.P50 == nil {
			continue
		}
		part := fmt.Sprintf("%s acknowledged %s of %s offered, with a response time of %s at the median", a.Name,
			rate(under.AchievedPerS), rate(under.OfferedPerS), table.Duration(*under.ResponseUs.P50))
		if p99 := under.ResponseUs.P99; p99 != nil {
			part += fmt.Sprintf(" and %s at p99", table.Duration(*p99))
		}
		if a.Steady != nil && a.Steady.ResponseUs.P50 != nil {
			part += fmt.Sprintf(" (steady: %s at the median)", table.Duration(*a.Steady.ResponseUs.P50))
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return "While " + meanwhile(kind) + " (" + kind + "), " + strings.Join(parts, "; ") + "."
}

// restartSentence says how soon the next write was acknowledged after a power loss.
func (s *study) restartSentence() string {
	var parts []string
	for _, a := range s.arms {
		writes := a.phaseSample(result.KindPowerLoss, result.PhaseFirstWrite)
		low, ok := writes.Min()
		if !ok {
			continue
		}
		high, _ := writes.Max()
		middle := ""
		if p50, enough := writes.Quantile(.5); enough {
			middle = milliseconds(p50) + " at the median, "
		}
		parts = append(parts, fmt.Sprintf("%s: %s%s to %s (n=%d)", a.Name, middle, milliseconds(low), milliseconds(high),
			len(writes)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "All nodes were killed at one instant; from the order to start them again to the first acknowledged write, " +
		strings.Join(parts, "; ") + "."
}
