package reports

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/table"
)

// document puts the report together, in the order of a paper: findings, headline, figures, details, method, limits. It
// also returns the figures that have files.
func (s *study) document() (page.Document, []plot.Figure) {
	d := page.Document{Title: "raftmark: " + orText(s.Manifest.Name, "result"), Question: s.question(), Facts: s.facts()}
	d.Stamp, d.Reasons = s.stamp()
	d.Badges = s.badges(d.Stamp)
	d.Verdict, d.Warnings = s.verdict(), s.notDurable()
	var figures []plot.Figure
	sections := []page.Section{
		s.headlineSection(), s.figuresSection(), s.courseSection(), s.comparisonSection(), s.steadySection(),
		s.saturationSection(), s.closedSection(), s.failuresSection(), s.stagesSection(),
	}
	sections = append(sections, s.exchangeSections()...)
	for _, section := range append(sections,
		s.safetySection(), s.calibrationSection(), s.anomalies(), s.methodSection(), s.environmentSection(),
		s.threatsSection(),
		s.reproduceSection(), s.filesSection(),
	) {
		if len(section.Blocks) > 0 || len(section.Sections) > 0 {
			d.Sections = append(d.Sections, section)
			figures = append(figures, figuresOf(section)...)
		}
	}
	stampFigures(d.Sections, d.Warnings)
	return d, figures
}

func figuresOf(section page.Section) []plot.Figure {
	var figures []plot.Figure
	for _, b := range section.Blocks {
		if f, ok := b.(page.Figure); ok {
			figures = append(figures, f.Figure)
		}
	}
	for _, sub := range section.Sections {
		figures = append(figures, figuresOf(sub)...)
	}
	return figures
}

func (s *study) question() string {
	var names []string
	for _, a := range s.arms {
		names = append(names, a.Name)
	}
	question := "What latency does a commit have"
	if courses := s.courses(); len(courses) > 0 {
		question = courseQuestion(courses[0].Kind)
	}
	if s.isExchange() {
		question = exchangeQuestion
	}
	if len(s.saturated()) > 0 {
		question = saturationQuestion
	}
	if len(s.kinds) > 0 {
		question += ", and what does " + strings.Join(s.kinds, " or ") + " do to it"
	}
	if len(names) > 1 {
		question += ": " + strings.Join(names, " against ")
	} else if len(names) == 1 {
		question += ", with " + names[0]
	}
	question += "?"
	if text := description(s.Scenario); text != "" {
		question += " " + text
	}
	return question
}

func (s *study) facts() []page.Fact {
	m := s.Manifest
	facts := []page.Fact{{Name: "run", Value: m.Started.UTC().Format("2006-01-02 15:04 UTC")}}
	if m.Finished.After(m.Started) {
		facts = append(facts, page.Fact{Name: "took", Value: m.Finished.Sub(m.Started).Round(time.Second).String()})
	}
	if m.Commit != "" {
		commit := m.Commit[:min(12, len(m.Commit))]
		if m.Dirty {
			commit += " with local changes"
		}
		facts = append(facts, page.Fact{Name: "commit", Value: "`" + commit + "`"})
	}
	if m.Version != "" {
		facts = append(facts, page.Fact{Name: "raftmark", Value: m.Version})
	}
	facts = append(facts, page.Fact{Name: "seed", Value: strconv.FormatUint(m.Seed, 10)})
	for _, key := range sortedKeys(m.Labels) {
		facts = append(facts, page.Fact{Name: key, Value: m.Labels[key]})
	}
	return facts
}

func (s *study) headlineSection() page.Section {
	section := page.Section{ID: "headline", Title: "Headline"}
	for _, t := range s.headline() {
		section.Blocks = append(section.Blocks, page.Table{Table: t})
	}
	if s.isExchange() {
		section.Blocks = append(section.Blocks, page.Paragraph(exchangeHeadlineNote))
		return section
	}
	if len(s.saturated()) > 0 {
		section.Blocks = append(section.Blocks, page.Paragraph(saturationHeadlineNote))
		return section
	}
	over := "The interval is of the median over trials"
	if len(s.courses()) > 0 {
		over = "What is from one value to another is from the smallest to the largest run"
	}
	section.Blocks = append(section.Blocks, page.Paragraph("A cell that says n/a has too few samples for its number. "+
		over+"; max is the largest value seen, not an upper bound. Not ok counts failed, unknown and shed operations."))
	return section
}

func (s *study) figuresSection() page.Section {
	section := page.Section{ID: "figures", Title: "Figures that matter"}
	if s.isExchange() {
		section.Blocks = s.exchangeBlocks()
		return section
	}
	if len(s.saturated()) > 0 {
		section.Blocks = present([]page.Block{s.saturationFigure()})
		return section
	}
	if len(s.kinds) > 0 {
		section.Blocks = append(section.Blocks, s.cdfFigure(s.kinds[0]), s.overlayFigure(s.kinds[0]))
	}
	if courses := s.courses(); len(courses) > 0 {
		section.Blocks = append(section.Blocks, s.courseFigure(courses[0]), s.segmentSpectrum())
	} else {
		section.Blocks = append(section.Blocks, s.spectrumFigure())
	}
	section.Blocks = append(section.Blocks, s.configFigure(), s.latencyFigure())
	section.Blocks = present(section.Blocks)
	return section
}

// present drops blocks that were not made.
func present(blocks []page.Block) []page.Block {
	var kept []page.Block
	for _, b := range blocks {
		switch b := b.(type) {
		case nil:
		case page.Table:
			if !b.Empty() {
				kept = append(kept, b)
			}
		default:
			kept = append(kept, b)
		}
	}
	return kept
}

func (s *study) steadySection() page.Section {
	section := page.Section{ID: "steady", Title: "Steady state"}
	if len(s.saturated()) > 0 { // there is none
		return section
	}
	section.Blocks = present([]page.Block{
		page.Table{Table: s.steadyTable()}, page.Table{Table: s.steadyCounts()},
		page.Table{Table: s.scheduleTable()}, page.Table{Table: s.wireTable()},
		s.runsFigure(), s.throughputFigure(), s.heatFigure(),
	})
	if len(section.Blocks) > 0 {
		section.Blocks = append([]page.Block{page.Paragraph("The phase without faults, after the warm-up. The percentiles " +
			"are of single operations of one run and have no interval: operations of a run depend on each other.")},
			section.Blocks...)
	}
	return section
}

func (s *study) failuresSection() page.Section {
	section := page.Section{ID: "failures", Title: "Failures"}
	for i, kind := range s.kinds {
		blocks := []page.Block{page.Table{Table: s.faultTable(kind)}, page.Table{Table: s.phaseTable(kind)},
			phaseMeanings(kind)}
		if lasts(kind) {
			blocks = append(blocks, page.Table{Table: s.underTable(kind)})
		}
		if breaksDisk(kind) {
			blocks = append(blocks, s.underStages(kind)...)
		}
		if i == 0 {
			blocks = append(blocks, page.Paragraph("The distribution and the aligned overlay of "+kind+" are above."))
		} else {
			blocks = append(blocks, s.cdfFigure(kind), s.overlayFigure(kind))
		}
		blocks = append(append(blocks, s.phaseFigure(kind), s.scatterFigure(kind)), s.spaceTimeFigures(kind)...)
		section.Sections = append(section.Sections, page.Section{ID: "fault-" + kind, Title: kind, Blocks: present(blocks)})
	}
	if t := s.faultTable(noop); !t.Empty() {
		t.Caption = "The control: trials in which nothing was broken. The outage here is the longest ordinary gap."
		section.Sections = append(section.Sections, page.Section{ID: "fault-noop", Title: "noop, the control",
			Blocks: []page.Block{page.Table{Table: t}}})
	}
	if len(section.Sections) > 0 {
		section.Blocks = []page.Block{page.List{Items: []string{
			"Outage: the longest time without an acknowledgement, as the clients saw it.",
			"Leaderless: from the fault to the new leader's first commit, as the nodes saw it.",
			"Debt: the sum over all operations of the time by which they exceeded the steady median, in operation-seconds.",
		}}}
	}
	return section
}

func phaseMeanings(kind string) page.Block {
	var parts []string
	for _, p := range phasesOf(kind) {
		parts = append(parts, p.title+": "+p.meaning)
	}
	return page.Paragraph(strings.Join(parts, "; ") + ".")
}

func (s *study) calibrationSection() page.Section {
	section := page.Section{ID: "calibration", Title: "Calibration and limits"}
	section.Blocks = present([]page.Block{
		page.Table{Table: s.storageTable()}, page.Table{Table: s.calibrationTable()}, page.Table{Table: s.floorTable()},
		s.calibrationFigure(),
	})
	if g := s.Calibration.GeneratorMaxPerS; g > 0 {
		section.Blocks = append(section.Blocks, page.Paragraph("The load generator alone reached "+rate(g)+
			" against a target that answers at once."))
	}
	return section
}

func (s *study) environmentSection() page.Section {
	e := s.Manifest.Environment
	t := &table.Table{Caption: "Machine and software.", Columns: []table.Column{{Name: "what", Text: true},
		{Name: "value", Text: true}}}
	for _, row := range [][2]string{
		{"processor", fmt.Sprintf("%s, %d CPUs, %s", orText(e.CPUModel, "unknown"), e.CPUs, e.Arch)},
		{"GOMAXPROCS", strconv.Itoa(e.GOMAXPROCS)},
		{"memory", fmt.Sprintf("%.1f GiB", float64(e.MemoryBytes)/(1<<30))},
		{"operating system", strings.TrimSpace(e.OS + " " + e.Kernel)},
		{"file system of the data", orText(e.Filesystem, "unknown")},
		{"virtualization", orText(e.Virtual, "none found")},
		{"CPU steal over the run", fmt.Sprintf("%.2f %%", e.StealPercent)},
		{"Go", e.GoVersion},
		{"placement", orText(e.Placement, "unknown")},
	} {
		t.Add(table.Of(row[0]), table.Of(row[1]))
	}
	section := page.Section{ID: "environment", Title: "Environment", Blocks: []page.Block{page.Table{Table: t}}}
	for _, a := range s.arms {
		if lines := optionLines(a.Config); len(lines) > 0 {
			section.Blocks = append(section.Blocks, page.Details{
				Summary: "Effective options of " + a.Name, Blocks: []page.Block{page.Code(strings.Join(lines, "\n"))},
			})
		}
	}
	if len(s.Scenario) > 0 {
		section.Blocks = append(section.Blocks, page.Details{
			Summary: "The scenario", Blocks: []page.Block{page.Code(string(s.Scenario))},
		})
	}
	return section
}

func (s *study) reproduceSection() page.Section {
	m := s.Manifest
	var lines []string
	if m.Commit != "" {
		lines = append(lines, "git checkout "+m.Commit)
	}
	lines = append(lines, shellLine(m.Command))
	text := fmt.Sprintf("The seed is %d: arrivals, keys and the instants of faults repeat. Times do not.", m.Seed)
	if m.Dirty {
		text += " The commit had local changes, which are not recorded: this run cannot be repeated exactly."
	}
	return page.Section{ID: "reproduce", Title: "How to reproduce", Blocks: []page.Block{
		page.Code(strings.Join(lines, "\n")), page.Paragraph(text),
		page.Paragraph("`raftmark report DIR` makes this page again from the files below, byte for byte. " +
			"`sha256sum -c SHA256SUMS` checks that they are as they were written."),
	}}
}

// shellLine quotes what a shell would take apart.
func shellLine(args []string) string {
	var quoted []string
	for _, arg := range args {
		if arg == "" || strings.ContainsAny(arg, " \t\n\"'`$&|;<>()*?[]{}~#!\\") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		quoted = append(quoted, arg)
	}
	return strings.Join(quoted, " ")
}
