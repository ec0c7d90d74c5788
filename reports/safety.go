package reports

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/table"
)

// safetyTotals is what the checks of all arms found. A verdict is that of the worst arm; "" where no arm has one.
type safetyTotals struct {
	acked, checkable, lost, checkedOps, logEntries int64

	linearizable, logs string
}

func (s *study) safetyTotals() safetyTotals {
	var t safetyTotals
	for _, a := range s.arms {
		safety := &a.Safety
		t.acked, t.checkable, t.lost = t.acked+safety.Acked, t.checkable+safety.Checkable, t.lost+safety.Lost
		t.checkedOps, t.logEntries = t.checkedOps+safety.CheckedOps, t.logEntries+safety.LogEntries
		if safety.Acked > 0 || safety.CheckedOps > 0 || safety.Linearizable == result.SafetyViolation {
			t.linearizable = worseVerdict(t.linearizable, orText(safety.Linearizable, result.SafetyUnknown))
		}
		t.logs = worseVerdict(t.logs, safety.Logs)
	}
	return t
}

// worseVerdict returns the worse of two verdicts, of which "" is none.
func worseVerdict(a, b string) string {
	for _, verdict := range []string{result.SafetyViolation, result.SafetyUnknown, result.SafetyOK} {
		if a == verdict || b == verdict {
			return verdict
		}
	}
	return ""
}

func (s *study) safetyBadge() page.Badge {
	badge := func(value string, tone table.Tone) page.Badge {
		return page.Badge{Name: "safety", Value: value, Tone: tone}
	}
	t := s.safetyTotals()
	switch {
	case t.lost > 0:
		return badge(table.Count(t.lost)+" LOST", table.Bad)
	case t.linearizable == result.SafetyViolation:
		return badge("NOT LINEARIZABLE", table.Bad)
	case t.logs == result.SafetyViolation:
		return badge("LOGS DIFFER", table.Bad)
	case s.Summary.Verdict == result.VerdictUnsafe:
		return badge("UNSAFE", table.Bad)
	case t.linearizable == result.SafetyUnknown:
		return badge("not decided", table.Bad)
	case t.logs == result.SafetyUnknown:
		return badge("logs not decided", table.Bad)
	case t.linearizable == "" && t.logs == "":
		return badge("not checked", table.Plain)
	case t.linearizable == "":
		return badge("same logs on all nodes; no write was checked", table.Plain)
	case t.logs == "":
		return badge("PASS, 0 lost of "+table.Count(t.checkable)+" checkable", table.Good)
	default:
		return badge("PASS, 0 lost of "+table.Count(t.checkable)+" checkable, same logs", table.Good)
	}
}

// safetySentences say what was checked, and what was found or not decided.
func (s *study) safetySentences() []string {
	var lines []string
	t := s.safetyTotals()
	switch {
	case t.lost > 0:
		lines = append(lines, fmt.Sprintf("Of %s acknowledged writes, %s are LOST.", table.Count(t.acked),
			table.Count(t.lost)))
	case t.acked > 0:
		lines = append(lines, fmt.Sprintf("Of %s acknowledged writes, %s were checkable one by one at the end, and none of "+
			"these is lost; %s operations were checked for linearizability.", table.Count(t.acked), table.Count(t.checkable),
			table.Count(t.checkedOps)))
	}
	switch t.linearizable {
	case result.SafetyViolation:
		lines = append(lines, "What the clients saw is NOT LINEARIZABLE.")
	case result.SafetyUnknown:
		lines = append(lines, "Whether what the clients saw is linearizable was NOT DECIDED.")
	}
	switch t.logs {
	case result.SafetyViolation:
		lines = append(lines, "The nodes do NOT hold the same log or the same state.")
	case result.SafetyUnknown:
		lines = append(lines, "Whether all nodes hold the same log was NOT DECIDED.")
	case result.SafetyOK:
		lines = append(lines, "After each run all nodes held the same state of the same index, and the same log: "+
			table.Count(t.logEntries)+" entries were compared by their chain hashes.")
	}
	return lines
}

func (s *study) safetyTable() *table.Table {
	t := &table.Table{
		Caption: "Checks after the run: acknowledged writes that are not there, whether the history is linearizable, and " +
			"whether all nodes hold the same log and the same state. Checkable are those whose loss the reads at the end " +
			"would show one by one; the others were written over, or may have been, and only linearizability speaks of them.",
		Columns: table.Columns("arm", "acknowledged writes", "checkable", "lost", "operations checked", "linearizable",
			"log entries compared", "logs"),
	}
	for _, a := range s.arms {
		linearizable := a.Safety.Linearizable
		if linearizable == result.SafetyUnknown && a.Safety.Acked == 0 && a.Safety.CheckedOps == 0 {
			linearizable = "" // there was nothing to decide
		}
		logEntries := table.Of(table.Count(a.Safety.LogEntries))
		if a.Safety.Logs == "" {
			logEntries = missing()
		}
		t.Add(table.Of(a.Name), table.Of(table.Count(a.Safety.Acked)), table.Of(table.Count(a.Safety.Checkable)),
			lost(a.Safety), table.Of(table.Count(a.Safety.CheckedOps)), verdictCell(linearizable), logEntries,
			verdictCell(a.Safety.Logs))
	}
	return t
}

func verdictCell(verdict string) table.Cell {
	switch verdict {
	case result.SafetyOK:
		return table.Cell{Text: "ok", Tone: table.Good}
	case result.SafetyViolation:
		return table.Cell{Text: "VIOLATION", Tone: table.Bad}
	case result.SafetyUnknown:
		return table.Cell{Text: "not decided", Tone: table.Bad}
	default:
		return table.Cell{Text: "not checked", Tone: table.Missing}
	}
}

func (s *study) safetySection() page.Section {
	t := s.safetyTable()
	if t.Empty() || s.isExchange() {
		return page.Section{}
	}
	blocks := []page.Block{page.Paragraph("A write that was answered OK must be there at the end, whatever happened to " +
		"its leader; and all nodes must have the same entries in the same places.")}
	if totals := s.safetyTotals(); totals.linearizable != "" {
		blocks = append(blocks, page.Paragraph("`raftmark check DIR` decides again from the folder `history` of the result, "+
			"where it was kept."))
	}
	return page.Section{ID: "safety", Title: "Safety", Blocks: append(blocks, page.Table{Table: t})}
}
