package sim

import (
	"github.com/raftmark/raftmark/raft"
)

// readQueue is the reads beside the log that a server has under way.
type readQueue struct {
	asked   map[uint64]asked // of the core, by token; looked up only
	waiting []waitingRead    // for the state machine
}

type asked struct {
	op      *op
	attempt int
}

type waitingRead struct {
	asked
	index raft.Index
}

// serveRead asks the core for an index to read at.
func (w *world) serveRead(n *node, o *op, attempt int) {
	token := uint64(o.id)<<16 | uint64(attempt&0xffff)
	n.reads.asked[token] = asked{o, attempt}
	w.clock(n)
	switch {
	case n.core.Role() != raft.Leader:
		w.cov.ReadsFollower++
	case w.plan.core.LeaseNanos > 0:
		w.cov.ReadsLease++
	default:
		w.cov.ReadsLeader++
	}
	n.core.ReadIndex(token)
	w.turn(n)
}

// takeReads takes what became of reads: each is answered once, and no earlier than what was committed when it was
// asked.
func (w *world) takeReads(n *node, r *raft.Ready) {
	for _, read := range r.Reads {
		a, is := n.reads.asked[read.Token]
		if !is {
			w.breach(ruleReadIndex, "server %d answers the read %#x, which nobody waits for", n.id, read.Token)
			return
		}
		delete(n.reads.asked, read.Token)
		if read.Err != nil {
			w.cov.ReadsRefused++
			w.reply(n, a.op, a.attempt, answer{definite: true, leader: n.core.Leader()})
			continue
		}
		if read.Index < a.op.floor && !w.check.off {
			w.breach(ruleReadIndex, "server %d reads at %d for operation %d, when it was called %d was committed",
				n.id, read.Index, a.op.id, a.op.floor)
		}
		n.reads.waiting = append(n.reads.waiting, waitingRead{a, read.Index})
	}
	w.read(n)
}

// read serves the reads that the state machine has got far enough for.
func (w *world) read(n *node) {
	kept := n.reads.waiting[:0]
	for _, r := range n.reads.waiting {
		if r.index > n.machine.applied {
			kept = append(kept, r)
			continue
		}
		result, err := n.machine.kv.Read(r.op.command())
		if err != nil {
			w.breach("the state machine works", "server %d: read: %v", n.id, err)
		}
		w.reply(n, r.op, r.attempt, answer{ok: true, result: result})
	}
	n.reads.waiting = kept
}
