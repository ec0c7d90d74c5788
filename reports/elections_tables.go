package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// find returns the arm of a group with these timeouts.
func (e *electionStudy) find(group string, low, high float64) *result.ElectionArm {
	for _, a := range e.group(group) {
		if a.MinMs == low && a.MaxMs == high {
			return a
		}
	}
	return nil
}

// paperTable puts what the paper publishes beside what the core did.
func (e *electionStudy) paperTable() *table.Table {
	t := &table.Table{
		Caption: "Time without a leader, 5 servers: what the text of §9.3 says, and the core in the same set-up, " +
			"without and with pre-vote and check-quorum.",
		Columns: table.Columns("election timeout", "what", "paper", "core as in the paper", "ours / paper",
			"with pre-vote and check-quorum"),
	}
	t.Columns[1].Text = true
	for _, p := range e.settings.Points {
		a := e.find(p.Group, p.MinMs, p.MaxMs)
		product := result.ElectionProductRandomness
		if p.Group == result.ElectionScale {
			product = result.ElectionProductScale
		}
		paper := msCell(p.ValueMs)
		if p.AtLeast {
			paper = table.Of("> " + milliseconds(p.ValueMs))
		}
		ratio := missing()
		if v, ok := e.value(a, p.What); ok && !p.AtLeast {
			ratio = table.Ofn("%.2f", v/p.ValueMs)
		}
		t.Add(table.Ofn("%g–%g "+
			"ms", p.MinMs, p.MaxMs), table.Of(pointName(p.What)), paper, e.valueCell(a, p.What), ratio,
			e.valueCell(e.find(product, p.MinMs, p.MaxMs), p.What))
	}
	return t
}

func pointName(what string) string {
	switch what {
	case "p50":
		return "median"
	case "max":
		return "worst trial"
	case "min":
		return "best trial"
	default:
		return what
	}
}

// value is one number of an arm, as long as the sample is large enough and no trial without a leader is in it.
func (e *electionStudy) value(a *result.ElectionArm, what string) (float64, bool) {
	if a == nil {
		return 0, false
	}
	times := e.times[a.Name]
	v, ok := 0.0, false
	switch what {
	case "p50":
		v, ok = times.Quantile(.5)
	case "max":
		v, ok = times.Max()
	case "min":
		v, ok = times.Min()
	case "mean":
		for _, x := range times {
			v += x / float64(len(times))
		}
		ok = len(times) > 0
	}
	return v, ok && !math.IsInf(v, 0)
}

func (e *electionStudy) valueCell(a *result.ElectionArm, what string) table.Cell {
	v, ok := e.value(a, what)
	switch {
	case ok:
		return msCell(v)
	case a == nil || what == "p50" && len(e.times[a.Name]) < stat.MinSample(.5):
		return missing()
	default:
		return e.beyond()
	}
}

// beyond is a cell for a time that the trials did not wait for.
func (e *electionStudy) beyond() table.Cell {
	return table.Of("> " + milliseconds(e.settings.TrialMaxMs))
}

// quantileCell is a quantile of an arm, or that it is beyond the end of the trials.
func (e *electionStudy) quantileCell(times stat.Sample, q float64) table.Cell {
	v, ok := times.Quantile(q)
	switch {
	case !ok:
		return tooFew(len(times), q)
	case math.IsInf(v, 0):
		return e.beyond()
	default:
		return msCell(v)
	}
}

// medianInterval is the 95 % interval of the median.
func (e *electionStudy) medianInterval(times stat.Sample) table.Cell {
	low, high, ok := times.Interval(.5)
	switch {
	case !ok:
		return tooFew(len(times), .5)
	case math.IsInf(low, 0):
		return e.beyond()
	case math.IsInf(high, 0):
		return table.Ofn("[%s, > %s]", milliseconds(low), milliseconds(e.settings.TrialMaxMs))
	default:
		return msInterval(times, .5)
	}
}

// linesTable is all that is known of the lines of some groups.
func (e *electionStudy) linesTable(groups ...string) *table.Table {
	t := &table.Table{
		Caption: "Time from the crash to the next leader; commit is that of its no-op. Terms: the mean of how many " +
			"were begun.",
		Columns: table.Columns("election timeout", "rules", "situation", "n", "min", "p50", "95 % "+
			"interval", "p95", "p99", "max",
			"mean", "terms", "commit p50"),
	}
	t.Columns[1].Text, t.Columns[2].Text = true, true
	seen := map[string]bool{}
	for _, g := range groups {
		for _, a := range e.group(g) {
			if seen[a.Name] {
				continue
			}
			seen[a.Name] = true
			times := e.times[a.Name]
			where := situation(a)
			if a.Load {
				where += ", under load"
			}
			t.Add(table.Of(timeouts(a)), table.Of(protocolName(a)), table.Of(where), table.Of(table.Count(int64(len(times)))),
				e.valueCell(a, "min"), e.quantileCell(times, .5), e.medianInterval(times), e.quantileCell(times, .95),
				e.quantileCell(times, .99), e.valueCell(a, "max"), e.valueCell(a, "mean"), e.terms(a), e.commits(a))
		}
	}
	shareColumn(t, 2)
	shareColumn(t, 1)
	return t
}

// shareColumn moves a column that says the same in all rows to the caption.
func shareColumn(t *table.Table, at int) {
	if len(t.Rows) == 0 {
		return
	}
	for _, row := range t.Rows {
		if row[at].Text != t.Rows[0][at].Text {
			return
		}
	}
	t.Caption += fmt.Sprintf(" %s: %s.", titled(t.Columns[at].Name), t.Rows[0][at].Text)
	t.Columns = slices.Delete(t.Columns, at, at+1)
	for i := range t.Rows {
		t.Rows[i] = slices.Delete(t.Rows[i], at, at+1)
	}
}

func titled(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// terms is the mean of how many terms an election took, of the trials that ended with a leader.
func (e *electionStudy) terms(a *result.ElectionArm) table.Cell {
	sum, n := 0, 0
	for _, t := range e.trials[a.Name] {
		if t.ElectUs >= 0 {
			sum, n = sum+t.Terms, n+1
		}
	}
	if n == 0 {
		return missing()
	}
	return table.Of(table.Significant(float64(sum) / float64(n)))
}

// commits is the median of the time to the commit of the new leader's no-op.
func (e *electionStudy) commits(a *result.ElectionArm) table.Cell {
	var values []float64
	for _, t := range e.trials[a.Name] {
		if t.CommitUs < 0 {
			values = append(values, math.Inf(1))
		} else {
			values = append(values, float64(t.CommitUs)/1e3)
		}
	}
	return e.quantileCell(stat.Sorted(values), .5)
}

// steadySums adds up the hours of an arm.
type steadySums struct {
	elections, needless, stands, preVotes int
	hours                                 float64
	without                               float64 // seconds
}

func (e *electionStudy) sums(arm string) steadySums {
	var s steadySums
	for _, h := range e.hours[arm] {
		s.hours += h.LengthS / 3600
		s.elections, s.needless = s.elections+h.Elections, s.needless+h.Needless
		s.stands, s.preVotes = s.stands+h.Stands, s.preVotes+h.PreVotes
		s.without += float64(h.WithoutUs) / 1e6
	}
	return s
}

// crashOf returns the arm with the crashes of a steady one.
func (e *electionStudy) crashOf(steady *result.ElectionArm) *result.ElectionArm {
	for i := range e.settings.Arms {
		if e.settings.Arms[i].Name == steady.Name {
			return &e.settings.Arms[i]
		}
	}
	return nil
}

// steadyTable is what happened while nothing failed.
func (e *electionStudy) steadyTable() *table.Table {
	t := &table.Table{
		Caption: "Elections while no server failed, an hour, and the outage after a crash that is bought with them. " +
			"Needless are those that began while the leader ran; the others replaced one that was paused, or had " +
			"stepped down.",
		Columns: table.Columns("election timeout", "rules", "outage p50", "hours", "elections", "95 % "+
			"interval", "needless",
			"95 % interval", "candidacies", "pre-vote rounds", "without a leader"),
	}
	t.Columns[1].Text = true
	for i := range e.settings.Steady {
		a := &e.settings.Steady[i]
		s := e.sums(a.Name)
		if s.hours == 0 {
			continue
		}
		per := func(n int) table.Cell { return table.Of(table.Significant(float64(n) / s.hours)) }
		t.Add(table.Of(timeouts(a)), table.Of(protocolName(a)), e.valueCell(e.crashOf(a), "p50"),
			table.Of(table.Significant(s.hours)), per(s.elections), poissonCell(s.elections, s.hours), per(s.needless),
			poissonCell(s.needless, s.hours), per(s.stands), per(s.preVotes),
			table.Ofn("%s s/h", table.Significant(s.without/s.hours)))
	}
	return t
}

// poissonCell is the 95 % interval of a rate an hour.
func poissonCell(n int, hours float64) table.Cell {
	low, high := stat.Poisson(n)
	return table.Ofn("[%s, %s]", table.Significant(low/hours), table.Significant(high/hours))
}

// sensitivityTable is how much depends on how the broadcast time is spent.
func (e *electionStudy) sensitivityTable() *table.Table {
	t := &table.Table{
		Caption: "Time without a leader, rules as in the paper, by model of the 15 ms.",
		Columns: table.Columns("model", "one way", "sync", "election timeout", "n", "p50", "mean", "max", "terms"),
	}
	t.Columns[1].Text, t.Columns[2].Text, t.Columns[3].Text = true, true, true
	for _, a := range e.group(result.ElectionSensitivity) {
		times := e.times[a.Name]
		t.Add(table.Of(a.Model), table.Of(spanMs(a.OneWayMinMs, a.OneWayMaxMs)), table.Of(spanMs(a.SyncMinMs, a.SyncMaxMs)),
			table.Of(timeouts(a)), table.Of(table.Count(int64(len(times)))), e.quantileCell(times, .5), e.valueCell(a, "mean"),
			e.valueCell(a, "max"), e.terms(a))
	}
	return t
}

func spanMs(low, high float64) string {
	if high < .01 {
		return "none"
	}
	if low == high {
		return milliseconds(low)
	}
	return fmt.Sprintf("%s – %s", milliseconds(low), milliseconds(high))
}
