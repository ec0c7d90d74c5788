package bench

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

// Reports follow nodes by the kinds of package result, which must not know the nodes' own.
func TestResultKnowsTheEventsOfNodes(t *testing.T) {
	known, found := result.EventKinds(), 0
	each(t, []string{"../raft/replica", "../server"}, func(file string, n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Event") {
			return
		}
		kind, ok := literal(spec.Values[0])
		if !ok || strings.HasSuffix(spec.Names[0].Name, "File") {
			return
		}
		found++
		if !slices.Contains(known, kind) {
			t.Errorf("%s: package result has no kind of event %q", file, kind)
		}
	})
	if found < 20 {
		t.Errorf("found %d kinds of events, want at least 20", found)
	}
}

// An action whose kind is written out could be one that no report knows.
func TestActionsHaveKindsOfPackageResult(t *testing.T) {
	found := 0
	check := func(file string, e ast.Expr) {
		found++
		if kind, ok := literal(e); ok {
			t.Errorf("%s: the kind of an action is the literal %q, want one of package result", file, kind)
		}
	}
	each(t, []string{"."}, func(file string, n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 && s.Sel.Name == "act" {
				check(file, n.Args[0])
			}
		case *ast.CompositeLit:
			if id, ok := n.Type.(*ast.Ident); ok && id.Name == "action" {
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "kind" {
						check(file, kv.Value)
					}
				}
			}
		}
	})
	each(t, []string{"fault"}, func(file string, n ast.Node) { // the steps of faults become actions
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok && id.Name == "Kind" {
				check(file, kv.Value)
			}
		}
	})
	if found < 10 {
		t.Errorf("found %d actions, want at least 10", found)
	}
}

// each visits the syntax of the folders' files, tests left out.
func each(t *testing.T, dirs []string, visit func(file string, n ast.Node)) {
	t.Helper()
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				visit(name, n)
				return true
			})
		}
	}
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}
