package mutants

import (
	"path/filepath"
	"testing"
)

// root is the project's root, from this folder.
const root = "../../.."

// TestEachMutantFindsItsPlace: a change of the code takes its mutants along.
func TestEachMutantFindsItsPlace(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range all {
		if names[m.Name] || m.Rule == "" || len(m.Edits) == 0 {
			t.Errorf("mutant %q: named twice, or says nothing", m.Name)
		}
		names[m.Name] = true
		if _, err := m.Apply(root); err != nil {
			t.Error(err)
		}
	}
	if len(all) < 40 {
		t.Errorf("%d mutants; want 40 and more", len(all))
	}
	if _, err := (Mutant{Name: "lost", Edits: []Edit{{"raft/core.go", "no such text", ""}}}).Apply(root); err == nil {
		t.Errorf("a mutant without a place in %s was applied", filepath.Join(root, "raft/core.go"))
	}
}
