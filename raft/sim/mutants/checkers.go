package mutants

// checkerMutants break those that look for mistakes: the tests of the tests must notice.
func checkerMutants() []Mutant {
	tests := []string{"./raft/sim"}
	return []Mutant{
		{Name: "C1", Class: Checker, Rule: "the model accepts stale reads", Tests: tests, Edits: []Edit{{
			"raft/sim/history.go", "return got == value, state", "return got == value || in.kind == opGet, state",
		}}},
		{Name: "C2", Class: Checker, Rule: "an unknown outcome is a failure", Tests: tests, Edits: []Edit{{
			"raft/sim/history.go", "case o.result == failed, o.result == unknown && !o.writes():", "case o.result != ok:",
		}}},
		{Name: "C3", Class: Checker, Rule: "the invariants are not looked at", Tests: tests, Edits: []Edit{{
			"raft/sim/checker.go", "\tif !w.check.off {", "\tif w.check.off && !w.check.off {",
		}}},
		{Name: "C4", Class: Checker, Rule: "no trouble is made", Tests: tests, Edits: []Edit{{
			"raft/sim/run.go", "\tw.startTroubles()\n", "",
		}}},
	}
}
