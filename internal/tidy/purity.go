package tidy

import (
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"strings"
)

// pureDirs are the packages of law L1.
var pureDirs = []string{"raft", "raft/quorum", "raft/progress"}

// mapRangeMark is the comment that allows one range over a map, on its line or the one above; what follows it says
// why the order has no effect.
const mapRangeMark = "//tidy:unordered "

// checkPurity finds what makes the core's outputs depend on anything but its inputs: goroutines, channels, and
// ranges over maps, whose order changes from run to run.
func checkPurity(t *Tree) []Violation {
	var out []Violation
	checker := newTypeChecker(t)
	for _, dir := range pureDirs {
		pkg := t.Packages[dir]
		if pkg == nil {
			continue
		}
		info := checker.check(pkg)
		for _, f := range pkg.Files {
			if f.Test {
				continue
			}
			report := func(pos token.Pos, what string) {
				out = append(out, Violation{Rule: "purity", Path: f.Path, Line: t.line(pos), What: what})
			}
			marks := markedLines(t, f)
			ast.Inspect(f.AST, func(n ast.Node) bool {
				if n != nil {
					checkPureNode(n, info, marks[t.line(n.Pos())], report)
				}
				return true
			})
		}
	}
	return out
}

func checkPureNode(n ast.Node, info *types.Info, marked bool, report func(token.Pos, string)) {
	const why = "; the core is one single-threaded state machine (L1, L5)"
	switch n := n.(type) {
	case *ast.GoStmt:
		report(n.Pos(), "go statement"+why)
	case *ast.SelectStmt:
		report(n.Pos(), "select statement"+why)
	case *ast.SendStmt:
		report(n.Pos(), "channel send"+why)
	case *ast.ChanType:
		report(n.Pos(), "channel type"+why)
	case *ast.RangeStmt:
		tv, ok := info.Types[n.X]
		if !ok || tv.Type == nil {
			return
		}
		if _, isMap := tv.Type.Underlying().(*types.Map); isMap && !marked {
			report(n.Pos(), "range over a map: its order changes from run to run (L1); sort the keys, or mark the line "+
				mapRangeMark+"with the reason why the order has no effect")
		}
	}
}

// markedLines returns the lines that a mapRangeMark allows: its own and the next.
func markedLines(t *Tree, f *File) map[int]bool {
	marked := map[int]bool{}
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, mapRangeMark) && len(strings.TrimSpace(c.Text)) > len(mapRangeMark) {
				marked[t.line(c.Pos())] = true
				marked[t.line(c.Pos())+1] = true
			}
		}
	}
	return marked
}

// typeChecker resolves the types of packages of this module. What it cannot resolve stays without a type: the
// compiler is the judge of that, not this package.
type typeChecker struct {
	tree *Tree
	std  types.Importer
	done map[string]*types.Package
}

func newTypeChecker(t *Tree) *typeChecker {
	return &typeChecker{
		tree: t,
		std:  importer.ForCompiler(t.Fset, "gc", nil),
		done: map[string]*types.Package{},
	}
}

// Import implements types.Importer.
func (c *typeChecker) Import(p string) (*types.Package, error) {
	if dir, ok := strings.CutPrefix(local(p), "./"); ok && c.tree.Packages[dir] != nil {
		c.check(c.tree.Packages[dir])
		return c.done[dir], nil
	}
	if strings.Contains(strings.SplitN(p, "/", 2)[0], ".") {
		return types.NewPackage(p, p[strings.LastIndex(p, "/")+1:]), nil
	}
	return c.std.Import(p)
}

func (c *typeChecker) check(pkg *Package) *types.Info {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	var files []*ast.File
	for _, f := range pkg.Files {
		if !f.Test {
			files = append(files, f.AST)
		}
	}
	conf := types.Config{Importer: c, Error: func(error) {}}
	checked, err := conf.Check(Module+"/"+pkg.Dir, c.tree.Fset, files, info)
	if err == nil || c.done[pkg.Dir] == nil {
		checked.MarkComplete()
		c.done[pkg.Dir] = checked
	}
	return info
}
