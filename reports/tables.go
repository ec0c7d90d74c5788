package reports

import (
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// headline is what a reader looks at first: the steady phase and the outages, and the closed loop.
func (s *study) headline() []*table.Table {
	var tables []*table.Table
	first := s.steadyHeadline()
	if len(s.courses()) > 0 {
		first = s.segmentsTable() // the steady phase is its first segment
	}
	for _, t := range []*table.Table{first, s.stepsTable(), s.catchUpTable(), s.outageHeadline(),
		s.underTable(s.kinds...), s.restartTable()} {
		if !t.Empty() {
			tables = append(tables, t)
		}
	}
	for _, t := range append(s.saturationHeadline(), s.exchangeHeadline()...) {
		if !t.Empty() {
			tables = append(tables, t)
		}
	}
	return append(tables, s.closedHeadline()...)
}

func (s *study) steadyHeadline() *table.Table {
	t := &table.Table{
		Caption: "Without faults: response time from the intended start.",
		Columns: table.Columns("arm", "offered", "achieved", "p50", "p50 / floor", "p99", "p99.9", "max", "not ok",
			"lost acks"),
	}
	for _, a := range s.arms {
		if a.Steady != nil {
			cells := append([]table.Cell{table.Of(a.Name)}, steadyCells(a.Steady)...)
			notOK := a.Steady.Failed + a.Steady.Unknown + a.Steady.Shed
			cells = slices.Insert(cells, afterP50, a.timesFloor(a.Steady.ResponseUs.P50))
			t.Add(append(cells, table.Of(table.Count(notOK)), lost(a.Safety))...)
		}
	}
	return t
}

func (s *study) outageHeadline() *table.Table {
	t := &table.Table{
		Caption: "Outages: the longest time without an acknowledgement, over trials.",
		Columns: table.Columns("arm", "fault", "n", "outage p50", "95 % interval", "p95", "min", "max",
			"leaderless p50", "not ok"),
	}
	t.Columns[1].Text = true
	for _, kind := range s.kinds {
		if result.Survived(kind) { // that is no outage
			continue
		}
		for _, a := range s.arms {
			outages := a.outages(kind)
			low, ok := outages.Min()
			if !ok {
				continue
			}
			high, _ := outages.Max()
			t.Add(table.Of(a.Name), table.Of(kind), table.Of(table.Count(int64(len(outages)))), msQuantile(outages, .5),
				msInterval(outages, .5), msQuantile(outages, .95), msCell(low), msCell(high),
				msQuantile(a.leaderless(kind), .5), table.Of(table.Count(notOK(a.trials[kind]))))
		}
	}
	return t
}

// notOK counts the operations of trials that did not end in an acknowledgement.
func notOK(trials []result.Trial) int64 {
	n := int64(0)
	for _, t := range trials {
		n += t.Failed + t.Unknown + t.Shed
	}
	return n
}

// afterP50 is the place after the median, of the cells of an arm and its steadyCells.
const afterP50 = 4

func steadyCells(s *result.Steady) []table.Cell {
	if s == nil {
		return []table.Cell{missing(), missing(), missing(), missing(), missing(), missing()}
	}
	r := s.ResponseUs
	achieved := table.PerSecond(s.AchievedPerS)
	if s.AchievedPerS < .99*s.OfferedPerS {
		achieved = table.Cell{Text: achieved.Text + " (< 99 %)", Tone: table.Bad}
	}
	return []table.Cell{
		table.PerSecond(s.OfferedPerS), achieved, us(r.P50, r.N, .5), us(r.P99, r.N, .99), us(r.P999, r.N, .999),
		usMax(r.Max),
	}
}

func (s *study) steadyTable() *table.Table {
	t := &table.Table{
		Caption: "Steady phase. Response is from the intended start, service from the first attempt, lag is the " +
			"generator's own.",
		Columns: table.Columns("arm", "latency", "n", "p50", "p90", "p99", "p99.9", "max"),
	}
	t.Columns[1].Text = true
	for _, a := range s.arms {
		if a.Steady == nil {
			continue
		}
		for _, l := range []struct {
			name string
			q    result.Quantiles
		}{{"response", a.Steady.ResponseUs}, {"service", a.Steady.ServiceUs}, {"send lag", a.Steady.SendLagUs}} {
			t.Add(table.Of(a.Name), table.Of(l.name), table.Of(table.Count(int64(l.q.N))), us(l.q.P50, l.q.N, .5),
				us(l.q.P90, l.q.N, .9), us(l.q.P99, l.q.N, .99), us(l.q.P999, l.q.N, .999), usMax(l.q.Max))
		}
	}
	return t
}

func (s *study) steadyCounts() *table.Table {
	t := &table.Table{
		Caption: "Operations of the steady phase by outcome.",
		Columns: table.Columns("arm", "duration", "offered", "achieved", "ok", "failed", "unknown", "shed"),
	}
	for _, a := range s.arms {
		if st := a.Steady; st != nil {
			t.Add(table.Of(a.Name), table.Time(st.DurationS*1e6), table.PerSecond(st.OfferedPerS),
				steadyCells(st)[1], table.Of(table.Count(st.OK)), countBad(st.Failed), countBad(st.Unknown), countBad(st.Shed))
		}
	}
	return t
}

// faultTable puts the definitions of an outage side by side (rule R13).
func (s *study) faultTable(kind string) *table.Table {
	t := &table.Table{
		Caption: fmt.Sprintf("Several definitions of the outage after %s.", kind),
		Columns: table.Columns("arm", "n", "outage p50", "min – max", "leaderless p50",
			"debt p50 (op·s)", "failed", "unknown", "shed"),
	}
	for _, a := range s.arms {
		trials := a.trials[kind]
		if len(trials) == 0 {
			continue
		}
		var failed, unknown, shed int64
		for _, trial := range trials {
			failed, unknown, shed = failed+trial.Failed, unknown+trial.Unknown, shed+trial.Shed
		}
		debt := tooFew(len(trials), .5)
		if v, ok := a.debts(kind).Quantile(.5); ok {
			debt = table.Of(table.Significant(v))
		}
		outages := a.outages(kind)
		t.Add(table.Of(a.Name), table.Of(table.Count(int64(len(trials)))), msQuantile(outages, .5), msRange(outages),
			msQuantile(a.leaderless(kind), .5), debt,
			table.Of(table.Count(failed)), table.Of(table.Count(unknown)), table.Of(table.Count(shed)))
	}
	return t
}

func phaseOrder(kind string) string {
	switch kind {
	case result.KindPowerLoss:
		return "Each begins where the one above ends; first write and catch up begin at the restart."
	case result.KindLeaderDiskStall:
		return "Each begins where the one above ends; catch up begins at the healing."
	default:
		if result.Survived(kind) || result.Mixed(kind) {
			return "Each begins at " + healing(kind) + "."
		}
		if kind == result.KindLeaderTransfer {
			return "Each begins where the one above ends."
		}
		if lasts(kind) {
			return phaseOrder(result.KindLeaderDiskStall)
		}
		return "Each begins where the one above ends; catch up begins at the restart."
	}
}

func (s *study) phaseTable(kind string) *table.Table {
	t := &table.Table{
		Caption: fmt.Sprintf("Phases of a trial of %s. %s", kind, phaseOrder(kind)),
		Columns: table.Columns("arm", "phase", "n", "median", "95 % interval", "min – max"),
	}
	t.Columns[1].Text = true
	for _, a := range s.arms {
		for _, p := range phasesOf(kind) {
			var values []float64
			for _, trial := range a.trials[kind] {
				if v, ok := p.of(trial); ok {
					values = append(values, v)
				}
			}
			if sample := stat.Sorted(values); len(sample) > 0 {
				t.Add(table.Of(a.Name), table.Of(p.title), table.Of(table.Count(int64(len(sample)))), msQuantile(sample, .5),
					msInterval(sample, .5), msRange(sample))
			}
		}
	}
	return t
}

// stageOrder is the way of a proposal through the leader; stages with other names follow by name.
func stageOrder() []string {
	return []string{
		"proposed", "batched", "appended", "writing", "durable", "sent", "received", "follower_writing", "follower_durable",
		"acknowledged", "quorum", "committed", "applied", "answered",
	}
}

func (s *study) stageTable() *table.Table {
	return s.stagesOf("Time from the proposal to each stage, at the leader, of sampled proposals.",
		func(a *armStudy) map[string]result.Quantiles { return a.StagesUs })
}

// stagesOf is a table of the stages that of returns.
func (s *study) stagesOf(caption string, of func(*armStudy) map[string]result.Quantiles) *table.Table {
	t := &table.Table{
		Caption: caption,
		Columns: table.Columns("arm", "stage", "n", "p50", "p99"),
	}
	t.Columns[1].Text = true
	for _, a := range s.arms {
		stages := of(a)
		names := slices.DeleteFunc(stageOrder(), func(name string) bool { _, ok := stages[name]; return !ok })
		for _, name := range sortedKeys(stages) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		for _, name := range names {
			q := stages[name]
			t.Add(table.Of(a.Name), table.Of(name), table.Of(table.Count(int64(q.N))), us(q.P50, q.N, .5), us(q.P99, q.N, .99))
		}
	}
	return t
}

type calibrated struct {
	name string
	q    result.Quantiles
}

func (s *study) calibrated() []calibrated {
	c := s.Calibration
	all := []calibrated{
		{"fsync of 512 B in the data folder", c.FsyncUs}, {"round trip, plain TCP echo, 256 B", c.RTTUs},
	}
	for _, t := range c.Transports {
		link := ""
		if t.Link != "" {
			link = ", " + t.Link
		}
		all = append(all,
			calibrated{fmt.Sprintf("round trip, %s between nodes%s, append of %d B", t.Name, link, t.PayloadBytes), t.RTTUs},
			calibrated{fmt.Sprintf("round trip, %s between nodes%s, heartbeat", t.Name, link), t.HeartbeatRTTUs})
	}
	return append(all, calibrated{"lateness of a timer", c.TimerLateUs})
}

func (s *study) calibrationTable() *table.Table {
	t := &table.Table{
		Caption: "What this machine can do at all, measured before the run.",
		Columns: table.Columns("what", "n", "p50", "p99", "max"),
	}
	for _, c := range s.calibrated() {
		if c.q.N > 0 {
			t.Add(table.Of(c.name), table.Of(table.Count(int64(c.q.N))), us(c.q.P50, c.q.N, .5), us(c.q.P99, c.q.N, .99),
				usMax(c.q.Max))
		}
	}
	return t
}
