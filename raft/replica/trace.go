package replica

import (
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// trace follows one sampled proposal. Each field is written once, by the goroutine that the proposal is with.
type trace struct {
	begin                                                  time.Time
	batched, appended, durable, committed, applied, answer time.Duration
}

func (t *trace) since() time.Duration { return time.Since(t.begin) }

// Trace is the way of one proposal through its leader, each stage as the time since it was proposed.
type Trace struct {
	ID        raft.EntryID
	Batched   time.Duration // taken by the loop
	Appended  time.Duration // in the log, handed to the writer and to the followers' lanes
	Durable   time.Duration // on this node's disk
	Committed time.Duration // on a majority's disks
	Applied   time.Duration // by the state machine
	Answered  time.Duration // its Done returned
}

// traceRing keeps the traces finished last.
type traceRing struct {
	mu   sync.Mutex
	kept []Trace
	next int // where the next one goes, once kept is full
	max  int
}

func (g *traceRing) keep(t *trace, id raft.EntryID) {
	finished := Trace{
		ID: id, Batched: t.batched, Appended: t.appended, Durable: t.durable,
		Committed: t.committed, Applied: t.applied, Answered: t.answer,
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.kept) < g.max {
		g.kept = append(g.kept, finished)
		return
	}
	g.kept[g.next] = finished
	g.next = (g.next + 1) % g.max
}

// list returns the kept traces, oldest first.
func (g *traceRing) list() []Trace {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Trace, 0, len(g.kept))
	list = append(list, g.kept[g.next:]...)
	return append(list, g.kept[:g.next]...)
}
