package reports

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// electionStudy is the result of an election study in virtual time.
type electionStudy struct {
	*study
	settings *result.Elections
	times    map[string]stat.Sample // by arm, in milliseconds; +Inf where there was no leader at the end
	trials   map[string][]result.ElectionTrial
	hours    map[string][]result.ElectionHour
}

// newElectionStudy returns nil when the result is of something else.
func newElectionStudy(s *study) (*electionStudy, error) {
	settings, trials, hours, err := s.Elections()
	if settings == nil || err != nil {
		return nil, err
	}
	e := &electionStudy{
		study: s, settings: settings, times: map[string]stat.Sample{}, trials: map[string][]result.ElectionTrial{},
		hours: map[string][]result.ElectionHour{},
	}
	for _, t := range trials {
		e.trials[t.Arm] = append(e.trials[t.Arm], t)
	}
	for arm, all := range e.trials {
		var values []float64
		for i := range all {
			values = append(values, electMs(&all[i]))
		}
		e.times[arm] = stat.Sorted(values)
	}
	for _, h := range hours {
		e.hours[h.Arm] = append(e.hours[h.Arm], h)
	}
	return e, nil
}

func electMs(t *result.ElectionTrial) float64 {
	if t.ElectUs < 0 {
		return math.Inf(1)
	}
	return float64(t.ElectUs) / 1e3
}

// group returns the arms that are compared with each other, by timeout and then in the order of the study.
func (e *electionStudy) group(name string) []*result.ElectionArm {
	var arms []*result.ElectionArm
	for i := range e.settings.Arms {
		if a := &e.settings.Arms[i]; slices.Contains(a.Groups, name) {
			arms = append(arms, a)
		}
	}
	slices.SortStableFunc(arms, func(a, b *result.ElectionArm) int {
		return cmp.Or(cmp.Compare(a.MinMs, b.MinMs), cmp.Compare(a.MaxMs, b.MaxMs))
	})
	return arms
}

// timeouts writes the bounds as the paper does.
func timeouts(a *result.ElectionArm) string { return fmt.Sprintf("%g–%g ms", a.MinMs, a.MaxMs) }

// protocolName says which rules are on.
func protocolName(a *result.ElectionArm) string {
	switch {
	case a.PreVote && a.CheckQuorum:
		return "pre-vote and check-quorum"
	case a.PreVote:
		return "pre-vote alone"
	case a.CheckQuorum:
		return "check-quorum alone"
	default:
		return "as in the paper"
	}
}

// situation says how a leader goes, in few words.
func situation(a *result.ElectionArm) string {
	switch {
	case a.Ending == "shutdown":
		return "shutdown with transfer"
	case a.Priority == "leader first":
		return "crash of the preferred leader"
	case a.Priority == "follower first":
		return "crash, a follower is preferred"
	default:
		return "crash"
	}
}

// render makes the report of an election study.
func (e *electionStudy) render(dir string, vectorsOnly bool) (Rendered, error) {
	d, figures := e.document()
	d.VectorsOnly = vectorsOnly
	out := filepath.Join(dir, result.ReportDir)
	if err := write(out, d, figures); err != nil {
		return Rendered{}, fmt.Errorf("write report: %w", err)
	}
	return Rendered{
		Page: filepath.Join(out, pageFile), Markdown: filepath.Join(out, markdownFile),
		Headline: headlineText(e.headline()), Verdict: d.Verdict, Stamp: d.Stamp, Reasons: d.Reasons,
	}, nil
}

func (e *electionStudy) headline() []*table.Table {
	return []*table.Table{e.paperTable(), e.linesTable(result.ElectionScale, result.ElectionProductScale), e.steadyTable()}
}

func (e *electionStudy) document() (page.Document, []plot.Figure) {
	d := page.Document{
		Title: "raftmark: " + orText(e.Manifest.Name, "elections"),
		Question: "How long is a cluster without a leader after its leader has crashed, and what does it cost to " +
			"make that shorter? Figure 16 of the Raft paper, with the real core in virtual time, and what that figure " +
			"leaves out.",
		Facts: e.facts(), Verdict: e.verdict(),
	}
	d.Stamp, d.Reasons = e.stamp()
	d.Badges = []page.Badge{
		{Name: "measurement", Value: orText(d.Stamp, "VALID"), Tone: toneOf(d.Stamp)},
		{Name: "placement", Value: "simulated: virtual time, no machine has a part in the numbers"},
		{Name: "Election Safety", Value: "checked at each victory", Tone: table.Good},
	}
	var figures []plot.Figure
	for _, section := range e.sections() {
		d.Sections = append(d.Sections, section)
		figures = append(figures, figuresOf(section)...)
	}
	return d, figures
}

func toneOf(stamp string) table.Tone {
	if stamp == "" {
		return table.Good
	}
	return table.Bad
}

func (e *electionStudy) sections() []page.Section {
	return []page.Section{
		{ID: "paper", Title: "Beside the paper", Blocks: []page.Block{
			e.paperFigure(), page.Table{Table: e.paperTable()},
			page.Table{Table: e.linesTable(result.ElectionRandomness, result.ElectionScale)},
		}},
		{ID: "product", Title: "The same with pre-vote and check-quorum", Blocks: []page.Block{
			page.Paragraph("What the product does unless it is told otherwise."), e.productFigure(),
			page.Table{Table: e.linesTable(result.ElectionProductRandomness, result.ElectionProductScale)},
		}},
		{ID: "left-out", Title: "What the figure leaves out", Blocks: []page.Block{
			e.rulesFigure(), page.Table{Table: e.linesTable(result.ElectionProtocol)},
			page.Table{Table: e.linesTable(result.ElectionOperations)}, page.List{Items: e.operationsNotes()},
		}},
		{ID: "frontier", Title: "Availability against stability", Blocks: []page.Block{
			e.frontierFigure(), page.Table{Table: e.steadyTable()},
		}},
		{ID: "sensitivity", Title: "What the paper does not say", Blocks: []page.Block{
			page.Paragraph("The paper's cluster had \"a broadcast time of roughly 15 ms\". How that was spent is not " +
				"published, and it decides how long another server may stand for election before it hears of the first " +
				"one. The same settings, with the same 15 ms spent in other ways:"),
			page.Table{Table: e.sensitivityTable()},
		}},
		{ID: "method", Title: "Method", Blocks: []page.Block{page.List{Items: e.method()}}},
		{ID: "threats", Title: "Threats to " +
			"validity", Blocks: []page.Block{page.List{Ordered: true, Items: e.threats()}}},
		e.environmentSection(), e.reproduce(), e.files(),
	}
}
