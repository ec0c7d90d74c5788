package reports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/table"
)

// Rendered is what a report consists of.
type Rendered struct {
	Page     string // path of the HTML page
	Markdown string // path of its twin
	Headline string // the headline table as text
	// Verdict are the findings, as sentences.
	Verdict []string
	// Stamp is INVALID or UNSAFE, and empty when the result holds. Reasons say why.
	Stamp   string
	Reasons []string
}

// The stamps.
const (
	StampInvalid = "INVALID"
	StampUnsafe  = "UNSAFE"
)

// The files below result.ReportDir.
const (
	pageFile     = "index.html"
	markdownFile = "report.md"
	figuresDir   = "figures"
)

// ErrResult is wrapped by the error of a directory that is missing, damaged, foreign or of an unknown schema.
var ErrResult = errors.New("unusable result")

// Render makes the report of a result directory, in its folder report.
func Render(dir string) (Rendered, error) { return render(dir, false) }

// RenderVectors is Render without the figures as PNG, which are most of a report's size.
func RenderVectors(dir string) (Rendered, error) { return render(dir, true) }

func render(dir string, vectorsOnly bool) (Rendered, error) {
	r, err := result.Open(dir)
	if err != nil {
		return Rendered{}, fmt.Errorf("%w: %w", ErrResult, err)
	}
	s, err := newStudy(r)
	if err != nil {
		return Rendered{}, fmt.Errorf("%w: %w", ErrResult, err)
	}
	if e, err := newElectionStudy(s); err != nil {
		return Rendered{}, fmt.Errorf("%w: %w", ErrResult, err)
	} else if e != nil {
		return e.render(dir, vectorsOnly)
	}
	d, figures := s.document()
	d.VectorsOnly = vectorsOnly
	out := filepath.Join(dir, result.ReportDir)
	if err := write(out, d, figures); err != nil {
		return Rendered{}, fmt.Errorf("write report: %w", err)
	}
	return Rendered{
		Page:     filepath.Join(out, pageFile),
		Markdown: filepath.Join(out, markdownFile),
		Headline: headlineText(s.headline()) + s.durabilityFooter(),
		Verdict:  d.Verdict,
		Stamp:    d.Stamp,
		Reasons:  d.Reasons,
	}, nil
}

func headlineText(tables []*table.Table) string {
	var parts []string
	for _, t := range tables {
		parts = append(parts, t.Text())
	}
	return strings.Join(parts, "\n")
}

// write makes the report beside the old one and then puts it in its place, so that no reader meets a half.
func write(out string, d page.Document, figures []plot.Figure) error {
	fresh, err := os.MkdirTemp(filepath.Dir(out), ".report-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	writeFigures := plot.Write
	if d.VectorsOnly {
		writeFigures = plot.WriteVectors
	}
	if err := writeFigures(filepath.Join(fresh, figuresDir), figures); err != nil {
		return err
	}
	for name, text := range map[string]string{pageFile: page.HTML(d), markdownFile: page.Markdown(d)} {
		if err := os.WriteFile(filepath.Join(fresh, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := removeReport(out); err != nil {
		return err
	}
	return os.Rename(fresh, out)
}

// removeReport removes a folder that is an earlier report, and nothing else.
func removeReport(out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		switch entry.Name() {
		case pageFile, markdownFile, figuresDir:
		default:
			return fmt.Errorf("%s holds %s, which is not of a report: move it away", out, entry.Name())
		}
	}
	return os.RemoveAll(out)
}
