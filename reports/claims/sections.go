package claims

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/site"
)

// sections are the parts of a published report: facts, and those with a heading of the second level by their titles.
type sections map[string]string

// readSections reads the report of a result of a site, whose checksums vouch for it.
func readSections(dir string) (any, error) {
	path := filepath.Join(dir, result.ReportDir, "report.md")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := site.Vouch(filepath.Dir(dir), path); err != nil {
		return nil, err
	}
	all := sections{}
	parts := strings.Split(string(data), "\n## ")
	// Above the first section: the title, the question, and two lines of facts.
	above := strings.Split(strings.TrimSpace(parts[0]), "\n\n")
	all["facts"] = strings.Join(above[max(0, len(above)-2):], "\n\n")
	for _, part := range parts[1:] {
		title, body, _ := strings.Cut(part, "\n")
		all[title] = strings.TrimSpace(body)
	}
	return all, nil
}

// section returns the text of a section. One that leads to files beside the report cannot be quoted elsewhere.
func (s sections) section(title string) (any, error) {
	text, ok := s[title]
	if !ok {
		return nil, fmt.Errorf("the report has no section %q", title)
	}
	if strings.Contains(text, "](") {
		return nil, fmt.Errorf("section %q of the report has links, which would lead nowhere from here", title)
	}
	return text, nil
}
