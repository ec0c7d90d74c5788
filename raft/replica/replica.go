package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Replica drives one [raft.Core]: see the package comment. Its methods are safe for concurrent use.
type Replica struct {
	id        raft.NodeID
	log       Log
	transport Transport
	machine   Machine
	snapshots snapshotFiles
	logger    *slog.Logger
	observe   func(Event)

	inbox         *inbox
	writes        *queue[writeTask]
	applies       *queue[applyTask]
	fetches       *queue[raft.Fetch]
	compactions   *queue[*compaction]
	snapshotTasks *queue[snapshotTask]

	waiters sync.Pool // of *waiter, none of them with a proposal under way

	meter      *meter
	tracer     tracer
	started    time.Time
	writeBegan atomic.Int64 // when the write under way was handed over, nanoseconds since started; 0 when none is
	applyBegan atomic.Int64 // of the call of the machine under way, as writeBegan
	stallMax   time.Duration

	logBytesMax int
	logBytes    atomic.Int64
	noRoom      atomic.Pointer[error] // why no commands are taken; nil when there is room

	compacting   chan struct{} // capacity 1: holds a token while a compaction is under way
	trigger      compactionTrigger
	readsWaiting atomic.Int64
	readsMax     int64
	readTimeout  time.Duration

	stop    chan struct{} // closed to end the loop
	done    chan struct{} // closed when everything has ended
	running sync.WaitGroup
	failed  sync.Once
	stopped sync.Once
	err     error // why it stopped; read after done
	cause   atomic.Pointer[error]
	last    raft.Status // the final one; read after done
}

// Start boots a replica from what its log, machine and snapshots hold, and runs it until Stop, or until a port fails.
// When valid options cannot be started, the ports are closed.
func Start(o Options) (*Replica, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := newReplica(o)
	booted, err := r.boot(o.Core)
	if err == nil {
		err = r.transport.Start(r.deliver, r.peerHint)
	}
	if err != nil {
		return nil, errors.Join(err, r.closePorts())
	}
	l := &loop{
		Replica: r, core: booted.core, appliedIndex: booted.applied.Index, size: booted.size,
		connections: map[raft.NodeID]int{},
	}
	l.standBackFor = 2 * time.Duration(o.Core.ElectionTicksMax) * o.TickInterval
	l.readRetryAfter = time.Duration(o.Core.ElectionTicksMin) * o.TickInterval
	a := &applier{Replica: r, applied: booted.applied, since: booted.since}
	r.running.Add(6)
	go r.runWriter()
	go a.run()
	go r.runFetcher()
	go r.runCompactor()
	go r.runSnapshots()
	go l.run(o.TickInterval)
	go r.awaitEnd()
	return r, nil
}

func newReplica(o Options) *Replica {
	return &Replica{
		id: o.Core.ID, log: o.Log, transport: o.Transport, machine: o.Machine, snapshots: snapshotFiles{port: o.Snapshots},
		logger: o.Logger, observe: o.Observe,
		inbox:  newInbox(o.QueueEntriesMax, o.QueueBytesMax),
		writes: newQueue[writeTask](), applies: newQueue[applyTask](), fetches: newQueue[raft.Fetch](),
		compactions: newQueue[*compaction](), snapshotTasks: newQueue[snapshotTask](),
		started: time.Now(), stallMax: o.DiskStallMax, logBytesMax: o.LogBytesMax,
		meter: newMeter(), tracer: newTracer(o.TraceOneIn, o.TraceKeptMax),
		compacting: make(chan struct{}, 1), trigger: newCompactionTrigger(o),
		readsMax: int64(o.ReadsMax), readTimeout: o.ReadTimeout,
		stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Propose hands p over; p.Done takes the outcome, possibly before Propose returns.
func (r *Replica) Propose(p *Proposal) {
	p.Result, p.Err, p.ID = nil, nil, raft.EntryID{}
	if len(p.Data) > raft.EntryDataBytesMax {
		p.complete(fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(p.Data), raft.EntryDataBytesMax))
		return
	}
	if r.tracer.bound > 0 {
		p.proposed = r.clock() // of each: which of them is sampled shows when it has an index
	}
	if err := r.inbox.propose(p); err != nil {
		if errors.Is(err, ErrBusy) {
			r.meter.proposalsBusy.Add(1)
		}
		p.complete(err)
	}
}

// ProposeWait proposes data and waits for the outcome. When ctx ends first the error wraps ErrUnknown.
func (r *Replica) ProposeWait(ctx context.Context, data []byte) ([]byte, error) {
	w, _ := r.waiters.Get().(*waiter)
	if w == nil {
		w = newWaiter()
	}
	w.proposal.Data = data
	r.Propose(&w.proposal)
	select {
	case <-w.done:
		result, err := w.proposal.Result, w.proposal.Err
		w.proposal.Data, w.proposal.Result, w.proposal.Err = nil, nil, nil
		r.waiters.Put(w)
		return result, err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err()) // the replica still owns the proposal: w is left to it
	}
}

// Status returns a snapshot of the core, or the final one when the replica has stopped.
func (r *Replica) Status() raft.Status {
	answer := make(chan raft.Status, 1)
	if r.inbox.post(func(w *work) {
		w.inspect = append(w.inspect, func(c *raft.Core) { answer <- c.Status() })
	}) {
		select {
		case s := <-answer:
			return s
		case <-r.done:
		}
	}
	<-r.done
	return r.last
}

// command has the loop do something before its next Ready. With an error the replica stops, and it was not done
// (raft.ErrClosed), or nobody knows (ErrUnknown). The callers wait, so that they bound what is under way.
func (r *Replica) command(do func(*loop)) error {
	done := make(chan struct{})
	if !r.inbox.post(func(w *work) {
		w.commands = append(w.commands, func(l *loop) { do(l); close(done) })
	}) {
		return raft.ErrClosed
	}
	select {
	case <-done:
		return nil
	case <-r.stop:
		return errStopped()
	}
}

// Done is closed when the replica has stopped, for whatever reason.
func (r *Replica) Done() <-chan struct{} { return r.done }

// Err returns why the replica stopped by itself; nil while it runs, and after Stop.
func (r *Replica) Err() error {
	if cause := r.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

func (r *Replica) peerHint(id raft.NodeID, up bool) {
	r.inbox.post(func(w *work) {
		if len(w.peers) < peerHintsMax {
			w.peers = append(w.peers, peerHint{id: id, up: up})
		}
	})
}

// peerHintsMax bounds the hints that wait; more of them within one turn of the loop say nothing new.
const peerHintsMax = 256

// clock is the monotonic time that the core is told: nanoseconds since the start.
func (r *Replica) clock() time.Duration { return time.Since(r.started) }
