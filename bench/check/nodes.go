package check

import "fmt"

// NodeLog is what one node held when a run had ended: the chain hash over its entries (After, Upto], and the hash of
// its state at StateIndex.
type NodeLog struct {
	Run         string // which run of what
	Nodes       int    // of the run's cluster
	Node        uint64
	After, Upto uint64
	Chain       string
	StateIndex  uint64
	State       string
}

// LogsReport is what SameLogs found.
type LogsReport struct {
	Verdict  Verdict  `json:"verdict"`
	Runs     int      `json:"runs"`
	Entries  uint64   `json:"entries"` // compared, of all runs
	Examples []string `json:"examples"`
}

func (r *LogsReport) fault(v Verdict, format string, args ...any) {
	if r.Verdict != VerdictViolation {
		r.Verdict = v
	}
	if len(r.Examples) < examplesMax {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// SameLogs compares the nodes of each run with the first one: equal entries, equal states. Different ones are
// a violation of State Machine Safety; nodes that are missing, or were asked for different entries, leave it unknown.
func SameLogs(nodes []NodeLog) LogsReport {
	report := LogsReport{Verdict: VerdictOK}
	first := map[string]*NodeLog{}
	count := map[string]int{}
	var runs []string
	for i := range nodes {
		n := &nodes[i]
		count[n.Run]++
		a := first[n.Run]
		if a == nil {
			first[n.Run] = n
			runs = append(runs, n.Run)
			report.Entries += n.Upto - min(n.After, n.Upto)
			continue
		}
		switch {
		case n.After != a.After || n.Upto != a.Upto || n.StateIndex != a.StateIndex || n.Node == a.Node:
			report.fault(VerdictUnknown, "%s: nodes %d and %d were not asked for the same", n.Run, a.Node, n.Node)
		case n.Chain != a.Chain:
			report.fault(VerdictViolation, "%s: nodes %d and %d hold different entries in (%d, %d]", n.Run, a.Node, n.Node,
				a.After, a.Upto)
		case n.State != a.State:
			report.fault(VerdictViolation, "%s: nodes %d and %d have different states at %d", n.Run, a.Node, n.Node,
				a.StateIndex)
		}
	}
	report.Runs = len(runs)
	for _, run := range runs {
		if a := first[run]; count[run] != a.Nodes {
			report.fault(VerdictUnknown, "%s: %d of %d nodes answered", run, count[run], a.Nodes)
		}
	}
	return report
}

// Worse returns the worse of two verdicts.
func Worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{VerdictViolation, VerdictUnknown} {
		if a == v || b == v {
			return v
		}
	}
	return VerdictOK
}
