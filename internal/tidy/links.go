package tidy

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// markdownLink matches [text](target) and ![text](target).
var markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// checkLinks finds links of Markdown files to files that are not there.
func checkLinks(t *Tree) []Violation {
	var out []Violation
	for _, text := range t.Texts {
		if path.Ext(text.Path) != ".md" || inTestdata(text.Path) {
			continue
		}
		for i, line := range bytes.Split(text.Src, []byte("\n")) {
			for _, m := range markdownLink.FindAllSubmatch(line, -1) {
				target, _, _ := strings.Cut(string(m[1]), "#")
				// What begins with a brace is in the template of a claim, in a comment; the text below it has the link itself.
				if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "{") {
					continue
				}
				if !t.has(path.Join(path.Dir(text.Path), target)) {
					out = append(out, Violation{
						Rule: "links", Path: text.Path, Line: i + 1, What: "link to " + target + ", which is not there",
					})
				}
			}
		}
	}
	return out
}

func inTestdata(p string) bool { return strings.Contains("/"+p, "/testdata/") }

// has reports whether p is a file or a directory of the tree.
func (t *Tree) has(p string) bool {
	return t.paths[p]
}
