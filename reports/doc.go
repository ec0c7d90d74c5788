// Package reports turns a result directory into a report: statistics, tables, figures, one page and its Markdown twin.
//
//	result.Open ──► study ──► figures (plot)  ──► report/figures/*.svg *.png *.csv
//	                  │   ──► sections (table) ──► page.Document ──► report/index.html
//	                  │                                         ──► report/report.md
//	                  └──► Rendered{Page, Markdown, Headline, Stamp}
//
// A result of the election study (elections.go) has a page of its own, made of the same parts.
//
// Smallest use:
//
//	rendered, err := reports.Render(dir)
//	fmt.Print(rendered.Headline)
//
// What holds:
//
//  1. The report is a pure function of the directory (L8): rendered again, it is the same bytes. It holds no time of
//     its own, no path of the machine, and no number that is not computed from the files.
//  2. A result that is not valid, or not safe, is stamped so before anything else on the page (L9). So is one that was
//     interrupted, and one whose arms lost a write, whatever its verdict says.
//  3. A quantile of a sample below its minimum is not printed (rule R9). The outages of two
//     arms are called different only when the 95 % intervals of their medians do not overlap; the steady phases of arms
//     with several runs only when an exact rank sum test of the runs says so. Else they cannot be resolved.
//  4. A directory that cannot be trusted (see package result) gives an error and no report. Files of an earlier report
//     that this one does not have are removed.
//
// It imports nothing of the system under test (L3).
package reports
