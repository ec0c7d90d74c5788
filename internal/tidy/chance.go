package tidy

import (
	"go/ast"
	"path"
)

// randPath is the package whose top-level functions draw from a source that nobody seeded.
const randPath = "math/rand/v2"

// seeded are the names of math/rand/v2 that carry or make a source with a seed.
var seeded = map[string]bool{
	"Rand": true, "Source": true, "PCG": true, "ChaCha8": true, "Zipf": true,
	"New": true, "NewPCG": true, "NewChaCha8": true, "NewZipf": true,
}

// unseeded are directories that may draw from the global source, each with its reason.
var unseeded = map[string]string{
	"transport/link": "the jitter of reconnects, which real sockets would not repeat anyway",
}

// checkChance finds draws from the global random source: what they decided cannot be run again.
func checkChance(t *Tree) []Violation {
	var out []Violation
	t.eachFile(func(pkg *Package, f *File) {
		name := importName(f, randPath)
		if f.Test || name == "" || unseeded[pkg.Dir] != "" {
			return
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && !seeded[sel.Sel.Name] {
				out = append(out, Violation{
					Rule: "chance", Path: f.Path, Line: t.line(sel.Pos()),
					What: name + "." + sel.Sel.Name + " draws from the global source: a run is repeated from its seed",
				})
			}
			return true
		})
	})
	return out
}

// importName returns the name by which f knows the package p, or "" when it does not import it.
func importName(f *File, p string) string {
	for _, spec := range f.AST.Imports {
		switch {
		case spec.Path.Value != `"`+p+`"`:
		case spec.Name != nil:
			return spec.Name.Name
		case p == randPath:
			return "rand"
		default:
			return path.Base(p)
		}
	}
	return ""
}
