package mutants

// safetyMutants break what must never be broken.
func safetyMutants() []Mutant {
	return []Mutant{
		{Name: "M01", Rule: "commits entries of older terms by counting", Edits: []Edit{{
			"raft/leader.go", "if index <= c.commitIndex || index < c.termStart {\n\t\treturn\n\t}\n" +
				"\tinvariant.Check2(c.tail.term(index) == c.currentTerm, \"commit %v in term %d\", c.tail.id(index), c.currentTerm)\n",
			"if index <= c.commitIndex {\n\t\treturn\n\t}\n",
		}, {"raft/leader.go", "\t\"github.com/raftmark/raftmark/internal/invariant\"\n", ""}}},
		{Name: "M02", Rule: "does not persist the vote", Edits: []Edit{{
			"raft/ready.go", "\tc.disk.hardState = r.hardState\n", "\tc.disk.hardState = r.hardState\n\tr.hardState.Vote = None\n",
		}}},
		{Name: "M03", Rule: "does not persist the term", Edits: []Edit{{
			"raft/ready.go", "\tc.disk.hardState = r.hardState\n",
			"\tc.disk.hardState = r.hardState\n\tr.hardState.Term = c.tail.last().Term\n",
		}}},
		{Name: "M04", Rule: "persists vote and term in two writes", Edits: []Edit{{
			"raft/ready.go", "\tr.HardState = &r.hardState\n",
			"\tif old := c.disk.hardState; old.Term != c.currentTerm && c.votedFor != None && old.Vote != c.votedFor {\n" +
				"\t\tr.hardState.Term = old.Term\n\t}\n\tr.HardState = &r.hardState\n",
		}}},
		{Name: "M05", Rule: "sends a vote before it is durable", Edits: []Edit{{
			"raft/election.go", "\tc.electionElapsed = 0\n\tc.reply(m, Message{Kind: MsgVoteReply})",
			"\tc.electionElapsed = 0\n\tc.send(m.From, Message{Kind: MsgVoteReply})",
		}}},
		{Name: "M06", Rule: "acknowledges entries before they are durable", Edits: []Edit{{
			"raft/follower.go", "\tc.reply(m, Message{Kind: MsgAppendReply, Match: verified, Seq: m.Seq})",
			"\tc.send(m.From, Message{Kind: MsgAppendReply, Match: verified, Seq: m.Seq})",
		}}},
		{Name: "M07", Rule: "answers an empty append with its last index, before it is durable", Edits: []Edit{{
			"raft/follower.go", "\tc.reply(m, Message{Kind: MsgAppendReply, Match: verified, Seq: m.Seq})",
			"\tif len(m.Span.Entries) == 0 {\n\t\tc.send(m.From, Message{Kind: MsgAppendReply, Match: c.lastIndex(), Seq: m.Seq})\n" +
				"\t\treturn\n\t}\n\tc.reply(m, Message{Kind: MsgAppendReply, Match: verified, Seq: m.Seq})",
		}}},
		{Name: "M08", Rule: "the leader counts its own entries before they are durable", Edits: []Edit{{
			"raft/leader.go", "return uint64(c.disk.durable)", "return uint64(c.lastIndex())",
		}}},
		{Name: "M09", Rule: "votes without the election restriction", Edits: []Edit{{
			"raft/election.go", "if !free || !m.Last.UpToDate(c.tail.last()) {", "if !free {",
		}, {
			"raft/election.go", " || m.Term <= c.currentTerm || !m.Last.UpToDate(c.tail.last()) {",
			" || m.Term <= c.currentTerm {",
		}}},
		{Name: "M10", Rule: "compares logs by length only", Edits: []Edit{{
			"raft/types.go", "\tif id.Term != other.Term {\n\t\treturn id.Term > other.Term\n\t}\n", "",
		}}},
		{Name: "M11", Rule: "does not truncate on a conflict", Edits: []Edit{{
			"raft/follower.go", "\t\t\tc.truncate(index - 1)\n\t\t\tleast = 1 // in the place of what was removed, so that the disk hears of it\n" +
				"\t\t\tbreak\n", "\t\t\tknown++\n\t\t\tcontinue\n",
		}}},
		{Name: "M12", Rule: "truncates whatever is longer", Edits: []Edit{{
			"raft/follower.go", "\tknown, least := 0, 0\n",
			"\tif s.LastIndex() < c.lastIndex() {\n\t\tc.truncate(s.Prev.Index)\n\t}\n\tknown, least := 0, 0\n",
		}}},
		{Name: "M13", Rule: "changes the configuration before an entry of the term is committed", Scripted: true, Edits: []Edit{{
			"raft/membership.go", "case !c.TermCommitted():\n\t\treturn fmt", "case c.role == Follower:\n\t\treturn fmt",
		}}},
		{Name: "M14", Rule: "two configuration changes at once", Scripted: true, Edits: []Edit{{
			"raft/membership.go", "case now.Index > c.commitIndex || now.Configuration.Joint():",
			"case now.Configuration.Joint():",
		}}},
		{Name: "M15", Rule: "uses the committed configuration, not the latest", Scripted: true, Edits: []Edit{{
			"raft/membership.go", "func (c *Core) configuration() Configuration { return c.configurationAt().Configuration }",
			"func (c *Core) configuration() Configuration { return c.committedConfiguration() }",
		}, {
			"raft/core.go", "\tc.commitIndex = index\n\tc.forget()\n", "\tc.commitIndex = index\n\tc.adoptConfiguration()\n\tc.forget()\n",
		}}},
		{Name: "M16", Rule: "a joint configuration decides by its old half", Scripted: true, Edits: []Edit{{
			"raft/quorum/quorum.go", "case old == Won && next == Won:", "case old == Won:",
		}, {
			"raft/quorum/quorum.go", "{ return min(old, next) }",
			"{\n\tif old != math.MaxUint64 {\n\t\treturn old\n\t}\n\treturn next\n}",
		}}},
		{Name: "M17", Rule: "half of the voters are a majority", Edits: []Edit{{
			"raft/quorum/quorum.go", "func Size(n int) int { return n/2 + 1 }", "func Size(n int) int { return max(1, n/2) }",
		}}},
		{Name: "M18", Rule: "takes acknowledgements of an older term", Edits: []Edit{{
			"raft/step.go", "\tdefault: // what needs no answer", "\tcase MsgAppendReply:\n\t\tc.dispatch(m)\n\tdefault: // what needs no answer",
		}}},
		{Name: "M19", Rule: "takes what was sent for what matches", Edits: []Edit{{
			"raft/progress/progress.go", "\t\t\tp.Next = last + 1\n\t\t}\n\tcase Snapshot:",
			"\t\t\tp.Next = last + 1\n\t\t\tp.Match = last\n\t\t}\n\tcase Snapshot:",
		}}},
		{Name: "M20", Rule: "commits beyond what the message verified", Edits: []Edit{{
			"raft/follower.go", "commit := min(m.Commit, verified); commit", "commit := min(m.Commit, c.lastIndex()); commit",
		}}},
		{Name: "M21", Rule: "a leader does not step down for a newer term", Edits: []Edit{{
			"raft/step.go", "func (c *Core) meetNewerTerm(m Message) bool {\n",
			"func (c *Core) meetNewerTerm(m Message) bool {\n\tif c.role == Leader {\n\t\treturn false\n\t}\n",
		}}},
		{Name: "M22", Rule: "accepts entries of an older term's leader", Edits: []Edit{{
			"raft/step.go", "\tcase m.Term < c.currentTerm:\n",
			"\tcase m.Term < c.currentTerm && (m.Kind != MsgAppend || c.role != Follower):\n",
		}}},
		{Name: "M23", Rule: "forgets its vote when it steps down", Edits: []Edit{{
			"raft/election.go", "\tc.enter(Follower, leader)\n\tc.resetElectionTimer()\n",
			"\tc.votedFor = None\n\tc.enter(Follower, leader)\n\tc.resetElectionTimer()\n",
		}}},
		{Name: "M24", Rule: "keeps a conflicting suffix when a snapshot comes", Scripted: true, Edits: []Edit{{
			"raft/snapshot_receive.go", "if !c.tail.holds(id.Index) || c.tail.term(id.Index) != id.Term {", "if !c.tail.holds(id.Index) {",
		}}},
		{Name: "M27", Rule: "serves reads before an entry of the term is committed", Edits: []Edit{{
			"raft/status.go", "return c.role == Leader && c.commitIndex >= c.termStart }", "return c.role == Leader }",
		}}},
		{Name: "M28", Rule: "serves reads without asking a quorum", Edits: []Edit{{
			"raft/read.go", "\tcase c.role == Leader && c.holdsLease():", "\tcase c.role == Leader && c.TermCommitted():",
		}}},
		{Name: "M29", Rule: "takes any answer for one to the latest round of heartbeats", Edits: []Edit{{
			"raft/leader.go", "\t\tp.ackedSeq = m.Seq\n", "\t\tp.ackedSeq = c.seq\n",
		}}},
		{Name: "M31", Rule: "applies what is not committed", Edits: []Edit{{
			"raft/ready.go", "upto := min(c.commitIndex, c.disk.durable)", "upto := c.disk.durable",
		}, {
			"raft/invariants.go", "\tinvariant.Check2(c.applying <= c.commitIndex, \"applying %d, committed %d\", c.applying, c.commitIndex)\n", "",
		}}},
		{Name: "M32", Rule: "applies what is not durable here", Edits: []Edit{{
			"raft/ready.go", "upto := min(c.commitIndex, c.disk.durable)", "upto := c.commitIndex",
		}}},
		{Name: "M39", Rule: "counts learners", Edits: []Edit{{
			"raft/membership.go", "\t\tif p.Voter {\n\t\t\tnext = append", "\t\tif p.Voter || p.Learner {\n\t\t\tnext = append",
		}, {
			"raft/membership.go", "count(func(p *peer) bool { return p.Voter })", "count(func(p *peer) bool { return p.Voter || p.Learner })",
		}}},
	}
}
