package sweep

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/storagetest"
)

// Log returns raft logs as a subject; a life has so many steps. With waits an append is acknowledged when its wait
// returns; without them only what Compact made durable is.
func Log(open func(fs vfs.FS) (storagetest.Log, error), steps int, waits bool) *Subject[LogState] {
	return &Subject[LogState]{
		Live: func(fs vfs.FS, ledger *Ledger[LogState], rng *rand.Rand) error {
			life := &logLife{open: func() (storagetest.Log, error) { return open(fs) }, ledger: ledger, rng: rng, waits: waits}
			return life.live(steps)
		},
		Check: func(fs vfs.FS, possible []LogState) error { return checkLog(open, fs, possible) },
	}
}

// loadLog opens a log and returns which of the possible states it holds.
func loadLog(open func() (storagetest.Log, error), possible []LogState) (storagetest.Log, LogState, error) {
	log, err := open()
	if err != nil {
		return nil, LogState{}, fmt.Errorf("open: %w", err)
	}
	got, err := log.Load()
	if err != nil {
		_ = log.Close()
		return nil, LogState{}, fmt.Errorf("load: %w", err)
	}
	// From the end: a step that changed nothing has the state of the one before.
	for _, s := range slices.Backward(possible) {
		if s.is(got) {
			if err := s.sameEntries(log); err != nil {
				_ = log.Close()
				return nil, s, fmt.Errorf("%v: %w", s, err)
			}
			return log, s, nil
		}
	}
	_ = log.Close()
	return nil, LogState{}, Violation("loaded %+v; acknowledged is %v, and %d later states are possible, up to %v",
		got, possible[0], len(possible)-1, possible[len(possible)-1])
}

// checkLog opens a log after a crash, finds a possible state in it, and that it goes on from there.
func checkLog(open func(vfs.FS) (storagetest.Log, error), fs vfs.FS, possible []LogState) error {
	log, s, err := loadLog(func() (storagetest.Log, error) { return open(fs) }, possible)
	if err != nil {
		return err
	}
	span := raft.Span{Prev: s.last(), Entries: []raft.Entry{{Term: s.last().Term + 1, Kind: raft.EntryNoop}}}
	wait, err := log.Append(nil, []raft.Span{span})
	if err == nil {
		err = wait()
	}
	if closeErr := log.Close(); err == nil {
		err = closeErr
	}
	return err
}

// MemoryLog crashes a log that is its own disk after each of so many steps of a life with chance seed. Crash returns
// what a power loss would leave of the log.
func MemoryLog[L storagetest.Log](
	sw *Sweep, seed uint64, steps int, log L, crash func(log L, percent int, seed uint64) L,
) error {
	ledger := NewLedger(LogState{})
	life := &logLife{ledger: ledger, rng: rand.New(rand.NewPCG(seed, 1)), waits: true}
	life.open = func() (storagetest.Log, error) {
		log = crash(log, 100, 0)
		return log, nil
	}
	life.stepped = func() error {
		for _, way := range cuts(2) {
			sw.Clone()
			left := crash(log, way.percent, way.seed)
			reopen := func(vfs.FS) (storagetest.Log, error) { return left, nil }
			if err := checkLog(reopen, nil, ledger.Possible()); err != nil {
				sw.Outcome("wrong after a crash")
				return fmt.Errorf("crash with %d %% of what was not synced: %w", way.percent, err)
			}
			sw.Outcome("as acknowledged")
		}
		return nil
	}
	return life.live(steps)
}

// logLife is one life of a log.
type logLife struct {
	open   func() (storagetest.Log, error)
	ledger *Ledger[LogState]
	rng    *rand.Rand
	waits  bool

	stepped func() error // called after each step, unless it is nil

	log     storagetest.Log
	state   LogState
	pending []pendingAppend
}

// pendingAppend was not waited for yet.
type pendingAppend struct {
	number int
	wait   func() error
}

func (l *logLife) live(steps int) error {
	if err := l.start(); err != nil {
		return err
	}
	for range steps {
		err := l.step()
		if err == nil && l.stepped != nil {
			err = l.stepped()
		}
		if err != nil {
			return l.stopped(err)
		}
	}
	if err := l.stop(); err != nil {
		return l.stopped(err)
	}
	return nil
}

func (l *logLife) start() error {
	log, state, err := loadLog(l.open, l.ledger.Possible())
	if err != nil {
		return err
	}
	l.log, l.state = log, state
	l.ledger.Settle(state)
	return nil
}

// stop waits for all appends and closes the log.
func (l *logLife) stop() error {
	if err := l.settle(0); err != nil {
		return err
	}
	err := l.log.Close()
	l.log = nil
	return err
}

// stopped sees that a log that failed acknowledges nothing more, closes it, and returns err, why it failed.
func (l *logLife) stopped(err error) error {
	if l.log == nil {
		return err
	}
	defer func() { _ = l.log.Close() }() // may tell of it again
	if Violated(err) {
		return err
	}
	for _, p := range l.pending {
		if p.wait() == nil {
			l.ledger.Done(p.number) // it may have been synced before
		}
	}
	for range 2 {
		span := l.state.drawSpan(l.rng, l.state.last().Index, l.state.last().Term+1, false)
		wait, again := l.log.Append(nil, []raft.Span{span})
		if again == nil {
			again = wait()
		}
		if again == nil && l.waits {
			return Violation("an append after %w was acknowledged", err)
		}
	}
	if l.log.Compact(snapshotAt(raft.EntryID{Term: l.state.last().Term + 1, Index: l.state.last().Index + 1})) == nil {
		return Violation("a compaction after %w was acknowledged", err)
	}
	return err
}

// settle waits until at most so many appends are pending.
func (l *logLife) settle(pending int) error {
	for len(l.pending) > pending {
		p := l.pending[0]
		l.pending = l.pending[1:]
		if err := p.wait(); err != nil {
			return err
		}
		if l.waits {
			l.ledger.Done(p.number)
		}
	}
	return nil
}

func (l *logLife) step() error {
	if l.rng.IntN(3) == 0 {
		if err := l.settle(l.rng.IntN(6)); err != nil {
			return err
		}
	}
	switch n := l.rng.IntN(100); {
	case n < 60:
		return l.append(false)
	case n < 72:
		return l.append(true)
	case n < 80:
		return l.vote()
	case n < 90:
		return l.compact()
	case n < 95:
		return l.state.sameEntries(l.log)
	case n < 97:
		return l.again()
	default:
		return l.settle(0)
	}
}

// append appends one or two spans, at the end or, with cut, in the place of what is not committed.
func (l *logLife) append(cut bool) error {
	s, term := l.state, max(l.state.hs.Term, l.state.last().Term)
	if cut || term == 0 {
		term++
	}
	after := s.last().Index
	if low := max(s.first.Last.Index, s.hs.Commit); cut && low < after {
		after -= raft.Index(l.rng.IntN(int(after - low + 1)))
	}
	spans := []raft.Span{s.drawSpan(l.rng, after, term, l.rng.IntN(12) == 0)}
	if next := s.append(nil, spans); l.rng.IntN(6) == 0 {
		spans = append(spans, next.drawSpan(l.rng, spans[0].LastIndex(), term, false))
	}
	var hs *raft.HardState
	if term != s.hs.Term || l.rng.IntN(2) == 0 {
		commit := max(s.hs.Commit, min(s.first.Last.Index, after))
		if commit < after {
			commit += raft.Index(l.rng.IntN(int(after - commit + 1)))
		}
		hs = &raft.HardState{Term: term, Vote: raft.NodeID(l.rng.IntN(4)), Commit: commit}
	}
	return l.write(hs, spans)
}

// vote appends a hard state alone.
func (l *logLife) vote() error {
	hs := l.state.hs
	hs.Term, hs.Vote = hs.Term+1, raft.NodeID(1+l.rng.IntN(3))
	return l.write(&hs, nil)
}

func (l *logLife) write(hs *raft.HardState, spans []raft.Span) error {
	next := l.state.append(hs, spans)
	number := l.ledger.Begin(next)
	wait, err := l.log.Append(hs, spans)
	if err != nil {
		return err
	}
	l.state = next
	l.pending = append(l.pending, pendingAppend{number, wait})
	return nil
}

// compact compacts to an entry of the log, or takes a snapshot in the place of all of it.
func (l *logLife) compact() error {
	s := l.state
	first, last := s.first.Last.Index, s.last().Index
	var upto raft.Snapshot
	switch n := l.rng.IntN(4); {
	case n > 0 && first < last:
		index := first + 1 + raft.Index(l.rng.IntN(int(last-first)))
		upto = snapshotAt(raft.EntryID{Term: s.term(index), Index: index})
	case max(first, s.hs.Commit) < last: // an entry of another term stands there
		upto = snapshotAt(raft.EntryID{Term: s.last().Term + 1, Index: last})
	default:
		upto = snapshotAt(raft.EntryID{Term: s.last().Term + 1, Index: last + 1 + raft.Index(l.rng.IntN(4))})
	}
	next := s.compact(upto)
	number := l.ledger.Begin(next)
	if err := l.log.Compact(upto); err != nil {
		return err
	}
	l.ledger.Done(number)
	l.state = next
	return nil
}

// again closes the log and opens it again.
func (l *logLife) again() error {
	if err := l.stop(); err != nil {
		return err
	}
	l.pending = nil
	return l.start()
}
