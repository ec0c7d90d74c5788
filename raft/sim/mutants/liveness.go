package mutants

// livenessMutants break what makes the cluster get on.
func livenessMutants() []Mutant {
	return []Mutant{
		{Name: "M50", Class: Liveness, Rule: "no pre-vote", Edits: []Edit{{
			"raft/election.go", "\tif c.cfg.NoPreVote {", "\tif c.ticks > 0 {",
		}}},
		{Name: "M51", Class: Liveness, Rule: "a leader without a quorum goes on", Edits: []Edit{{
			"raft/core.go", "if !c.heardQuorum() && !c.cfg.NoCheckQuorum {", "if c.heardQuorum() && false {",
		}}},
		{Name: "M52", Class: Liveness, Rule: "election timeouts are not random", Edits: []Edit{{
			"raft/election.go", "c.electionTimeout = c.cfg.ElectionTicksMin + c.rng.IntN(spread+1)",
			"c.electionTimeout = c.cfg.ElectionTicksMin + spread/2",
		}}},
		{Name: "M53", Class: Liveness, Rule: "a full window is never freed", Edits: []Edit{{
			"raft/progress/window.go", "func (w *Window) FreeUpto(index uint64) {\n",
			"func (w *Window) FreeUpto(index uint64) {\n\tif w.Full() {\n\t\treturn\n\t}\n",
		}}},
		{Name: "M54", Class: Liveness, Rule: "never leaves the probe", Edits: []Edit{{
			"raft/progress/progress.go", "\t\tp.becomeReplicate()\n", "\t\tp.becomeProbe(p.Match + 1)\n",
		}}},
		{Name: "M55", Class: Liveness, Rule: "begins a snapshot again when it was installed", Edits: []Edit{{
			"raft/snapshot_send.go", "\tcase m.Chunk.Done:\n\t\tc.accepted(p, m.Match)\n",
			"\tcase m.Chunk.Done:\n\t\tp.stream = stream{seq: c.seq}\n",
		}}},
		{Name: "M56", Class: Liveness, Rule: "a leader that was removed stays", Edits: []Edit{{
			"raft/membership.go", "\tcase !c.promotable() && !c.transfer.active():\n\t\tc.leave()\n", "",
		}}},
		{Name: "M58", Class: Liveness, Rule: "does not ask about lost messages", Edits: []Edit{{
			"raft/progress/progress.go", "\t\tp.Ask = p.Ask || (stuck && !p.Window.Empty())\n", "\t\tp.Ask = p.Ask && stuck\n",
		}}},
		{Name: "M59", Class: Liveness, Rule: "sends full batches only", Edits: []Edit{{
			"raft/leader.go", "return p.CanSend() && (Index(p.Next) <= c.lastIndex() || p.State == progress.Probe)",
			"return p.CanSend() && (Index(p.Next)+Index(min(c.cfg.MessageEntriesMax, 8)) <= c.lastIndex() || p.State == progress.Probe)",
		}}},
		{Name: "M60", Class: Liveness, Rule: "takes the refusal after a gap in the pipeline for an old one", Edits: []Edit{{
			"raft/progress/progress.go", "if rejected <= p.Match || rejected >= p.Next {", "if rejected <= p.Match || rejected > 0 {",
		}}},
		{Name: "M61", Class: Liveness, Rule: "the window is not enforced", Edits: []Edit{{
			"raft/progress/progress.go", "\t\treturn !p.Window.Full()\n", "\t\treturn true\n",
		}, {
			"raft/progress/window.go", "\tinvariant.Check2(!w.Full(), \"window of %d messages and %d bytes is full\", w.messagesMax, w.bytesMax)\n", "",
		}, {
			"raft/progress/window.go", "make([]flight, min(max(4, 2*len(w.ring)), w.messagesMax))", "make([]flight, max(4, 2*len(w.ring)))",
		}}},
	}
}
