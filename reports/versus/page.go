package versus

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
)

// The files of a page.
const (
	pageFile     = "index.html"
	markdownFile = "compare.md"
	figureName   = "ratios"
)

// Document returns the comparison as a report, with its figure.
func (c *Comparison) Document() (page.Document, plot.Figure) {
	figure := plot.Ratios(figureName, "New to base, with 95 % intervals", c.panels(), 2)
	stamp := ""
	if len(c.Warnings) > 0 {
		stamp = "NOT LIKE FOR LIKE"
	}
	return page.Document{
		Title:    fmt.Sprintf("%s against %s", strings.Join(c.News, ", "), c.Base),
		Question: "Is it better or worse, by how much, and can that be said?",
		Stamp:    stamp, Reasons: c.Warnings,
		Verdict: c.Sentences(),
		Sections: []page.Section{
			{ID: "ratios", Title: "Ratios", Blocks: []page.Block{
				page.Figure{
					Figure:  figure,
					Caption: "Ratio of new to base for each metric, on a logarithmic scale. Less is better.",
					How: "A mark to the left of 1 is a metric that became smaller, and so better. The line is the 95 % interval of " +
						"the ratio; coloured, it does not reach 1.",
					Not: "How much two results of identical code differ, unless the table has a noise floor; anything about other " +
						"machines or loads.",
				},
				page.Table{Table: c.Table()},
			}},
			{ID: "method", Title: "Method", Blocks: []page.Block{page.Paragraph(
				"The unit is the run, or the trial of a fault: operations of one run are not independent. The ratio is the " +
					"median of all ratios of a value of new and one of base (Hodges and Lehmann), its interval the one that belongs " +
					"to the rank sum test of Mann and Whitney, and p that test's, corrected after Holm for the number of metrics. " +
					"Better and worse are said when the whole interval lies on that side of 1, by more than the noise floor and the " +
					"threshold, and p is below 0.05. Cannot resolve does not mean that there is no difference."),
			}},
		},
	}, figure
}

// panels groups the ratios by arm.
func (c *Comparison) panels() []plot.RatioPanel {
	var panels []plot.RatioPanel
	for i := range c.Rows {
		r := &c.Rows[i]
		name := c.rowName(r)
		if len(panels) == 0 || panels[len(panels)-1].Title != name {
			panels = append(panels, plot.RatioPanel{Title: name})
		}
		last := &panels[len(panels)-1]
		last.Rows = append(last.Rows, plot.RatioRow{Label: r.Metric, Ratio: r.Ratio, Low: r.Low, High: r.High})
	}
	return panels
}

// WritePage writes the comparison into a new folder, as a page, Markdown, and a figure with its data. It returns the
// page's path.
func (c *Comparison) WritePage(dir string) (string, error) {
	d, figure := c.Document()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("write comparison: %w", err)
	}
	if err := plot.Write(filepath.Join(dir, "figures"), []plot.Figure{figure}); err != nil {
		return "", fmt.Errorf("write comparison: %w", err)
	}
	for name, text := range map[string]string{pageFile: page.HTML(d), markdownFile: page.Markdown(d)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("write comparison: %w", err)
		}
	}
	return filepath.Join(dir, pageFile), nil
}
