package tidy

import (
	"bytes"
	"path"
	"regexp"
	"strings"
	"unicode"
)

var (
	// testMention matches the name of a test, benchmark or fuzz target in prose.
	testMention = regexp.MustCompile(`\b(?:Test|Benchmark|Fuzz)[A-Z]\w*\b`)
	// testFunction matches where one is declared.
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)[A-Z]\w*)\(`)
)

// checkMentions finds tests that a Markdown file names and that nobody has: they were renamed, or are gone.
func checkMentions(t *Tree) []Violation {
	declared := map[string]bool{}
	for _, text := range t.Texts {
		if strings.HasSuffix(text.Path, "_test.go") && !inTestdata(text.Path) {
			for _, m := range testFunction.FindAllSubmatch(text.Src, -1) {
				declared[string(m[1])] = true
			}
		}
	}
	var out []Violation
	t.eachProse(func(p string, number int, line []byte) {
		for _, name := range testMention.FindAll(line, -1) {
			if !declared[string(name)] {
				out = append(out, Violation{
					Rule: "mentions", Path: p, Line: number, What: "names " + string(name) + ", which is not there",
				})
			}
		}
	})
	return out
}

// checkAnchors finds links to headings that are not there, in the same page or in another one.
func checkAnchors(t *Tree) []Violation {
	anchors := map[string]map[string]bool{}
	t.eachProse(func(p string, _ int, line []byte) {
		if title, ok := bytes.CutPrefix(line, []byte("#")); ok {
			if anchors[p] == nil {
				anchors[p] = map[string]bool{}
			}
			anchors[p][anchor(string(title))] = true
		}
	})
	var out []Violation
	t.eachProse(func(p string, number int, line []byte) {
		for _, m := range markdownLink.FindAllSubmatch(line, -1) {
			target, part, found := strings.Cut(string(m[1]), "#")
			if !found || strings.Contains(target, "://") || (target != "" && path.Ext(target) != ".md") {
				continue
			}
			page := p
			if target != "" {
				page = path.Join(path.Dir(p), target)
			}
			if !anchors[page][part] {
				out = append(out, Violation{
					Rule: "anchors", Path: p, Line: number, What: "link to #" + part + ", which is no heading of " + page,
				})
			}
		}
	})
	return out
}

// eachProse calls f for every line of the Markdown files outside of code blocks, with its number.
func (t *Tree) eachProse(f func(p string, number int, line []byte)) {
	for _, text := range t.Texts {
		if path.Ext(text.Path) != ".md" || inTestdata(text.Path) {
			continue
		}
		code := false
		for i, line := range bytes.Split(text.Src, []byte("\n")) {
			if bytes.HasPrefix(bytes.TrimSpace(line), []byte("```")) {
				code = !code
			} else if !code {
				f(text.Path, i+1, line)
			}
		}
	}
}

// anchor is what a heading is linked by: its letters and digits in lower case, hyphens for spaces.
func anchor(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(strings.TrimLeft(title, "#"))) {
		switch {
		case r == ' ' || r == '-':
			b.WriteByte('-')
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
