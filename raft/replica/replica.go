package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Replica drives one [raft.Core]: see the package comment. Its methods are safe for concurrent use.
type Replica struct {
	log       Log
	transport Transport
	machine   Machine
	logger    *slog.Logger
	observe   func(Event)

	inbox   *inbox
	writes  *queue[writeTask]
	applies *queue[applyTask]
	fetches *queue[raft.Fetch]

	meter      *meter
	traces     traceRing
	traceOneIn int
	traceCount atomic.Uint64
	started    time.Time
	writeBegan atomic.Int64 // of the write under way, nanoseconds since started; 0 when none is
	stallMax   time.Duration

	stop    chan struct{} // closed to end the loop
	done    chan struct{} // closed when everything has ended
	running sync.WaitGroup
	failed  sync.Once
	stopped sync.Once
	err     error // why it stopped; read after done
	cause   atomic.Pointer[error]
	last    raft.Status // the final one; read after done
}

// Start boots a replica from what its log and machine hold, and runs it until Stop, or until a port fails.
// When valid options cannot be started, the ports are closed.
func Start(o Options) (*Replica, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := &Replica{
		log: o.Log, transport: o.Transport, machine: o.Machine,
		logger: o.Logger, observe: o.Observe,
		inbox:  newInbox(o.QueueEntriesMax, o.QueueBytesMax),
		writes: newQueue[writeTask](), applies: newQueue[applyTask](), fetches: newQueue[raft.Fetch](),
		started: time.Now(), stallMax: o.DiskStallMax,
		meter: newMeter(), traces: traceRing{max: o.TraceKeptMax}, traceOneIn: o.TraceOneIn,
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	core, err := r.boot(o.Core)
	if err == nil {
		err = r.transport.Start(r.inbox.deliver, r.peerHint)
	}
	if err != nil {
		return nil, errors.Join(err, r.closePorts())
	}
	r.running.Add(4)
	go r.runWriter()
	go r.runApplier()
	go r.runFetcher()
	go (&loop{Replica: r, core: core}).run(o.TickInterval)
	go r.awaitEnd()
	return r, nil
}

// boot reads what is durable and makes a core of it.
func (r *Replica) boot(cfg raft.Config) (*raft.Core, error) {
	state, err := r.log.Load()
	if err != nil {
		return nil, fmt.Errorf("load the log: %w", err)
	}
	applied, err := r.machine.Applied()
	if err != nil {
		return nil, fmt.Errorf("load the state machine: %w", err)
	}
	boot := raft.Boot{Log: state, Applied: applied}
	from := max(state.HardState.Commit, applied, state.First.Index)
	if from > state.Last.Index {
		return nil, fmt.Errorf("boot: committed %d, applied %d, but the log ends at %v",
			state.HardState.Commit, applied, state.Last)
	}
	if boot.Tail, err = r.readTail(state, from); err != nil {
		return nil, fmt.Errorf("load the log's tail: %w", err)
	}
	return raft.New(cfg, boot)
}

// readTail reads (from, state.Last], and the term of from.
func (r *Replica) readTail(state raft.LogState, from raft.Index) (raft.Span, error) {
	if from == state.Last.Index {
		return raft.Span{Prev: state.Last}, nil
	}
	tail, err := r.log.Read(from, state.Last.Index, readBytesMax)
	for err == nil && tail.LastIndex() < state.Last.Index {
		var more raft.Span
		more, err = r.log.Read(tail.LastIndex(), state.Last.Index, readBytesMax)
		tail.Entries = append(tail.Entries, more.Entries...)
	}
	tail.Encoded = nil
	return tail, err
}

// Propose hands p over; p.Done takes the outcome, possibly before Propose returns.
func (r *Replica) Propose(p *Proposal) {
	p.Result, p.Err, p.ID, p.trace = nil, nil, raft.EntryID{}, nil
	if len(p.Data) > raft.EntryDataBytesMax {
		p.complete(fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(p.Data), raft.EntryDataBytesMax))
		return
	}
	if r.traceOneIn > 0 && r.traceCount.Add(1)%uint64(r.traceOneIn) == 0 {
		p.trace = &trace{begin: time.Now()}
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
	done := make(chan *Proposal, 1)
	r.Propose(&Proposal{Data: data, Done: func(p *Proposal) { done <- p }})
	select {
	case p := <-done:
		return p.Result, p.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
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

// Traces returns the sampled proposals that were completed last, oldest first.
func (r *Replica) Traces() []Trace { return r.traces.list() }

// Done is closed when the replica has stopped, for whatever reason.
func (r *Replica) Done() <-chan struct{} { return r.done }

// Err returns why the replica stopped by itself; nil while it runs, and after Stop.
func (r *Replica) Err() error {
	if cause := r.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// Stop ends the replica: proposals under way end with ErrUnknown, the ports are closed. It returns the
// error that stopped the replica before, or that closing gave.
func (r *Replica) Stop() error {
	r.stopped.Do(func() { close(r.stop) })
	<-r.done
	return r.err
}

// fail stops the replica because a port failed (fail-stop): it neither retries nor answers any more.
func (r *Replica) fail(err error) {
	r.failed.Do(func() {
		r.cause.Store(&err)
		r.logger.Error("replica stops", "err", err)
		r.stopped.Do(func() { close(r.stop) })
	})
}

// awaitEnd closes everything once the loop has ended.
func (r *Replica) awaitEnd() {
	<-r.stop
	r.inbox.close()
	r.writes.close()
	r.fetches.close()
	left := r.applies.close()
	r.running.Wait()
	completeAll(left, ErrUnknown)
	r.refuseLeftovers()
	r.err = errors.Join(r.Err(), r.closePorts())
	close(r.done)
}

// refuseLeftovers completes the proposals that the loop never saw.
func (r *Replica) refuseLeftovers() {
	var w work
	r.inbox.take(&w)
	for _, p := range w.proposals {
		p.complete(raft.ErrClosed)
	}
}

func (r *Replica) closePorts() error {
	err := errors.Join(r.transport.Close(), r.log.Close(), r.machine.Close())
	if err != nil {
		return fmt.Errorf("close: %w", err)
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

// loop is the one goroutine that touches the core.
type loop struct {
	*Replica
	core *raft.Core

	work    work
	ready   raft.Ready
	backlog []*Proposal // taken from the inbox, not yet by the core
	pending []*Proposal // in the log, by index, and not yet with the applier
	traced  []*Proposal // of these, sampled and not yet committed

	backlogBytes, pendingBytes int // by Proposal.size

	unwritten []*trace // of proposals that the core took in this turn

	stalled bool // the own disk, at the last tick
	seen    seen
}

func (l *loop) run(tick time.Duration) {
	defer l.running.Done()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		ticked := false
		select {
		case <-l.inbox.wake:
		case <-ticker.C:
			ticked = true
		case <-l.stop:
			l.end()
			return
		}
		l.inbox.take(&l.work)
		l.turn(ticked)
	}
}

// turn gives the core all that waits, messages first: after a pause the leader's heartbeats count before
// the clock does.
func (l *loop) turn(ticked bool) {
	for i := range l.work.messages {
		l.step(l.work.messages[i])
	}
	if l.work.synced != 0 {
		l.core.Synced(l.work.synced)
	}
	if l.work.applied != 0 {
		l.core.Applied(l.work.applied)
	}
	for _, f := range l.work.fetched {
		l.core.Fetched(f.fetch, f.span, f.err)
	}
	if ticked {
		l.tick()
	}
	l.observeRole()
	l.propose()
	l.noteCommitted()
	for l.core.Ready(&l.ready) {
		l.pay()
	}
	l.observeRole()
	l.observePeers()
	for _, f := range l.work.inspect {
		f(l.core)
	}
}

// tick advances the core's time, unless the own disk has stalled: then this server gives up leading, and does not stand
// for election.
func (l *loop) tick() {
	stalled := l.stallMax != DiskStallIgnored && l.oldestWriteAge() > l.stallMax
	if stalled && !l.stalled {
		l.report(Event{Kind: EventDiskStall, Term: l.core.Term()})
	}
	l.stalled = stalled
	if stalled {
		l.core.StepDown()
		return
	}
	l.core.Tick()
}

func (l *loop) step(m raft.Message) {
	l.meter.messagesIn.Add(1)
	if err := l.core.Step(m); err != nil {
		l.logger.Debug("drop a message", "peer", m.From, "err", err)
	}
}

// propose gives the core what it has room for.
func (l *loop) propose() {
	l.backlog = append(l.backlog, l.work.proposals...)
	l.backlogBytes += sizeOf(l.work.proposals)
	if len(l.backlog) == 0 {
		return
	}
	if l.core.Role() != raft.Leader {
		refuse(l.backlog, ErrNotLeader{Leader: l.core.Leader()})
		l.backlog, l.backlogBytes = emptied(l.backlog), 0
		return
	}
	entries := make([]raft.Entry, l.room())
	for i := range entries {
		entries[i].Data = l.backlog[i].Data
	}
	before, term := l.core.LastIndex(), l.core.Term()
	n := l.core.Propose(entries)
	l.meter.proposals.Add(uint64(n))
	l.meter.batches.Add(1)
	for i, p := range l.backlog[:n] {
		p.ID = raft.EntryID{Term: term, Index: before + raft.Index(i) + 1}
		if p.trace != nil {
			p.trace.batched = p.trace.since()
			l.traced = append(l.traced, p)
			l.unwritten = append(l.unwritten, p.trace)
		}
	}
	taken := sizeOf(l.backlog[:n])
	l.pendingBytes += taken
	l.backlogBytes -= taken
	l.pending = append(l.pending, l.backlog[:n]...)
	l.backlog = slices.Delete(l.backlog, 0, n)
	l.refuseOverflow()
}

// room returns how many of the backlog the core is offered: pending holds a queue's length. The core's cap does
// not see to that: it is on what is not committed, and the followers commit without this node's disk and machine.
func (l *loop) room() int {
	n, bytes := 0, l.pendingBytes
	for n < len(l.backlog) && len(l.pending)+n < l.inbox.entriesMax && bytes < l.inbox.bytesMax {
		bytes += l.backlog[n].size()
		n++
	}
	return n
}

// refuseOverflow keeps the backlog, which the inbox no longer counts, within one more queue's length.
func (l *loop) refuseOverflow() {
	keep := len(l.backlog)
	for keep > l.inbox.entriesMax || keep > 1 && l.backlogBytes > l.inbox.bytesMax {
		keep--
		l.backlogBytes -= l.backlog[keep].size()
	}
	l.meter.proposalsBusy.Add(uint64(len(l.backlog) - keep))
	refuse(l.backlog[keep:], ErrBusy)
	l.backlog = slices.Delete(l.backlog, keep, len(l.backlog))
}

func refuse(proposals []*Proposal, err error) {
	for _, p := range proposals {
		p.complete(err)
	}
}

func emptied[T any](s []T) []T {
	clear(s)
	return s[:0]
}

// end completes what will not be decided here any more.
func (l *loop) end() {
	refuse(l.pending, ErrUnknown)
	refuse(l.backlog, raft.ErrClosed)
	l.last = l.core.Status()
}
