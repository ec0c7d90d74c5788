package tidy

import (
	"fmt"
	"go/token"
	"sort"
	"strconv"
	"strings"
)

// imported is one import of one file, its path in the form of the table: "./dir" within the module.
type imported struct {
	path string
	pos  token.Pos
	file *File
}

func imports(f *File) []imported {
	var out []imported
	for _, spec := range f.AST.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		out = append(out, imported{path: local(p), pos: spec.Pos(), file: f})
	}
	return out
}

// local writes an import path of this module as the table does: "./dir".
func local(p string) string {
	if p == Module {
		return "./."
	}
	if rest, ok := strings.CutPrefix(p, Module+"/"); ok {
		return "./" + rest
	}
	return p
}

// checkImports applies the import table.
func checkImports(t *Tree) []Violation {
	var out []Violation
	reach := t.reachability()
	for _, l := range laws {
		t.eachFile(func(pkg *Package, f *File) {
			if !inDirs(pkg.Dir, l.In) || inDirs(pkg.Dir, l.NotIn) || (f.Test && !l.Tests) {
				return
			}
			for _, imp := range imports(f) {
				if what := l.breaks(imp.path, reach); what != "" {
					out = append(out, Violation{
						Rule: "imports", Path: f.Path, Line: t.line(imp.pos),
						What: fmt.Sprintf("%s: %s imports %s: %s", l.Name, pkg.Dir, what, l.Why),
					})
				}
			}
		})
	}
	return out
}

// breaks returns how importing p breaks the law, or "".
func (l law) breaks(p string, reach map[string][]string) string {
	if l.denies(p) {
		return p
	}
	if !l.Reach {
		return ""
	}
	for _, q := range reach[p] {
		if l.denies(q) {
			return p + ", which reaches " + q
		}
	}
	return ""
}

func (l law) denies(p string) bool {
	if l.Only != nil {
		return !inDirs(p, l.Only)
	}
	return inDirs(p, l.Deny) && !inDirs(p, l.Except)
}

// reachability returns for each package of the module, as "./dir", the packages of the module that its non-test
// files import directly or through others, in order.
func (t *Tree) reachability() map[string][]string {
	direct := map[string][]string{}
	t.eachFile(func(pkg *Package, f *File) {
		if f.Test {
			return
		}
		for _, imp := range imports(f) {
			if strings.HasPrefix(imp.path, "./") {
				direct["./"+pkg.Dir] = append(direct["./"+pkg.Dir], imp.path)
			}
		}
	})
	out := map[string][]string{}
	for from := range direct {
		seen := map[string]bool{}
		queue := append([]string{}, direct[from]...)
		for len(queue) > 0 {
			p := queue[0]
			queue = queue[1:]
			if !seen[p] {
				seen[p] = true
				queue = append(queue, direct[p]...)
			}
		}
		for p := range seen {
			out[from] = append(out[from], p)
		}
		sort.Strings(out[from])
	}
	return out
}
