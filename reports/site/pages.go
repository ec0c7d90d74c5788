package site

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/table"
)

// The files of a site.
const (
	pageFile     = "index.html"
	markdownFile = "README.md"
)

// pages writes what a site has beside its results.
type pages struct {
	dir     string
	options Options
	entries []*entry
}

func (s *pages) write() error {
	for _, e := range s.entries {
		if e.fault != nil {
			continue
		}
		err := e.render(s.dir, s.options.PNG)
		if errors.Is(err, reports.ErrResult) {
			e.result, e.fault = nil, unwrapDir(err)
		} else if err != nil {
			return fmt.Errorf("publish %s: %w", e.name, err)
		}
	}
	compared, err := s.compare()
	if err != nil {
		return err
	}
	trends, err := s.trends()
	if err != nil {
		return err
	}
	d := s.index(compared, trends)
	return s.document(s.dir, d, markdownFile)
}

func (s *pages) document(dir string, d page.Document, markdown string) error {
	if err := writeFile(filepath.Join(dir, pageFile), []byte(page.HTML(d))); err != nil {
		return err
	}
	// Who reads the Markdown reads the reports as Markdown, too.
	twin := strings.ReplaceAll(page.Markdown(d), "/"+result.ReportDir+"/"+pageFile+")", "/"+result.ReportDir+"/report.md)")
	return writeFile(filepath.Join(dir, markdown), []byte(twin))
}

// newest returns the entries with the newest first; those that cannot be read are last, by their names.
func newest(entries []*entry) []*entry {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b *entry) int {
		if a.result == nil || b.result == nil {
			return cmp.Or(boolOrder(a.result == nil, b.result == nil), cmp.Compare(a.name, b.name))
		}
		started := b.result.Manifest.Started.Compare(a.result.Manifest.Started)
		return cmp.Or(started, cmp.Compare(a.name, b.name))
	})
	return sorted
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// index is the first page.
func (s *pages) index(compared []page.Block, trends int) page.Document {
	d := page.Document{
		Title:    cmp.Or(s.options.Title, "raftmark: results"),
		Question: "What was measured, when, on which machine, and what did it say?",
	}
	t := &table.Table{
		Caption: "The results, newest first. A result's name leads to its report.",
		Columns: []table.Column{
			{Name: "result", Text: true}, {Name: "when (UTC)", Text: true}, {Name: "measurement", Text: true},
			{Name: "safety", Text: true}, {Name: "durability", Text: true},
			{Name: "machine", Text: true}, {Name: "commit", Text: true},
		},
	}
	void, damaged := 0, 0
	var findings []page.Section
	machines := map[string]bool{}
	for _, e := range newest(s.entries) {
		t.Add(e.row()...)
		findings = append(findings, e.findings())
		switch {
		case e.fault != nil:
			damaged++
		case e.rendered.Stamp != "":
			void++
		}
		if e.result != nil {
			machines[machineOf(e.result)] = true
		}
	}
	d.Facts = []page.Fact{
		{Name: "results", Value: strconv.Itoa(len(s.entries))}, {Name: "machines", Value: strconv.Itoa(len(machines))},
	}
	d.Badges = []page.Badge{
		countBadge("valid", len(s.entries)-void-damaged, table.Good), countBadge("not valid", void, table.Bad),
		countBadge("damaged", damaged, table.Bad),
	}
	d.Verdict = []string{
		fmt.Sprintf("%s, each with its data and a report that was made from them; %d that cannot be read any more.",
			plural(len(s.entries)-damaged, "result"), damaged),
		"Numbers of different machines, scenarios or durability classes are not comparable, and nothing here compares them.",
	}
	d.Sections = []page.Section{
		{ID: "results", Title: "Results", Blocks: []page.Block{page.Table{Table: t}}},
		{ID: "findings", Title: "What they say", Sections: findings},
	}
	if trends > 0 {
		d.Sections = append(d.Sections, page.Section{ID: "trends", Title: "Trends", Blocks: []page.Block{
			page.Paragraph(plural(trends, "configuration") + " measured more than once under the same conditions."),
			page.Links{{Href: trendsDir + "/" + pageFile, Text: "metrics over commits"}},
		}})
	}
	if len(compared) > 0 {
		d.Sections = append(d.Sections, page.Section{ID: "comparisons", Title: "Comparisons",
			Blocks: compared})
	}
	d.Sections = append(d.Sections, page.Section{ID: "check", Title: "Check it", Blocks: []page.Block{
		page.Paragraph("Nothing may have changed since it was published. In the folder of this page, the first needs no " +
			"program of ours; the second also opens every result. A report is made again from its data by the third."),
		page.Code("sha256sum --check --quiet " + checksumsFile + "\nraftmark publish --check .\nraftmark report RESULT"),
	}})
	return d
}

func countBadge(name string, n int, tone table.Tone) page.Badge {
	if n == 0 {
		tone = table.Plain
	}
	return page.Badge{Name: name, Value: strconv.Itoa(n), Tone: tone}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// row is the entry's line of the index.
func (e *entry) row() []table.Cell {
	none := table.Cell{Text: "–", Tone: table.Missing}
	if e.result == nil {
		return []table.Cell{
			table.Of(e.name), none, {Text: "DAMAGED", Tone: table.Bad}, none, none, none, none,
		}
	}
	m := e.result.Manifest
	validity := table.Cell{Text: "VALID", Tone: table.Good}
	if e.rendered.Stamp != "" {
		validity = table.Cell{Text: e.rendered.Stamp, Tone: table.Bad}
	}
	commit := none
	if m.Commit != "" {
		commit = table.Of(m.Commit[:min(12, len(m.Commit))])
		if m.Dirty {
			commit.Text += ", changed"
		}
	}
	return []table.Cell{
		{Text: e.name, Href: e.name + "/" + result.ReportDir + "/" + pageFile},
		table.Of(m.Started.UTC().Format("2006-01-02 15:04")), validity,
		safetyCell(e.result), durabilityCell(e.result), table.Of(machineOf(e.result)), commit,
	}
}

// findings are the entry's own sentences, or why it has none that may be quoted.
func (e *entry) findings() page.Section {
	section := page.Section{ID: "says-" + e.name, Title: e.name}
	say := func(lines ...string) {
		for _, line := range lines {
			section.Blocks = append(section.Blocks, page.Paragraph(line))
		}
	}
	switch {
	case e.fault != nil:
		say("DAMAGED: cannot be read: " + e.fault.Error())
	case e.rendered.Stamp != "":
		say(e.rendered.Stamp + ":")
		section.Blocks = append(section.Blocks, page.List{Items: e.rendered.Reasons})
	default:
		say(e.rendered.Verdict...)
	}
	return section
}

func safetyCell(r *result.Result) table.Cell {
	var acked, lost int64
	found := ""
	for i := range r.Summary.Arms {
		safety := r.Summary.Arms[i].Safety
		acked, lost = acked+safety.Acked, lost+safety.Lost
		switch {
		case safety.Linearizable == result.SafetyViolation:
			return table.Cell{Text: "NOT LINEARIZABLE", Tone: table.Bad}
		case safety.Logs == result.SafetyViolation:
			return table.Cell{Text: "LOGS DIFFER", Tone: table.Bad}
		case safety.Logs == result.SafetyUnknown:
			found = ", logs not decided"
		case found == "" && safety.Acked > 0 && safety.Linearizable != result.SafetyOK:
			found = ", linearizability not decided"
		}
	}
	switch {
	case lost > 0:
		return table.Cell{Text: table.Count(lost) + " LOST", Tone: table.Bad}
	case acked == 0:
		return table.Cell{Text: "no writes" + found, Tone: table.Missing}
	case found != "":
		return table.Cell{Text: "0 of " + table.Count(acked) + " lost" + found, Tone: table.Bad}
	default:
		return table.Of("0 of " + table.Count(acked) + " lost")
	}
}

// durabilityCell lists the classes of the arms and what the storage was judged to be.
func durabilityCell(r *result.Result) table.Cell {
	var classes []string
	for i := range r.Summary.Arms {
		if class := string(r.Summary.Arms[i].Durability); class != "" && !slices.Contains(classes, class) {
			classes = append(classes, class)
		}
	}
	if len(classes) == 0 && len(r.Exchange) > 0 {
		return table.Cell{Text: "no writes", Tone: table.Missing}
	}
	if len(classes) == 0 {
		return table.Cell{Text: "not told", Tone: table.Missing}
	}
	slices.Sort(classes)
	cell := table.Of(strings.Join(classes, ", "))
	if !r.Summary.Calibration.Storage.Stable() {
		cell.Text += ", " + r.Summary.Calibration.Storage.Verdict
	}
	if cell.Text != string(result.DurabilityFsync) {
		cell.Tone = table.Bad
	}
	return cell
}

// machineOf names what a result was measured on, as far as it decides what may be compared.
func machineOf(r *result.Result) string {
	e := r.Manifest.Environment
	return fmt.Sprintf("%d × %s, %s/%s, %s", e.CPUs, cmp.Or(e.CPUModel, "unknown processor"), e.OS, e.Arch,
		cmp.Or(e.Filesystem, "unknown file system"))
}

// makeDir makes a folder of the site, and removes what an earlier call left in it that this one does not make.
func makeDir(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o755)
}
