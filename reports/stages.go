package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/table"
)

// stagePart is what a part of a proposal's time is called, and what it is.
type stagePart struct{ title, meaning string }

// stagePartOf describes the parts of result.StageParts; one of a later version is called by its name.
func stagePartOf(name string) stagePart {
	parts := map[string]stagePart{
		result.PartQueue:        {"wait for the loop", "proposed, until the leader's loop took it"},
		result.PartAppend:       {"append", "appended to the log and encoded, with those that came along"},
		result.PartLeaderWait:   {"leader: wait for disk", "until the leader's disk had done the write before"},
		result.PartLeaderSync:   {"leader: sync", "the leader's own synced write, where that completed the majority"},
		result.PartSend:         {"wait for the window", "until the follower that completed the majority could be sent more"},
		result.PartToFollower:   {"to the follower", "transport, from queue to delivery"},
		result.PartFollowerWait: {"follower: wait for disk", "its loop, and its disk's write before"},
		result.PartFollowerSync: {"follower: sync", "its synced write"},
		result.PartAck:          {"acknowledgement", "back to the leader"},
		result.PartNotDivided:   {"majority, not divided", "a follower's part that was not seen"},
		result.PartCommit:       {"commit", "until the leader's loop knew of the majority"},
		result.PartOwnDisk:      {"own disk, after it", "committed, and still under way to the leader's own disk"},
		result.PartApply:        {"apply", "by the state machine, with what it was applied with"},
		result.PartAnswer:       {"answer", "the replies before it were built and handed over, and its own"},
	}
	if p, ok := parts[name]; ok {
		return p
	}
	return stagePart{title: name, meaning: name}
}

// groupAll is the group of all proposals; the others are by how long they took.
const groupAll = "all"

// stagesSection says where the time goes: what the slowest waited for, not only how slow they were.
func (s *study) stagesSection() page.Section {
	t := s.stageTable()
	if t.Empty() {
		return page.Section{}
	}
	section := page.Section{ID: "stages", Title: "Where the time goes"}
	groups := s.stageGroupTable()
	if groups.Empty() { // of a result without followers' stages
		section.Blocks = []page.Block{
			page.Paragraph("A sample of proposals was followed through the leader. Each row is the time since the proposal, " +
				"so the step between two rows is roughly the time of that stage. Percentiles of different stages do not add up."),
			page.Table{Table: t},
		}
		return section
	}
	section.Blocks = present([]page.Block{
		page.Paragraph("A sample of entries, the same at all nodes, was followed through the cluster: at the leader and at " +
			"each follower. A proposal is committed when a majority's disks have it, so its way leads through the node that " +
			"completed the majority. The parts below follow one another, and add up to its whole time, from proposed to " +
			"answered."),
		sentences(s.stageSentences()),
		s.waterfallFigure(), page.Table{Table: groups}, stageMeanings(), page.Table{Table: s.stageBesideTable()},
		page.Details{Summary: "Each step by itself", Blocks: []page.Block{
			page.Paragraph("Time from the proposal to each step; followers' steps are of the one whose acknowledgement came " +
				"first. Percentiles of different steps do not add up."),
			page.Table{Table: t},
		}},
		page.List{Items: s.stageLimits()},
	})
	return section
}

// sentences is a list, or nothing.
func sentences(items []string) page.Block {
	if len(items) == 0 {
		return nil
	}
	return page.List{Items: items}
}

func stageMeanings() page.Block {
	var parts []string
	for _, name := range result.StageParts() {
		p := stagePartOf(name)
		parts = append(parts, p.title+": "+p.meaning)
	}
	return page.Paragraph(strings.Join(parts, "; ") + ".")
}

// bySlowness returns the groups by how long they took, those with means.
func (a *armStudy) bySlowness() []result.StageGroup {
	return slices.DeleteFunc(slices.Clone(a.StageGroups), func(g result.StageGroup) bool {
		return g.Group == groupAll || len(g.Parts) == 0
	})
}

// stageSentences names the longest part of each arm's groups.
func (s *study) stageSentences() []string {
	var lines []string
	for _, a := range s.arms {
		groups := a.bySlowness()
		if len(groups) == 0 {
			continue
		}
		var parts []string
		for _, g := range groups {
			longest := slices.MaxFunc(g.Parts, func(x, y result.StagePart) int { return compareFloats(x.MeanUs, y.MeanUs) })
			parts = append(parts, fmt.Sprintf("at %s (n = %d) %s in all, of which “%s” is %s, %.0f %%", g.Group, g.N,
				table.Duration(g.TotalUs), stagePartOf(longest.Name).title, table.Duration(longest.MeanUs),
				100*longest.MeanUs/g.TotalUs))
		}
		line := a.Name + ": " + strings.Join(parts, "; ") + "."
		if len(groups) > 1 {
			line += " " + growth(groups[0], groups[len(groups)-1])
		}
		lines = append(lines, line)
	}
	return lines
}

func compareFloats(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	default:
		return 0
	}
}

// growth says which parts make the difference between two groups.
func growth(fast, slow result.StageGroup) string {
	type grown struct {
		name string
		us   float64
	}
	var parts []grown
	for i, p := range slow.Parts {
		if i < len(fast.Parts) && fast.Parts[i].Name == p.Name {
			parts = append(parts, grown{p.Name, p.MeanUs - fast.Parts[i].MeanUs})
		}
	}
	slices.SortStableFunc(parts, func(x, y grown) int { return compareFloats(y.us, x.us) })
	more := slow.TotalUs - fast.TotalUs
	if len(parts) < 2 || more <= 0 {
		return ""
	}
	return fmt.Sprintf("What makes %s slower than %s by %s: %s more in “%s”, %s in “%s”.", slow.Group, fast.Group,
		table.Duration(more), table.Duration(parts[0].us), stagePartOf(parts[0].name).title, table.Duration(parts[1].us),
		stagePartOf(parts[1].name).title)
}

// stageGroupTable sets the parts of the groups side by side.
func (s *study) stageGroupTable() *table.Table {
	t := &table.Table{Caption: "Mean time of each part of a proposal's way, by how long the proposal took: ranks are " +
		"within each run. The parts add up to the sum; what is left over is shown."}
	columns := []string{"part"}
	var groups []string
	for _, a := range s.arms {
		for _, g := range a.StageGroups {
			if !slices.Contains(groups, g.Group) {
				groups = append(groups, g.Group)
			}
		}
	}
	t.Columns = table.Columns("arm", append(columns, groups...)...)
	t.Columns[1].Text = true
	for _, a := range s.arms {
		if len(a.StageGroups) == 0 {
			continue
		}
		row := func(title string, cell func(result.StageGroup) table.Cell) {
			cells := []table.Cell{table.Of(a.Name), table.Of(title)}
			for _, name := range groups {
				at := slices.IndexFunc(a.StageGroups, func(g result.StageGroup) bool { return g.Group == name })
				switch {
				case at < 0:
					cells = append(cells, table.Cell{Text: "–", Tone: table.Missing})
				case len(a.StageGroups[at].Parts) == 0 && title != "n":
					cells = append(cells, table.Cell{Text: fmt.Sprintf("n/a (n=%d)", a.StageGroups[at].N), Tone: table.Missing})
				default:
					cells = append(cells, cell(a.StageGroups[at]))
				}
			}
			t.Add(cells...)
		}
		row("n", func(g result.StageGroup) table.Cell { return table.Of(table.Count(int64(g.N))) })
		for i, name := range result.StageParts() {
			row(stagePartOf(name).title, func(g result.StageGroup) table.Cell {
				if i >= len(g.Parts) {
					return table.Cell{Text: "–", Tone: table.Missing}
				}
				return table.Time(g.Parts[i].MeanUs)
			})
		}
		row("sum", func(g result.StageGroup) table.Cell { return table.Time(sumOfParts(g)) })
		row("left over of the whole", func(g result.StageGroup) table.Cell {
			return table.Time(residual(g))
		})
	}
	return t
}

func sumOfParts(g result.StageGroup) float64 {
	sum := 0.0
	for _, p := range g.Parts {
		sum += p.MeanUs
	}
	return sum
}

// residual is what the parts do not explain, in microseconds; less than a nanosecond is the rounding of the sum.
func residual(g result.StageGroup) float64 {
	left := g.TotalUs - sumOfParts(g)
	if left < 1e-3 && left > -1e-3 {
		return 0
	}
	return left
}

// stageBesideTable shows what else differs between the groups.
func (s *study) stageBesideTable() *table.Table {
	t := &table.Table{
		Caption: "Beside the groups: proposals appended at once, entries in the leader's synced write, messages in flight " +
			"to the follower that completed the majority, and the share of proposals whose majority the leader's disk " +
			"completed. Syncs for a commit are of the whole steady phase.",
		Columns: table.Columns("arm", "group", "n", "batch", "entries a write", "in flight", "by the leader",
			"syncs a commit, all nodes", "of the leader"),
	}
	t.Columns[1].Text = true
	for _, a := range s.arms {
		for _, g := range a.StageGroups {
			if len(g.Parts) == 0 {
				continue
			}
			all, own := table.Cell{Text: "–", Tone: table.Missing}, table.Cell{Text: "–", Tone: table.Missing}
			if w := a.LogWrites; w != nil && g.Group == groupAll {
				all, own = table.Ofn("%.2f", w.PerCommit), table.Ofn("%.2f", w.PerCommitLeader)
			}
			t.Add(table.Of(a.Name), table.Of(g.Group), table.Of(table.Count(int64(g.N))), table.Ofn("%.1f", g.Batch),
				table.Ofn("%.1f", g.Written), table.Ofn("%.1f", g.InFlight), table.Ofn("%.0f %%", 100*g.ByLeader), all, own)
		}
	}
	return t
}

// stageLimits says what the section does not show.
func (s *study) stageLimits() []string {
	items := []string{
		"What is outside of the leader's core is not in it: the client, its connection, and the parsing of requests. " +
			s.outsideCore(),
		"Proposals of one group are not independent: one slow sync delays many of them. n counts proposals, not causes.",
		"The time of the node that completed the majority is shown, not that of the slowest: a commit does not wait for it.",
	}
	worst, disordered, steps := 0.0, 0, 0
	for _, a := range s.arms {
		if c := a.StageClock; c != nil {
			worst, disordered, steps = max(worst, c.ErrorUs), disordered+c.Disordered, steps+c.Steps
		}
	}
	if steps > 0 {
		items = append(items, fmt.Sprintf("All nodes read one clock; their readings differ by at most %.2f µs, as measured. "+
			"Of %s steps of followers %s come before their cause by more than that.", worst, table.Count(int64(steps)),
			table.Count(int64(disordered))))
	}
	return items
}

// outsideCore compares the medians of what clients and the core saw.
func (s *study) outsideCore() string {
	var parts []string
	for _, a := range s.arms {
		inside := a.StagesUs["answered"].P50
		if a.Steady == nil || a.Steady.ServiceUs.P50 == nil || inside == nil {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s of %s", a.Name, table.Duration(*inside),
			table.Duration(*a.Steady.ServiceUs.P50)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "At the median the core has this much of the clients' service time (that of reads included): " +
		strings.Join(parts, "; ") + "."
}

func (s *study) waterfallFigure() page.Block {
	var arms []plot.WaterfallArm
	for _, a := range s.arms {
		arm := plot.WaterfallArm{Label: a.Name}
		for _, g := range a.bySlowness() {
			group := plot.WaterfallGroup{Label: g.Group, N: g.N}
			for _, p := range g.Parts {
				if p.Name == result.PartNotDivided && !s.hasNotDivided() {
					continue
				}
				group.Parts = append(group.Parts, plot.WaterfallPart{Label: stagePartOf(p.Name).title, Us: p.MeanUs})
			}
			arm.Groups = append(arm.Groups, group)
		}
		if len(arm.Groups) > 0 {
			arms = append(arms, arm)
		}
	}
	if len(arms) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.Waterfall("waterfall", arms),
		Caption: "The way of a proposal at its leader in the steady phases, from proposed to answered: mean times of " +
			"sampled proposals, grouped by how long they took; n counts proposals. The panels share their scale.",
		How: "Read it from the top: each step begins where the one above ends. A step that is long for the slow group and " +
			"short for the fast one is what makes operations slow. The leader's steps and a follower's exclude each other for " +
			"one proposal, whose majority only one of them completed: a group shows both as means over all of its proposals.",
		Not: "What clients wait for outside of the leader's core; single operations; and what was under way at other nodes " +
			"without holding anybody up.",
	}
}

func (s *study) hasNotDivided() bool {
	for _, a := range s.arms {
		for _, g := range a.StageGroups {
			for _, p := range g.Parts {
				if p.Name == result.PartNotDivided && p.MeanUs != 0 {
					return true
				}
			}
		}
	}
	return false
}
