package replica

import (
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// tracePeersMax bounds the peers that one trace tells of, and traceInflightMax the messages that are counted as in
// flight to one of them.
const (
	tracePeersMax    = 8
	traceInflightMax = 256
)

// traceRecord is a Trace without pointers: a ring of them is one object for the collector.
type traceRecord struct {
	id                                    raft.EntryID
	proposed, batched, appended, answered time.Duration
	received                              time.Duration
	writing, durable, committed, applied  time.Duration
	batch, written, peers                 int32
	peer                                  [tracePeersMax]TracePeer
}

// traceStep is a step that entries take in the order of their indexes, each of them once.
type traceStep int

const (
	traceAppended traceStep = iota
	traceWritten
	traceCommitted
	traceApplied
	traceAnswered
	traceSteps
)

// tracer follows sampled entries. Several goroutines note steps, each for all entries up to an index: what a step has
// come to is a cursor into a ring of records, which are in the order of their indexes.
//
// Invariant: indexes rise strictly along the ring, and terms do not fall. A record at or above the index of a new one
// of a higher term is of an entry that was replaced, and is dropped. The zero tracer is off.
type tracer struct {
	oneIn int
	bound uint64 // see traceHash; 0 for off
	max   uint64

	mu    sync.Mutex
	ring  []traceRecord // made with the first
	head  uint64        // records ever begun, but for those dropped: the next goes to ring[head%max]
	steps [traceSteps]uint64
	// Of the leader of term, which this server is or was: its followers, and where its records begin.
	term  raft.Term
	peers []tracePeerState
	first uint64
}

// tracePeerState is what a leader's tracer knows of one follower in its term.
type tracePeerState struct {
	id          raft.NodeID
	sent, acked uint64 // cursors
	// inflight are the last indexes of the messages that were sent and not acknowledged, from first on.
	inflight    [traceInflightMax]raft.Index
	first, next uint64
}

func newTracer(oneIn, kept int) tracer {
	return tracer{oneIn: oneIn, bound: traceBound(oneIn), max: uint64(kept)}
}

func (t *tracer) samples(index raft.Index) bool { return traceHash(index) < t.bound }

// samplesAny reports whether an entry of the span is sampled.
func (t *tracer) samplesAny(s *raft.Span) bool {
	if t.bound == 0 {
		return false
	}
	for i := range s.Entries {
		if t.samples(s.Prev.Index + raft.Index(i) + 1) {
			return true
		}
	}
	return false
}

// begin returns a new record for id; nil when there is one, or when it is older than what there is. The lock is held.
func (t *tracer) begin(id raft.EntryID) *traceRecord {
	if t.ring == nil {
		t.ring = make([]traceRecord, t.max)
	}
	for t.head > 0 {
		last := &t.ring[(t.head-1)%t.max]
		if last.id.Index < id.Index {
			break
		}
		if last.id.Term >= id.Term {
			return nil
		}
		*last = traceRecord{} // replaced, as was all above id
		t.head--
	}
	r := &t.ring[t.head%t.max]
	t.head++
	*r = traceRecord{
		id: id, proposed: NotSeen, batched: NotSeen, appended: NotSeen, answered: NotSeen, received: NotSeen,
		writing: NotSeen, durable: NotSeen, committed: NotSeen, applied: NotSeen,
	}
	return r
}

// pass moves a cursor on by one and returns the record that it passed; nil when it has passed all up to index. The lock
// is held.
func (t *tracer) pass(cursor *uint64, upto raft.Index) *traceRecord {
	oldest := t.head - min(t.head, t.max)
	*cursor = min(max(*cursor, oldest), t.head)
	if *cursor == t.head {
		return nil
	}
	r := &t.ring[*cursor%t.max]
	if r.id.Index > upto {
		return nil
	}
	*cursor++
	return r
}

// lead makes the tracer one of a leader of term. The lock is held.
func (t *tracer) lead(term raft.Term) {
	if t.term != term {
		t.term, t.peers, t.first = term, t.peers[:0], t.head
	}
}

// peerState returns what is known of a follower, from now on when nothing is; nil when there are too many. The lock is
// held.
func (t *tracer) peerState(id raft.NodeID) *tracePeerState {
	for i := range t.peers {
		if t.peers[i].id == id {
			return &t.peers[i]
		}
	}
	if len(t.peers) == tracePeersMax {
		return nil
	}
	t.peers = append(t.peers, tracePeerState{id: id, sent: t.first, acked: t.first})
	return &t.peers[len(t.peers)-1]
}

// of returns the record's part about a follower; nil when there is none, and with add not even room for one.
func (r *traceRecord) of(id raft.NodeID, add bool) *TracePeer {
	for i := range r.peer[:r.peers] {
		if r.peer[i].ID == id {
			return &r.peer[i]
		}
	}
	if !add || r.peers == tracePeersMax {
		return nil
	}
	p := &r.peer[r.peers]
	r.peers++
	*p = TracePeer{ID: id, Sent: NotSeen, Acked: NotSeen}
	return p
}

// count returns how many traces are kept.
func (t *tracer) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(min(t.head, t.max))
}

// list returns the traces, oldest first.
func (t *tracer) list() []Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(t.head, t.max)
	list := make([]Trace, 0, n)
	for at := t.head - n; at < t.head; at++ {
		r := &t.ring[at%t.max]
		if r.id.Index == 0 {
			continue // was overwritten by what was dropped since
		}
		list = append(list, Trace{
			ID: r.id, Proposed: r.proposed, Batched: r.batched, Appended: r.appended, Answered: r.answered,
			Peers: append([]TracePeer(nil), r.peer[:r.peers]...), Received: r.received,
			Writing: r.writing, Durable: r.durable, Committed: r.committed, Applied: r.applied,
			Batch: int(r.batch), Written: int(r.written),
		})
	}
	return list
}
