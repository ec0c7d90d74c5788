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
	leader                                raft.Term // of the newest leader that this server had it from, or was
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
	traceCommitted
	traceApplied
	traceAnswered
	traceSteps
)

// tracer follows sampled entries. Several goroutines note steps, each for all entries up to an index: what a step has
// come to is a cursor into a ring of records, which are in the order of their indexes.
//
// Only commands have records, so that the rings of all servers have the same entries. Records are begun where entries
// arrive, before the core has decided about them. What a newer leader replaced is dropped when its own entry arrives,
// or at the latest when that goes into the log.
//
// Invariant: indexes rise strictly along the ring, and no cursor is above head. The zero tracer is off.
type tracer struct {
	oneIn int
	bound uint64 // see traceHash; 0 for off
	max   uint64

	mu     sync.Mutex
	ring   []traceRecord // made with the first
	head   uint64        // records ever begun, but for those dropped: the next goes to ring[head%max]
	oldest uint64        // the first that is kept
	after  raft.Index    // of the last that was overwritten: all sampled entries after it that came here are kept
	steps  [traceSteps]uint64
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

// begin returns a new record for id, which the leader of a term sent, or appends; nil when there is one, or when it is
// older than what there is. The lock is held.
func (t *tracer) begin(id raft.EntryID, leader raft.Term) *traceRecord {
	if t.ring == nil {
		t.ring = make([]traceRecord, t.max)
	}
	if t.head > t.oldest {
		if last := &t.ring[(t.head-1)%t.max]; last.leader > leader {
			return nil // a message of an old leader that was on its way
		}
		at := t.above(id.Index - 1)
		switch known := &t.ring[at%t.max]; {
		case at == t.head: // the next one
		case known.id == id:
			known.leader = leader
			return nil
		case known.id.Index > id.Index && known.id.Term >= id.Term:
			return nil // it came before its record could be kept, or was a follower's when this server was elected
		default:
			t.cut(at)
		}
	}
	if t.head-t.oldest == t.max {
		t.after = t.ring[t.oldest%t.max].id.Index
		t.oldest++
	}
	r := &t.ring[t.head%t.max]
	t.head++
	*r = traceRecord{
		id: id, leader: leader, proposed: NotSeen, batched: NotSeen, appended: NotSeen, answered: NotSeen,
		received: NotSeen, writing: NotSeen, durable: NotSeen, committed: NotSeen, applied: NotSeen,
	}
	return r
}

// above returns the place of the first record of an entry after index, or head. It goes back from the end, where the
// entries are that are on their way. The lock is held.
func (t *tracer) above(index raft.Index) uint64 {
	at := t.head
	for at > t.oldest && t.ring[(at-1)%t.max].id.Index > index {
		at--
	}
	return at
}

// cut drops the records from a place on. What steps had come to was of them: it is undone. The lock is held.
func (t *tracer) cut(at uint64) {
	t.head = at
	for i := range t.steps {
		t.steps[i] = min(t.steps[i], at)
	}
	t.first = min(t.first, at)
	for i := range t.peers {
		t.peers[i].sent, t.peers[i].acked = min(t.peers[i].sent, at), min(t.peers[i].acked, at)
	}
}

// stored drops what is not in the log any more, now that spans were appended to it in a term: records of entries after
// the first of them that are not in the log, and not of a later leader. The lock is held.
func (t *tracer) stored(spans []raft.Span, term raft.Term) {
	least := leastIndex(spans)
	stale := t.head
	for at := t.head; at > t.oldest; at-- {
		r := &t.ring[(at-1)%t.max]
		if r.id.Index <= least {
			break
		}
		if r.leader < term && !endsWith(spans, r.id) {
			stale = at - 1
		}
	}
	if stale < t.head {
		t.cut(stale)
	}
}

// leastIndex returns the index after which spans begin that are appended one after the other.
func leastIndex(spans []raft.Span) raft.Index {
	least := spans[0].Prev.Index
	for i := range spans {
		least = min(least, spans[i].Prev.Index)
	}
	return least
}

// endsWith reports whether a log to which spans were appended, each in the place of what was after its Prev, has the
// entry id from one of them.
func endsWith(spans []raft.Span, id raft.EntryID) bool {
	for i := len(spans) - 1; i >= 0; i-- {
		if s := &spans[i]; id.Index > s.Prev.Index {
			return id.Index <= s.LastIndex() && has(s, id)
		}
	}
	return false
}

// has reports whether the span, which has an entry at the index, has id there.
func has(s *raft.Span, id raft.EntryID) bool {
	return s.Entries[id.Index-s.Prev.Index-1].Term == id.Term
}

// pass moves a cursor on by one and returns the record that it passed; nil when it has passed all up to index. The lock
// is held.
func (t *tracer) pass(cursor *uint64, upto raft.Index) *traceRecord {
	*cursor = max(*cursor, t.oldest)
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
