package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"strings"
)

// checkGlobals finds init functions and package-level variables that can change: state that no constructor made and
// no test can have twice. A variable is taken for a constant when it is initialised where it is declared, is written to
// nowhere in its package, is not of a type made to change, and is not exported (errors may be).
func checkGlobals(t *Tree) []Violation {
	var out []Violation
	for _, dir := range t.Dirs() {
		pkg := t.Packages[dir]
		written := writtenGlobals(pkg)
		for _, f := range pkg.Files {
			if f.Test {
				continue
			}
			report := func(pos token.Pos, what string) {
				out = append(out, Violation{Rule: "globals", Path: f.Path, Line: t.line(pos), What: what + " (L4)"})
			}
			for _, decl := range f.AST.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						report(d.Pos(), "func init: wiring is one plain switch that a reader can follow")
					}
				case *ast.GenDecl:
					if d.Tok == token.VAR {
						checkVars(d, written, report)
					}
				}
			}
		}
	}
	return out
}

func checkVars(d *ast.GenDecl, written map[string]bool, report func(token.Pos, string)) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || embedded(d.Doc) || embedded(v.Doc) {
			continue
		}
		for i, name := range v.Names {
			if name.Name == "_" {
				continue
			}
			var value ast.Expr
			if i < len(v.Values) {
				value = v.Values[i]
			}
			if what := mutable(name, v.Type, value, written); what != "" {
				report(name.Pos(), "package-level variable "+name.Name+" "+what+
					": state belongs to a value that a constructor made")
			}
		}
	}
}

// embedded reports whether doc holds a go:embed directive: such a variable is a file.
func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// mutable returns what makes the variable more than a constant, or "".
func mutable(name *ast.Ident, typ, value ast.Expr, written map[string]bool) string {
	isError := isErrorValue(value)
	switch {
	case written[name.Name]:
		return "is written to after its declaration"
	case value == nil:
		return "has no value where it is declared"
	case changing(typ) || changing(value):
		return "is of a type made to change"
	case name.IsExported() && !isError:
		return "is exported, so that anybody may write to it"
	default:
		return ""
	}
}

// isErrorValue reports whether e makes a sentinel error.
func isErrorValue(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name := types.ExprString(call.Fun)
	return name == "errors.New" || name == "fmt.Errorf"
}

// changing reports whether the expression of a type or value names a type that exists to be changed.
func changing(e ast.Expr) bool {
	if e == nil {
		return false
	}
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ChanType:
			found = true
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") {
				found = true
			}
		}
		return true
	})
	return found
}

// writtenGlobals returns the names of package-level variables that the package's non-test files assign to, take the
// address of, or delete from. Local variables that hide a global are told apart by the parser's scopes being
// rebuilt here: a name declared in the function at hand is not the global.
func writtenGlobals(pkg *Package) map[string]bool {
	globals := map[string]bool{}
	for _, f := range pkg.Files {
		for _, decl := range f.AST.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.VAR && !f.Test {
				for _, spec := range d.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						globals[name.Name] = true
					}
				}
			}
		}
	}
	written := map[string]bool{}
	for _, f := range pkg.Files {
		if f.Test {
			continue
		}
		for _, decl := range f.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				writtenIn(fn, globals, written)
			}
		}
	}
	return written
}

func writtenIn(fn *ast.FuncDecl, globals, written map[string]bool) {
	hidden := declaredIn(fn)
	note := func(e ast.Expr) {
		if name := rootName(e); globals[name] && !hidden[name] {
			written[name] = true
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, lhs := range n.Lhs {
					note(lhs)
				}
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(n.X)
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
				note(n.Args[0])
			}
		}
		return true
	})
}

// declaredIn returns the names that fn declares anywhere: parameters, results, := and var.
func declaredIn(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, lhs := range n.Lhs {
					names[rootName(lhs)] = true
				}
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				names[rootName(n.Key)] = true
				names[rootName(n.Value)] = true
			}
		}
		return true
	})
	return names
}

// rootName returns the variable that e is a part of: x for x, x.f, x[i] and *x; "" when there is none.
func rootName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return rootName(e.X)
	case *ast.IndexExpr:
		return rootName(e.X)
	case *ast.StarExpr:
		return rootName(e.X)
	case *ast.ParenExpr:
		return rootName(e.X)
	default:
		return ""
	}
}

// checkPanics finds panics and exits outside the two places that may have them.
func checkPanics(t *Tree) []Violation {
	var out []Violation
	t.eachFile(func(pkg *Package, f *File) {
		if f.Test || pkg.Dir == "internal/invariant" {
			return
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			what := ""
			switch name := types.ExprString(call.Fun); {
			case name == "panic":
				what = "bare panic: a programmer's error is invariant.Check's, an operating one is returned"
			case name == "os.Exit" && path.Base(f.Path) != "main.go":
				what = "os.Exit outside main.go: return an error, so that what was opened gets closed"
			case strings.HasPrefix(name, "log.Fatal"):
				what = name + ": return an error, so that what was opened gets closed"
			case name == "slog.Default" || name == "slog.SetDefault":
				what = name + ": the logger comes from Options"
			}
			if what != "" {
				out = append(out, Violation{Rule: "panics", Path: f.Path, Line: t.line(call.Pos()), What: what})
			}
			return true
		})
	})
	return out
}
