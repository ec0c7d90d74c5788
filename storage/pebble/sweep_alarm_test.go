package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/sweep"
)

// TestSweepNoFalseAlarm runs random histories over many lives, with crashes at any time that keep any part of what was
// not synced, in both durability classes, and no damage: the watermark never says that something was lost.
func TestSweepNoFalseAlarm(t *testing.T) {
	s := sweep.Start(t, "log: no false alarm of the watermark")
	s.Each(s.Pick(15, 300), func(i int) error {
		h := history{
			sweep: s, rng: rand.New(rand.NewPCG(uint64(i), 0)), chance: rand.New(rand.NewPCG(uint64(i), 1)),
			fs: vfs.NewCrashableMem(),
		}
		return h.run(5)
	})
}

// history is the life of a disk.
type history struct {
	sweep *sweep.Sweep
	rng   *rand.Rand
	fs    *vfs.MemFS
	log   *Log
	waits []func() error // outstanding
	acked raft.HardState // the newest that survives with SyncFsync
	class storage.Sync

	mu     sync.Mutex
	chance *rand.Rand   // of crashes during operations
	clones []*vfs.MemFS // what they left
}

// watch crashes before some operations of the disk, whoever does them.
func (h *history) watch(op sweep.Op) *sweep.Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	if op.Kind.Changes() && h.chance.IntN(50) == 0 {
		percent := []int{0, 10, 50, 100}[h.chance.IntN(4)]
		h.sweep.Clone()
		h.clones = append(h.clones, crashClone(h.fs, percent, h.chance.Uint64()))
	}
	return nil
}

// checkClones checks what the crashes left.
func (h *history) checkClones() error {
	h.mu.Lock()
	clones := h.clones
	h.clones = nil
	h.mu.Unlock()
	for _, clone := range clones {
		l, err := h.check(clone, raft.HardState{})
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			return fmt.Errorf("crash during an operation: %w", err)
		}
	}
	return nil
}

func (h *history) options() storage.Options {
	o := testOptions("/node")
	o.Sync = h.class
	o.WatermarkSyncInterval = []storage.Options{
		{WatermarkSyncInterval: storage.WatermarkSyncAlways}, {WatermarkSyncInterval: storage.WatermarkSyncIntervalMin},
		{WatermarkSyncInterval: storage.WatermarkSyncIntervalMax},
	}[h.rng.IntN(3)].WatermarkSyncInterval
	return o
}

func (h *history) run(lives int) error {
	for life := range lives {
		h.class = storage.SyncFsync
		if h.rng.IntN(8) == 0 {
			h.class = storage.SyncNone
		}
		if err := h.begin(); err != nil {
			return fmt.Errorf("life %d: %w", life, err)
		}
		for step := range 5 + h.rng.IntN(40) {
			if err := errors.Join(h.step(), h.checkClones()); err != nil {
				return errors.Join(fmt.Errorf("life %d, step %d: %w", life, step, err), h.log.Close())
			}
		}
		if err := h.end(); err != nil {
			return fmt.Errorf("life %d: %w", life, err)
		}
	}
	return nil
}

// check loads the log of fs, as after a crash.
func (h *history) check(fs vfs.FS, acked raft.HardState) (*Log, error) {
	l, err := OpenFS(h.options(), fs)
	if err != nil {
		return nil, err
	}
	state, err := l.Load()
	if err == nil && state.HardState.Recover != (raft.EntryID{}) {
		err = fmt.Errorf("a false alarm: %+v", state)
	}
	if err == nil && state.HardState.Term < acked.Term {
		err = fmt.Errorf("term %d, %d was acknowledged", state.HardState.Term, acked.Term)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (h *history) begin() (err error) {
	h.log, err = h.check(sweep.NewFS(h.fs, h.watch), h.acked)
	return err
}

// crash returns what a crash at this moment leaves.
func (h *history) crash() (fs *vfs.MemFS, percent int) {
	percent = []int{0, 10, 50, 100}[h.rng.IntN(4)]
	h.sweep.Clone()
	return crashClone(h.fs, percent, h.rng.Uint64()), percent
}

// end ends a life: cleanly, or by a crash, whose disk the next life is on.
func (h *history) end() error {
	kind, fs := "clean end", h.fs
	if h.rng.IntN(3) > 0 {
		var percent int
		fs, percent = h.crash()
		kind = fmt.Sprintf("crash, %d %% kept", percent)
	} else if err := h.settle(); err != nil {
		return err
	}
	h.sweep.Outcome(kind)
	h.waits = nil
	if err := errors.Join(h.log.Close(), h.checkClones()); err != nil {
		return err
	}
	h.fs = fs
	return nil
}

func (h *history) settle() error {
	for _, wait := range h.waits {
		if err := wait(); err != nil {
			return err
		}
	}
	if h.waits = h.waits[:0]; h.class == storage.SyncFsync {
		h.acked = h.log.state.HardState
	}
	return nil
}

func (h *history) step() error {
	state := &h.log.state
	switch h.rng.IntN(16) {
	case 0: // look what a crash would leave
		fs, percent := h.crash()
		l, err := h.check(fs, h.acked)
		if err != nil {
			return fmt.Errorf("crash, %d %% kept: %w", percent, err)
		}
		return l.Close()
	case 1:
		return h.log.db.Flush()
	case 2, 3:
		if state.Last.Index == state.First.Index {
			return nil
		}
		index := state.First.Index + 1 + raft.Index(h.rng.Int64N(int64(state.Last.Index-state.First.Index)))
		span, err := h.log.Read(index-1, index, 0)
		if err != nil {
			return err
		}
		return h.log.Compact(snapshotAt(span.Entries[0].Term, index))
	case 4: // an install
		upto := snapshotAt(state.Last.Term+1, state.Last.Index+1+raft.Index(h.rng.IntN(5)))
		return h.log.Compact(upto)
	case 5:
		return h.append(&raft.HardState{
			Term: state.HardState.Term + 1, Vote: raft.NodeID(h.rng.IntN(3)), Commit: state.HardState.Commit,
		})
	default:
		return h.appendEntries()
	}
}

func (h *history) appendEntries() error {
	state := &h.log.state
	prev, term := state.Last, max(state.Last.Term, state.HardState.Term, 1)
	floor := max(state.First.Index, state.HardState.Commit)
	if h.rng.IntN(4) == 0 && prev.Index > floor { // a conflict
		index := floor + raft.Index(h.rng.Int64N(int64(prev.Index-floor)))
		prev = state.First
		if index > prev.Index {
			span, err := h.log.Read(index-1, index, 0)
			if err != nil {
				return err
			}
			prev = span.Last()
		}
		term++
	}
	s := testSpan(prev, term, 1+h.rng.IntN(4))
	if h.rng.IntN(6) == 0 {
		s.Entries[0].Data = bytes.Repeat([]byte{byte(term)}, 200<<10)
	}
	hs := &raft.HardState{Term: max(term, state.HardState.Term), Vote: state.HardState.Vote, Commit: floor}
	if h.rng.IntN(3) == 0 {
		hs = nil
	}
	return h.append(hs, s)
}

// append appends, and waits now, or later.
func (h *history) append(hs *raft.HardState, spans ...raft.Span) error {
	wait, err := h.log.Append(hs, spans)
	if err != nil {
		return err
	}
	h.waits = append(h.waits, wait)
	if h.rng.IntN(3) > 0 || len(h.waits) > 20 {
		return h.settle()
	}
	return nil
}
