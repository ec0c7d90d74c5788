package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Sizes. Files aim at 400 lines and functions at 25; these are the limits where the build stops.
const (
	fileLinesMax         = 700
	functionLinesMax     = 70
	testFunctionLinesMax = 120
	lineColumnsMax       = 120
	docLinesMax          = 120
)

// checkSizes finds files, functions and lines that have grown too long to be read.
func checkSizes(t *Tree) []Violation {
	var out []Violation
	t.eachFile(func(_ *Package, f *File) {
		report := func(line int, format string, args ...any) {
			out = append(out, Violation{Rule: "size", Path: f.Path, Line: line, What: fmt.Sprintf(format, args...)})
		}
		lines := bytes.Split(bytes.TrimSuffix(f.Src, []byte("\n")), []byte("\n"))
		if len(lines) > fileLinesMax {
			report(fileLinesMax, "file of %d lines, at most %d: it has become the file that everything passes through",
				len(lines), fileLinesMax)
		}
		for i, line := range lines {
			// A link cannot be broken.
			if n := columns(line); n > lineColumnsMax && !bytes.Contains(line, []byte("://")) {
				report(i+1, "line of %d columns, at most %d", n, lineColumnsMax)
			}
		}
		limit := functionLinesMax
		if f.Test {
			limit = testFunctionLinesMax
		}
		for _, decl := range f.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				if n := t.line(fn.End()) - t.line(fn.Pos()) + 1; n > limit {
					report(t.line(fn.Pos()), "function %s of %d lines, at most %d", fn.Name.Name, n, limit)
				}
			}
		}
	})
	return out
}

// columns counts runes; a tab is one, so that an indented line is not blamed for its place.
func columns(line []byte) int { return utf8.RuneCount(line) }

// checkDocs finds packages without their one doc.go, and package comments elsewhere.
func checkDocs(t *Tree) []Violation {
	var out []Violation
	for _, dir := range t.Dirs() {
		pkg := t.Packages[dir]
		hasCode, hasDoc := false, false
		for _, f := range pkg.Files {
			hasCode = hasCode || !f.Test
			isDoc := path.Base(f.Path) == "doc.go"
			report := func(line int, what string) {
				out = append(out, Violation{Rule: "docs", Path: f.Path, Line: line, What: what})
			}
			switch {
			case isDoc && f.AST.Doc == nil:
				report(1, "doc.go without a package comment")
			case isDoc:
				hasDoc = true
				if n := bytes.Count(f.Src, []byte("\n")); n > docLinesMax {
					report(docLinesMax, fmt.Sprintf("%d lines, at most %d: the rest belongs in docs/ or beside its code",
						n, docLinesMax))
				}
				if !strings.HasPrefix(f.AST.Doc.Text(), docStart(f.AST.Name.Name, dir)) {
					report(t.line(f.AST.Doc.Pos()), "the package comment does not start with "+docStart(f.AST.Name.Name, dir))
				}
			case f.AST.Doc != nil:
				report(t.line(f.AST.Doc.Pos()), "package comment outside doc.go: a package is explained in one place")
			}
		}
		if hasCode && !hasDoc {
			out = append(out, Violation{
				Rule: "docs", Path: path.Join(dir, "doc.go"), Line: 1, What: "missing: each package says what it is",
			})
		}
	}
	return out
}

func docStart(name, dir string) string {
	if name == "main" {
		return "Command " + path.Base(dir)
	}
	return "Package " + name
}

var snakeCase = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*\.go$`)

// checkNames finds files named after nothing.
func checkNames(t *Tree) []Violation {
	var out []Violation
	t.eachFile(func(pkg *Package, f *File) {
		base := path.Base(f.Path)
		stem := strings.TrimSuffix(strings.TrimSuffix(base, ".go"), "_test")
		what := ""
		switch {
		case !snakeCase.MatchString(base):
			what = "file names are snake_case: the noun of the main type"
		case stem == "types" && pkg.Dir != "raft":
			what = "types.go: name the file after the type that it is about"
		case stem == "util" || stem == "utils" || stem == "common" || stem == "helper" || stem == "helpers" ||
			stem == "manager" || stem == "misc":
			what = base + ": a file that anything may go into is one that everything passes through"
		}
		if what != "" {
			out = append(out, Violation{Rule: "names", Path: f.Path, Line: 1, What: what})
		}
	})
	return out
}

// checkFormat finds files that gofmt would change.
func checkFormat(t *Tree) []Violation {
	var out []Violation
	t.eachFile(func(_ *Package, f *File) {
		want, err := format.Source(f.Src)
		if err == nil && !bytes.Equal(want, f.Src) {
			out = append(out, Violation{
				Rule: "format", Path: f.Path, Line: firstDifference(f.Src, want), What: "not gofmt's; run make fmt",
			})
		}
	})
	return out
}

func firstDifference(got, want []byte) int {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	return 1 + bytes.Count(got[:n], []byte("\n"))
}

// checkText finds words and paths that do not belong into any file. own are paths of the machine at hand.
func checkText(t *Tree, own []string) []Violation {
	var out []Violation
	for _, text := range t.Texts {
		for i, line := range bytes.Split(text.Src, []byte("\n")) {
			report := func(what string) {
				out = append(out, Violation{Rule: "text", Path: text.Path, Line: i + 1, What: what})
			}
			if m := unfinished.Find(line); m != nil {
				report(string(m) + ": finish it, or write down why not")
			}
			if m := homePath.Find(line); m != nil {
				report("path of one machine: " + string(m))
			}
			for _, p := range own {
				if bytes.Contains(line, []byte(p)) {
					report("path of this machine: " + p)
				}
			}
		}
	}
	return out
}

var (
	// The words are put together so that this file does not hold them.
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	homePath   = regexp.MustCompile(`/(home|Users)/[a-z][a-z0-9_.-]*/|/ro` + `ot/[a-z.]`)
)
