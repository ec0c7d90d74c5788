package replica

import (
	"time"

	"github.com/raftmark/raftmark/raft"
)

// loop is the one goroutine that touches the core.
type loop struct {
	*Replica
	core *raft.Core

	work    work
	ready   raft.Ready
	backlog []*Proposal // taken from the inbox, not yet by the core
	pending []*Proposal // in the log, by index, and not yet with the applier

	backlogBytes, pendingBytes int // by Proposal.size

	connections map[raft.NodeID]int // of each peer, as the transport hinted

	turned     time.Duration // when this turn began
	tracedUpto raft.Index    // the commit index that the tracer knows

	appliedIndex raft.Index // by the machine, as far as the loop heard
	asked        []readBatch
	waiting      []*Read // for a place among those asked
	unanswered   []*Read // asked in vain, to be asked again at the next tick
	lastToken    uint64

	readRetryAfter time.Duration
	standBackFor   time.Duration

	changes   []*changeWait
	transfers []*transferWait

	received raft.EntryID // stored completely, and the core has not said what becomes of it

	gathering gathering

	stall   stall
	size    logMeter
	space   space
	seen    seen
	members members
}

func (l *loop) run(tick time.Duration) {
	defer l.running.Done()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		ticked := false
		select {
		case <-l.inbox.wake:
			select { // both may have come, and a tick does not wait for proposers
			case <-ticker.C:
				ticked = true
			default:
				l.gather()
			}
		case <-ticker.C:
			ticked = true
		case <-l.stop:
			l.end()
			return
		}
		l.inbox.take(&l.work)
		l.turned = l.clock() // after the reads were taken: they were invoked before this moment
		l.core.SetClock(int64(l.turned))
		l.turn(ticked)
	}
}

// turn gives the core all that waits, messages first: after a pause the leader's heartbeats count before
// the clock does.
func (l *loop) turn(ticked bool) {
	l.watchRoom()
	for i := range l.work.messages {
		l.step(l.work.messages[i])
	}
	l.takeCompletions()
	if ticked {
		l.tick()
	}
	l.observeRole()
	for _, do := range l.work.commands {
		do(l)
	}
	l.propose()
	l.read(ticked)
	l.tracedCommit()
	l.observePeers()
	for l.core.Ready(&l.ready) {
		l.pay()
	}
	l.discardUnwanted()
	l.observeRole()
	l.observeConfiguration()
	l.forgetRemoved()
	l.settle()
	for _, f := range l.work.inspect {
		f(l.core)
	}
}

// takeCompletions tells the core what was paid of its debts.
func (l *loop) takeCompletions() {
	w := &l.work
	if w.synced != 0 {
		l.core.Synced(w.synced)
	}
	if w.applied != 0 {
		l.appliedIndex = w.applied
		l.core.Applied(w.applied)
	}
	for _, f := range w.fetched {
		l.core.Fetched(f.fetch, f.span, f.err)
	}
	for i := range w.chunksRead {
		l.core.ChunkRead(w.chunksRead[i].want, w.chunksRead[i].chunk, w.chunksRead[i].err)
	}
	for i := range w.chunksStored {
		l.chunkStored(&w.chunksStored[i])
	}
	for _, id := range w.installed {
		l.report(Event{Kind: EventSnapshotInstalled, Term: l.core.Term(), Snapshot: id})
	}
	for _, c := range w.compactions {
		l.compact(c)
	}
}

func (l *loop) step(m raft.Message) {
	l.meter.messagesIn.Add(1)
	if !l.takesMessage(&m) {
		return
	}
	l.noteRoomOf(&m)
	if err := l.core.Step(m); err != nil {
		l.logger.Debug("drop a message", "peer", m.From, "err", err)
	}
}

// tick advances the core's time, unless the own disk has stalled: see [stall]; or it lets others lead: see [space].
func (l *loop) tick() {
	stalled := l.stallMax != DiskStallIgnored && l.stall.tick(l, max(l.oldestWriteAge(), l.applyAge()) > l.stallMax)
	if !stalled && !l.standsBack() {
		l.core.Tick()
	}
	l.tickRoom()
}

// stall is what a server does about its own disk when that has stalled: it hands leadership over, if it leads and a
// follower can take it, else gives it up; and it does not stand for election.
type stall struct {
	lasts     bool // at the last tick
	handsOver bool // since it began, and that is not decided
}

// tick reports whether the core's time stands still.
func (s *stall) tick(l *loop, stalled bool) bool {
	if stalled && !s.lasts {
		l.meter.diskStalls.Add(1)
		l.report(Event{Kind: EventDiskStall, Term: l.core.Term()})
		if err := l.transfer(raft.None); err != nil {
			l.logger.Debug("stalled without a successor", "err", err)
		}
		s.handsOver = true // if it is not, the next lines notice
	}
	s.lasts = stalled
	if !stalled {
		return false
	}
	s.handsOver = s.handsOver && l.core.Role() == raft.Leader && l.core.TransferTo() != raft.None
	if !s.handsOver {
		l.core.StepDown()
	}
	return !s.handsOver
}

// end completes what will not be decided here any more.
func (l *loop) end() {
	refuse(l.pending, ErrUnknown)
	refuse(l.backlog, raft.ErrClosed)
	l.endReads()
	for _, w := range l.changes {
		w.done <- ErrUnknown
	}
	for _, w := range l.transfers {
		w.done <- ErrUnknown
	}
	l.last = l.core.Status()
}
