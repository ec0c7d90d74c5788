package mutants

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Class says what a mutant breaks.
type Class uint8

// The classes. A safety mutant must be killed by the simulator, or by a script where it says so.
const (
	Safety Class = iota
	Liveness
	Checker
)

// String returns the class's name.
func (c Class) String() string { return [...]string{"safety", "liveness", "checker"}[c] }

// Mutant is one broken rule.
type Mutant struct {
	Name  string // such as "M06"
	Class Class
	Rule  string // what is broken, in a few words
	Edits []Edit
	// Scripted says that the simulator need not find it: scripts and tests must.
	Scripted bool
	// Tests are the packages whose tests must find it, in the place of the simulator and the tests of the core, and
	// flags of go test, such as which tests.
	Tests []string
}

// Edit replaces one place in a file.
type Edit struct {
	File     string // from the project's root, with slashes
	Old, New string
}

// Apply returns the changed files of m, by path from root. It is an error when a place is not found, or not unique.
func (m Mutant) Apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range m.Edits {
		text, ok := changed[e.File]
		if !ok {
			data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, fmt.Errorf("mutant %s: %w", m.Name, err)
			}
			text = string(data)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("mutant %s: %s has %d places like %q, want 1", m.Name, e.File, n, e.Old)
		}
		changed[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return changed, nil
}

//go:embed mutants.txt
var source string

// All returns all mutants, in the order of mutants.txt.
func All() ([]Mutant, error) { return parse(source) }

// parse reads the form that the head of mutants.txt describes.
func parse(text string) ([]Mutant, error) {
	var p parser
	number := 0
	for line := range strings.Lines(text) {
		number++
		if err := p.line(strings.TrimSuffix(line, "\n")); err != nil {
			return nil, fmt.Errorf("mutants.txt:%d: %q: %w", number, line, err)
		}
	}
	return p.mutants, nil
}
