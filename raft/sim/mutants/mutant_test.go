package mutants

import (
	"path/filepath"
	"testing"
)

// root is the project's root, from this folder.
const root = "../../.."

// TestEachMutantFindsItsPlace: a change of the code takes its mutants along.
func TestEachMutantFindsItsPlace(t *testing.T) {
	names := map[string]bool{}
	for _, m := range All() {
		if names[m.Name] || m.Rule == "" || len(m.Edits) == 0 {
			t.Errorf("mutant %q: named twice, or says nothing", m.Name)
		}
		names[m.Name] = true
		if _, err := m.Apply(root); err != nil {
			t.Error(err)
		}
	}
	if _, err := (Mutant{Name: "lost", Edits: []Edit{{"raft/core.go", "no such text", ""}}}).Apply(root); err == nil {
		t.Errorf("a mutant without a place in %s was applied", filepath.Join(root, "raft/core.go"))
	}
}
