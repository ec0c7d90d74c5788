package tidy

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strings"
	"unicode/utf8"
)

// Module is the import path of the repository's root.
const Module = "github.com/raftmark/raftmark"

// textBytesMax bounds the size of a file that the text rules read; larger ones are data.
const textBytesMax = 1 << 20

// Tree is the repository as its rules see it.
type Tree struct {
	Fset *token.FileSet
	// Packages by directory, relative to the root and slash-separated; the root itself is ".".
	Packages map[string]*Package
	// Texts are all text files, Go files of nested modules and fixtures included, by path.
	Texts []Text
	// paths are all files and directories, those that are too large to be read included.
	paths map[string]bool
}

// Package is one directory with Go files.
type Package struct {
	Dir   string
	Files []*File // in order of name
}

// File is one Go file.
type File struct {
	Path string // relative to the root
	Src  []byte
	AST  *ast.File
	Test bool // its name ends in _test.go
}

// Text is one text file.
type Text struct {
	Path string
	Src  []byte
}

// Violation is one place that breaks one rule.
type Violation struct {
	Rule string
	Path string
	Line int
	What string // what is there, and why that is not wanted
}

// String returns the form "path:line: rule: what".
func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", v.Path, v.Line, v.Rule, v.What)
}

// Load reads a tree. Skipped are hidden directories except .ci and .github, and what the Makefile produces in bin
// and results.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet(), Packages: map[string]*Package{}, paths: map[string]bool{}}
	nested := map[string]bool{}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipDir(p) {
			return fs.SkipDir
		}
		t.paths[p] = true
		if d.IsDir() {
			_, err := fs.Stat(root, path.Join(p, "go.mod"))
			nested[p] = nested[path.Dir(p)] || path.Base(p) == "testdata" || (err == nil && p != ".")
			return nil
		}
		return t.add(root, p, d, nested[path.Dir(p)])
	})
	if err != nil {
		return nil, fmt.Errorf("load tree: %w", err)
	}
	return t, nil
}

func skipDir(p string) bool {
	base := path.Base(p)
	switch {
	case p == ".", base == ".ci", base == ".github":
		return false
	case p == "bin", p == "results", p == "node_modules":
		return true
	default:
		return strings.HasPrefix(base, ".")
	}
}

// add takes one file. foreign says that it belongs to a nested module or a testdata directory.
func (t *Tree) add(root fs.FS, p string, d fs.DirEntry, foreign bool) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an editor's or a test's file that was there a moment ago
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > textBytesMax {
		return nil
	}
	src, err := fs.ReadFile(root, p)
	if err != nil {
		return err
	}
	if utf8.Valid(src) && p != "go.sum" {
		t.Texts = append(t.Texts, Text{Path: p, Src: src})
	}
	if path.Ext(p) != ".go" || foreign {
		return nil
	}
	tree, err := parser.ParseFile(t.Fset, p, src, parser.ParseComments)
	if err != nil {
		return err
	}
	dir := path.Dir(p)
	pkg := t.Packages[dir]
	if pkg == nil {
		pkg = &Package{Dir: dir}
		t.Packages[dir] = pkg
	}
	pkg.Files = append(pkg.Files, &File{Path: p, Src: src, AST: tree, Test: strings.HasSuffix(p, "_test.go")})
	return nil
}

// Dirs returns the package directories in order.
func (t *Tree) Dirs() []string {
	dirs := make([]string, 0, len(t.Packages))
	for dir := range t.Packages {
		dirs = append(dirs, dir)
	}
	sort.Strings(dirs)
	return dirs
}

// eachFile calls f for every Go file, in order.
func (t *Tree) eachFile(f func(*Package, *File)) {
	for _, dir := range t.Dirs() {
		pkg := t.Packages[dir]
		for _, file := range pkg.Files {
			f(pkg, file)
		}
	}
}

// line returns the line of pos.
func (t *Tree) line(pos token.Pos) int { return t.Fset.Position(pos).Line }

// inDirs reports whether dir is one of patterns, where "a/..." also stands for everything below a.
func inDirs(dir string, patterns []string) bool {
	for _, p := range patterns {
		base, below := strings.CutSuffix(p, "/...")
		if dir == base || p == "..." || (below && strings.HasPrefix(dir, base+"/")) {
			return true
		}
	}
	return false
}
