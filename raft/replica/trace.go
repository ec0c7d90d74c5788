package replica

import (
	"math"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// NotSeen is the instant of a step of a [Trace] that this server has not seen.
const NotSeen time.Duration = -1

// Trace is what one server saw of one sampled entry on its way. Instants are on the clock that begins at
// [Replica.Started]; NotSeen is a step that has not come, or is none of this server's. All servers sample the same
// entries, so that those of one ID are the whole way.
//
//	leader    Proposed ─▶ Batched ─▶ Appended ─┬─▶ Writing ─▶ Durable ──────────────┬─▶ Committed ─▶ Applied ─▶ Answered
//	                                           └─▶ Sent (to each peer)  Acked (of it) ┘
//	follower                                        Received ─▶ Writing ─▶ Durable
type Trace struct {
	ID raft.EntryID

	// Of the server that it was proposed to.
	Proposed time.Duration // Propose was called
	Batched  time.Duration // the loop turned, and the core took it
	Appended time.Duration // in the log and encoded, about to be handed to the writer and to the transport
	Answered time.Duration // its Done returned
	Peers    []TracePeer   // whom it was sent to

	// Of a follower.
	Received time.Duration // the transport delivered the first message with it

	// Of each server.
	Writing   time.Duration // the write of the log that has it began
	Durable   time.Duration // and was durable
	Committed time.Duration // the loop knew that it is committed
	Applied   time.Duration // the machine had applied it, and what it was applied with

	// Batch is how many proposals the core took with it in that turn; Written how many entries the write had.
	Batch, Written int
}

// TracePeer is the part of a [Trace] that concerns one follower.
type TracePeer struct {
	ID    raft.NodeID
	Sent  time.Duration // the first message with it was handed to the transport
	Acked time.Duration // an acknowledgement of it was delivered
	// Inflight is how many messages with entries the follower had not acknowledged, this one included, when it was sent.
	Inflight int
}

// traceHash decides whether the entry at index is sampled: it is when the hash is below a bound that says one in how
// many. It depends on nothing else, so that all servers sample the same entries without a word. It is not the index's
// remainder, with which batches of a constant size would fall in step.
func traceHash(index raft.Index) uint64 {
	x := uint64(index) // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// traceBound is the bound that samples one in so many; 0, for which nothing is, unless that is positive.
func traceBound(oneIn int) uint64 {
	if oneIn < 1 {
		return 0
	}
	return math.MaxUint64 / uint64(oneIn)
}

// Started is the instant from which the durations of traces count.
func (r *Replica) Started() time.Time { return r.started }

// TraceOneIn returns how many entries there are for one that is sampled; TraceOff when none is.
func (r *Replica) TraceOneIn() int { return r.tracer.oneIn }

// Traces returns what this server saw of the sampled entries, oldest first: at most Options.TraceKeptMax, with entries
// that are still on their way.
func (r *Replica) Traces() []Trace {
	list, _ := r.tracer.list()
	return list
}

// TracesAfter returns Traces, and the index after which these are of all sampled entries that this server saw since it
// was started: those up to it made room for others. It is 0 while there is room.
func (r *Replica) TracesAfter() ([]Trace, raft.Index) { return r.tracer.list() }
