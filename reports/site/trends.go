package site

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/table"
)

// family is the results of one scenario on one machine, the oldest first.
type family struct {
	scenario, machine string
	entries           []*entry
}

// course is what may be joined by a line: one metric of one arm, measured under the same conditions.
type course struct {
	label      string
	arm        string
	durability result.Durability
	metric     string
	class      string // conditions; see classOf
	values     []float64
}

// trends writes the page of trends, when there is one, and returns how many configurations have one.
func (s *pages) trends() (int, error) {
	dir := filepath.Join(s.dir, trendsDir)
	d := page.Document{
		Title:       "Trends over commits",
		Question:    "How did a metric change from commit to commit, on the same machine and under the same conditions?",
		VectorsOnly: true,
		Verdict: []string{
			"A line joins results of one scenario, machine, storage, durability class and configuration only. It says what " +
				"was measured, not whether a step is more than noise: `raftmark compare` says that.",
		},
	}
	var figures []plot.Figure
	count := 0
	for at, f := range families(s.entries) {
		section, drawn, configurations := f.section(at + 1)
		if len(drawn) == 0 {
			continue
		}
		d.Sections, figures, count = append(d.Sections, section), append(figures, drawn...), count+configurations
	}
	if len(figures) == 0 {
		return 0, os.RemoveAll(dir)
	}
	if err := makeDir(dir); err != nil {
		return 0, err
	}
	if err := plot.WriteVectors(filepath.Join(dir, "figures"), figures); err != nil {
		return 0, err
	}
	return count, s.document(dir, d, markdownFile)
}

// families groups the results that can be read.
func families(entries []*entry) []family {
	var all []family
	byKey := map[string]int{}
	sorted := newest(entries)
	slices.Reverse(sorted)
	for _, e := range sorted {
		if e.result == nil {
			continue
		}
		f := family{scenario: e.result.Manifest.Name, machine: conditionsOf(e.result)}
		key := f.scenario + "\x00" + f.machine
		if _, ok := byKey[key]; !ok {
			byKey[key] = len(all)
			all = append(all, f)
		}
		all[byKey[key]].entries = append(all[byKey[key]].entries, e)
	}
	slices.SortStableFunc(all, func(a, b family) int { return strings.Compare(a.scenario, b.scenario) })
	return all
}

// conditionsOf is the machine and all else of a result that its figures depend on, beside the code.
func conditionsOf(r *result.Result) string {
	e := r.Manifest.Environment
	storage := "storage not judged"
	if verdict := r.Summary.Calibration.Storage.Verdict; verdict != "" {
		storage = "storage " + verdict
	}
	return fmt.Sprintf("%s, GOMAXPROCS %d, placement %s, %s", machineOf(r), e.GOMAXPROCS, e.Placement, storage)
}

// classOf names the conditions of an arm: durability, and the configuration without what only says how long or how
// often was measured, and with which seed.
func classOf(arm *result.Arm) (string, error) {
	config := maps.Clone(arm.Config)
	for _, key := range []string{"description", "seed", "runs"} {
		delete(config, key)
	}
	data, err := json.Marshal(config) // maps in order
	return string(arm.Durability) + " " + string(data), err
}

// section draws the family; nothing when no two of its results can be joined.
func (f *family) section(number int) (page.Section, []plot.Figure, int) {
	section := page.Section{
		ID: fmt.Sprintf("trend-%d", number), Title: f.scenario,
		Blocks: []page.Block{page.Paragraph("Machine: " + f.machine + ".")},
	}
	metrics, courses := f.courses()
	var labels []string
	for _, e := range f.entries {
		label := e.result.Manifest.Commit
		labels = append(labels, label[:min(7, len(label))])
	}
	var figures []plot.Figure
	joined := map[string]bool{}
	for i, metric := range metrics {
		var series []plot.TrendSeries
		worth := false
		for _, c := range courses {
			if c.metric != metric.name {
				continue
			}
			series = append(series, plot.TrendSeries{Label: c.label, Values: c.values})
			if c.count() > 1 {
				worth, joined[c.class+c.label] = true, true
			}
		}
		if !worth {
			continue
		}
		figure := plot.Trend(fmt.Sprintf("trend-%d-%d", number, i+1), fmt.Sprintf("%s: %s (%s), %d results", f.scenario,
			metric.name, metric.unit, len(f.entries)), metric.unit, labels, series)
		figures = append(figures, figure)
		section.Blocks = append(section.Blocks, page.Figure{
			Figure:  figure,
			Caption: fmt.Sprintf("%s of %s, in %s, over commits.", metric.name, f.scenario, metric.unit),
			How: "Each mark is a result, each line one arm under one set of conditions. Lower is better. A gap is a " +
				"result that is not valid, or has too few samples.",
			Not: "How long was between two results; the spread of one; whether a step is more than noise.",
		})
	}
	section.Blocks = append(section.Blocks, page.Table{Table: f.table()})
	return section, figures, len(joined)
}

// label names a course: the arm, its durability, and which of several configurations of that name it is.
func label(arm *result.Arm, configuration int) string {
	text := arm.Name
	if arm.Durability != "" {
		text += ", " + string(arm.Durability)
	}
	if configuration > 1 {
		text += fmt.Sprintf(", configuration %d", configuration)
	}
	return text
}

func (c *course) count() int {
	n := 0
	for _, value := range c.values {
		if !math.IsNaN(value) {
			n++
		}
	}
	return n
}

// table says which result is behind which mark.
func (f *family) table() *table.Table {
	t := &table.Table{Caption: "The results, the oldest first.", Columns: []table.Column{
		{Name: "commit", Text: true}, {Name: "result", Text: true}, {Name: "measurement", Text: true},
	}}
	for _, e := range f.entries {
		m := e.result.Manifest
		commit := m.Commit[:min(12, len(m.Commit))]
		if m.Dirty {
			commit += ", changed"
		}
		validity := table.Of("VALID")
		if e.rendered.Stamp != "" {
			validity = table.Cell{Text: e.rendered.Stamp + ": not drawn", Tone: table.Bad}
		}
		href := "../" + e.name + "/" + result.ReportDir + "/" + pageFile
		t.Add(table.Of(commit), table.Cell{Text: e.name, Href: href}, validity)
	}
	return t
}
