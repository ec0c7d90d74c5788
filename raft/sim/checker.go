package sim

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// rule names an invariant: its number and, where the paper has one, its name (Figure 3).
type rule string

// The invariants. Each is checked where it can be broken, so that an event costs no more than what it changes.
const (
	ruleElectionSafety     rule = "I1 Election Safety"
	ruleAppendOnly         rule = "I2 Leader Append-Only"
	ruleLogMatching        rule = "I3 Log Matching"
	ruleLeaderCompleteness rule = "I4 Leader Completeness"
	ruleStateMachineSafety rule = "I5 State Machine Safety"
	ruleOwnTerm            rule = "I6 commits by counting only the own term (§5.4.2)"
	ruleDurableQuorum      rule = "I7 commits are durable on a quorum"
	ruleAcknowledged       rule = "I8 what was acknowledged survives"
	ruleVotes              rule = "I9 terms only grow, one vote a term"
	rulePromises           rule = "I10 no promise before it is durable"
	ruleOrder              rule = "I11 first <= applied <= commit <= last"
	ruleSameState          rule = "I12 applied in order, once, the same everywhere"
	ruleMatch              rule = "I13 matchIndex is durable"
	ruleConfigurations     rule = "I14 quorums of adjacent configurations intersect"
	ruleLinearizable       rule = "I15 operations are linearizable"
	ruleOnce               rule = "I16 exactly once"
	ruleReadIndex          rule = "I17 reads see what was committed"
	ruleTerms              rule = "I18 no new term without a quorum that wants it"
	ruleLiveness           rule = "I19 progress after all trouble ended"
	ruleBounded            rule = "I20 bounded memory"
)

// Violation is a broken invariant.
type Violation struct {
	Rule string
	What string
}

// Error implements error.
func (v *Violation) Error() string { return v.Rule + ": " + v.What }

// checker watches all servers. Its memory outlives them.
type checker struct {
	w *world
	// off turns everything off, to show that something else notices.
	off bool

	leaders        map[raft.Term]raft.NodeID
	sums           map[raft.EntryID]uint64 // of every log that holds the entry
	committed      []commitment
	votes          map[ballot]raft.NodeID
	states         map[raft.Index]string // hashes of the state machine
	configurations configurations
	checked        uint64 // how often anything was looked at
}

// commitment is a committed entry: the sum of the log up to it, and the term in which it was first committed.
type commitment struct {
	sum   uint64
	term  raft.Term // when it was committed
	entry raft.Term // its own
}

type ballot struct {
	voter raft.NodeID
	term  raft.Term
}

func newChecker(w *world) *checker {
	return &checker{
		w: w, leaders: map[raft.Term]raft.NodeID{}, sums: map[raft.EntryID]uint64{}, votes: map[ballot]raft.NodeID{},
		states: map[raft.Index]string{}, configurations: configurations{{Configuration: w.bootstrap}},
	}
}

// breach keeps the first broken invariant and ends the run.
func (w *world) breach(r rule, format string, args ...any) {
	if w.violation == nil {
		w.violation = &Violation{Rule: string(r), What: fmt.Sprintf(format, args...)}
		w.tracef("VIOLATION %v", w.violation)
	}
}

// observe looks at a core after its debts were taken.
func (w *world) observe(n *node) {
	core := n.core
	now := observed{role: core.Role(), term: core.Term(), commit: core.CommitIndex(), last: core.LastIndex()}
	if now == n.seen {
		return
	}
	w.hash = mix(w.hash, uint64(now.term)<<32|uint64(now.last)<<8|uint64(n.id)<<2|uint64(now.role))
	w.recordObserved(n, now)
	if w.tracing() {
		w.traceObserved(n, now)
	}
	if !w.check.off {
		w.check.observe(n, now)
	}
	if now.role != n.seen.role && now.role == raft.Leader {
		w.cov.Elections++
		w.elected(n)
	}
	n.seen = now
}

func (k *checker) observe(n *node, now observed) {
	k.checked++
	seen := &n.seen
	if now.term < seen.term {
		k.w.breach(ruleVotes, "server %d from term %d back to %d", n.id, seen.term, now.term)
	}
	if now.commit < seen.commit || now.commit > now.last {
		k.w.breach(ruleOrder, "server %d: commit index from %d to %d, last %d", n.id, seen.commit, now.commit, now.last)
	}
	if now.last != n.log.lastIndex() {
		k.w.breach(ruleOrder, "server %d says that its log ends at %d, it handed over up to %v", n.id, now.last, n.log.last())
		return
	}
	led := now.role == raft.Leader && seen.role == raft.Leader && seen.term == now.term
	if led && now.last < seen.last {
		k.w.breach(ruleAppendOnly, "leader %d of term %d shortens its log from %d to %d", n.id, now.term, seen.last, now.last)
	}
	if now.role == raft.Leader && !led {
		k.elected(n, now.term)
	}
	if now.commit > seen.commit {
		k.commits(n, now, now.role == raft.Leader)
	}
}

func (k *checker) committedIndex() raft.Index { return raft.Index(len(k.committed)) }
