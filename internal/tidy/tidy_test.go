package tidy

import (
	"go/parser"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

// root is the repository's, from this package's directory.
const root = "../.."

// loadRepository reads the tree once: the race detector makes parsing slow.
var loadRepository = sync.OnceValues(func() (*Tree, error) { return Load(os.DirFS(root)) })

func repository(t *testing.T) *Tree {
	t.Helper()
	tree, err := loadRepository()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestTree applies every rule to the repository.
func TestTree(t *testing.T) {
	tree := repository(t)
	if len(tree.Packages) < 5 {
		t.Fatalf("got %d packages, want the repository", len(tree.Packages))
	}
	for _, rule := range Rules(machinePaths(t)...) {
		t.Run(rule.Name, func(t *testing.T) {
			for _, v := range Check(tree, []Rule{rule}) {
				t.Error(v)
			}
		})
	}
}

// machinePaths returns where this checkout and its user's home are.
func machinePaths(t *testing.T) []string {
	t.Helper()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{checkout}
	if home, err := os.UserHomeDir(); err == nil && strings.Count(home, "/") > 1 {
		paths = append(paths, home)
	}
	return paths
}

// TestRulesReport applies each rule to its fixture, a tree that breaks it. The archive's comment lists the violations
// that must be reported, one a line, and no others: "path:line: a part of what is said". Lines that start with "#"
// are remarks; what "@repeat" and "{+}" do is said at expand.
func TestRulesReport(t *testing.T) {
	const machine = "/srv/checkouts/raftmark"
	for _, rule := range Rules(machine) {
		t.Run(rule.Name, func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join("testdata", rule.Name+".txtar"))
			if err != nil {
				t.Fatalf("each rule has a fixture that breaks it: %v", err)
			}
			tree, want := fixture(t, source)
			got := Check(tree, []Rule{rule})
			compare(t, got, want)
			if rule.Name == "imports" {
				wantEveryLawBroken(t, got)
			}
		})
	}
}

// fixture returns the tree of an archive and the lines of its comment that say what is wanted.
func fixture(t *testing.T, source []byte) (tree *Tree, want []string) {
	t.Helper()
	archive := txtar.Parse(expand(source))
	files, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	if tree, err = Load(files); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(archive.Comment)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			want = append(want, line)
		}
	}
	return tree, want
}

func wantEveryLawBroken(t *testing.T, got []Violation) {
	t.Helper()
	for _, l := range laws {
		broken := slices.ContainsFunc(got, func(v Violation) bool { return strings.HasSuffix(v.What, l.Why) })
		if !broken {
			t.Errorf("no line of the fixture breaks %s for %v: %s", l.Name, l.In, l.Why)
		}
	}
}

// expand replaces each line "@repeat n text" by n lines of text, and removes each "{+}".
func expand(source []byte) []byte {
	var out strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(string(source), "{+}", "")) {
		rest, ok := strings.CutPrefix(line, "@repeat ")
		if !ok {
			out.WriteString(line)
			continue
		}
		count, text, _ := strings.Cut(rest, " ")
		if n, err := strconv.Atoi(count); err == nil {
			out.WriteString(strings.Repeat(text, n))
		}
	}
	return []byte(out.String())
}

// compare wants each line of want to be the place and a part of the text of the violation at its position.
func compare(t *testing.T, got []Violation, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("the fixture wants no violation: it shows nothing")
	}
	for i := 0; i < len(got) || i < len(want); i++ {
		switch {
		case i >= len(want):
			t.Errorf("got %q, want no more", got[i])
		case i >= len(got):
			t.Errorf("got nothing, want %q", want[i])
		default:
			place, part, _ := strings.Cut(want[i], ": ")
			s := got[i].String()
			if !strings.HasPrefix(s, place+": ") || !strings.Contains(s, part) {
				t.Errorf("got  %s\nwant %s", s, want[i])
			}
		}
	}
}

// TestLawsHoldInTheRealTree breaks the laws in copies of the repository, and wants that to be noticed.
func TestLawsHoldInTheRealTree(t *testing.T) {
	cases := []struct{ dir, imports, want string }{
		{"raft", "time", "L1: raft imports time"},
		{"raft", "math/rand", "L1: raft imports math/rand"},
		{"raft/quorum", "sync", "L1: raft/quorum imports sync"},
		{"raft/progress", "os", "L1: raft/progress imports os"},
		{"transport/tcp", Module + "/raft/replica", "L2: transport/tcp imports ./raft/replica"},
		{"storage/pebble", Module + "/transport", "L2: storage/pebble imports ./transport"},
		{"raft/replica", Module + "/storage/pebble", "L2: raft/replica imports ./storage/pebble"},
		{"loadgen", Module + "/raft", "L3: loadgen imports ./raft"},
		{"reports", Module + "/raft", "L3: reports imports ./raft"},
		{"reports", Module + "/bench", "L3: reports imports ./bench"},
		{"server", "github.com/quic-go/quic-go", "L4: server imports github.com/quic-go/quic-go"},
		{"bench", "github.com/cockroachdb/pebble/v2", "L4: bench imports github.com/cockroachdb/pebble/v2"},
	}
	for _, c := range cases {
		t.Run(c.dir+" imports "+c.imports, func(t *testing.T) {
			tree := with(t, repository(t), c.dir+"/zz_broken.go", "package p\n\nimport _ \""+c.imports+"\"\n")
			for _, v := range checkImports(tree) {
				if strings.HasSuffix(v.Path, "zz_broken.go") && strings.Contains(v.What, c.want) {
					return
				}
			}
			t.Errorf("nothing reported, want %q", c.want)
		})
	}
}

// with returns a copy of the tree that has one more file.
func with(t *testing.T, tree *Tree, name, src string) *Tree {
	t.Helper()
	parsed, err := parser.ParseFile(tree.Fset, name, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	dir := path.Dir(name)
	pkg := Package{Dir: dir}
	if existing := tree.Packages[dir]; existing != nil {
		pkg.Files = slices.Clone(existing.Files)
	}
	pkg.Files = append(pkg.Files, &File{Path: name, Src: []byte(src), AST: parsed})
	broken := &Tree{Fset: tree.Fset, Packages: maps.Clone(tree.Packages), Texts: tree.Texts, paths: tree.paths}
	broken.Packages[dir] = &pkg
	return broken
}
