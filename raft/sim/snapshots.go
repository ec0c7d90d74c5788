package sim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// errDamaged says that a received snapshot is not what was sent.
var errDamaged = errors.New("damaged snapshot")

// snapshots is a server's store of snapshots: the one that it made, and one that a leader sends.
type snapshots struct {
	made      raft.Snapshot
	madeBytes []byte // nil: none. It is not synced: a crash may lose it

	incoming []byte // a half file: a crash loses it
	received *receivedSnapshot
	free     time.Duration // when the store has done what it was given
}

// receivedSnapshot is complete and durable.
type receivedSnapshot struct {
	name  raft.Snapshot
	state []byte
}

// crash leaves what was durable.
func (s *snapshots) crash() {
	s.made, s.madeBytes, s.incoming = raft.Snapshot{}, nil, nil
	s.free = 0
}

// store adds a chunk; with the last one the whole is checked and becomes durable.
func (s *snapshots) store(c *raft.Chunk) error {
	if c.Offset == 0 {
		s.incoming = []byte{}
	}
	if s.incoming == nil || c.Offset != uint64(len(s.incoming)) {
		return fmt.Errorf("chunk at %d of %d bytes: %w", c.Offset, len(s.incoming), raft.ErrOutOfRange)
	}
	s.incoming = append(s.incoming, c.Data...)
	if !c.Done {
		return nil
	}
	state, good := unsealed(s.incoming)
	s.incoming = nil
	if !good {
		return errDamaged
	}
	s.received = &receivedSnapshot{name: c.Snapshot, state: state}
	return nil
}

// sealed adds a checksum to a state on its way.
func sealed(state []byte) []byte {
	return binary.LittleEndian.AppendUint64(state[:len(state):len(state)], sumBytes(state))
}

func unsealed(b []byte) ([]byte, bool) {
	n := len(b) - 8
	if n < 0 {
		return nil, false
	}
	return b[:n], binary.LittleEndian.Uint64(b[n:]) == sumBytes(b[:n])
}

func sumBytes(b []byte) uint64 { return sumEntry(uint64(len(b)), &raft.Entry{Data: b}) }

// takeSnapshots books the debts about snapshots of a Ready: the ones of the store, and the one to be restored, which
// takes the place of the log before this Ready's entries.
func (w *world) takeSnapshots(n *node, r *raft.Ready) {
	if s := r.Restore; s != nil {
		w.tracef("%d  begins anew after a snapshot of %v: %v", n.id, s.Last, s.Configuration)
		w.cov.SnapshotsInstalled++
		w.check.named(n, *s)
		sum, known := w.check.sumAt(s.Last)
		if !known {
			w.breach(ruleStateMachineSafety, "server %d restores a snapshot of %v, which is not committed", n.id, s.Last)
			return
		}
		n.log.replace(*s, sum)
		n.disk.writes = append(n.disk.writes, write{replace: s, sum: sum})
		n.machine.jobs = append(n.machine.jobs, applyJob{restore: s})
	}
	for _, c := range r.ReadChunks {
		w.atStore(n, func() { w.readChunk(n, c) })
	}
	for _, c := range r.StoreChunks {
		w.atStore(n, func() { w.storeChunk(n, c) })
	}
}

// atStore lets the store of snapshots do something after all that it was given before.
func (w *world) atStore(n *node, do func()) {
	s := &n.snapshots
	s.free = max(s.free, w.now) + 50*time.Microsecond + expDuration(w.diskRand, 500*time.Microsecond)
	w.later(n, s.free-w.now, event{kind: eventDo, do: do})
}

// storeChunk pays a debt. Between the moment that a whole snapshot is durable and the one when the core hears of it
// there may be a crash.
func (w *world) storeChunk(n *node, c raft.StoreChunk) {
	err := n.snapshots.store(&c.Chunk)
	if err == nil && w.on(DiskError) && w.diskRand.IntN(50) == 0 {
		n.snapshots.incoming, err = nil, errInjected
		if c.Chunk.Done {
			n.snapshots.received = nil
		}
	}
	w.cov.ChunksStored++
	if w.crashAt(n) {
		return
	}
	w.later(n, expDuration(w.diskRand, 100*time.Microsecond), event{kind: eventDo, do: func() {
		n.core.ChunkStored(c, err)
		w.turn(n)
	}})
}

// readChunk pays a debt, after making a snapshot when there is none that will do.
func (w *world) readChunk(n *node, c raft.ReadChunk) {
	s := &n.snapshots
	if (c.Of == raft.EntryID{}) && (s.madeBytes == nil || s.made.Last.Index < c.NotBelow || w.diskRand.IntN(4) == 0) {
		w.makeSnapshot(n)
	}
	var chunk raft.Chunk
	err := fmt.Errorf("snapshot of %v: %w", c.Of, raft.ErrOutOfRange)
	if s.madeBytes != nil && (c.Of == s.made.Last || c.Of == raft.EntryID{} && s.made.Last.Index >= c.NotBelow) &&
		c.Offset <= uint64(len(s.madeBytes)) {
		end := min(int(c.Offset)+c.BytesMax, len(s.madeBytes))
		chunk = raft.Chunk{
			Snapshot: s.made, Offset: c.Offset, Data: s.madeBytes[c.Offset:end:end], Done: end == len(s.madeBytes),
		}
		err = nil
	}
	w.cov.ChunksRead++
	n.core.ChunkRead(c, chunk, err)
	w.turn(n)
}

// makeSnapshot makes a snapshot of the state machine as it is.
func (w *world) makeSnapshot(n *node) {
	m := &n.machine
	s, can := n.core.SnapshotOf(n.log.id(m.applied))
	if !can {
		return
	}
	w.check.named(n, s)
	n.snapshots.made, n.snapshots.madeBytes = s, sealed(w.stream(n))
	w.cov.SnapshotsMade++
}

// stream returns the whole state of the machine.
func (w *world) stream(n *node) []byte {
	view, err := n.machine.kv.Snapshot()
	if err == nil && view.Index() != n.machine.applied {
		err = fmt.Errorf("view of %d, applied %d", view.Index(), n.machine.applied)
	}
	var state []byte
	if err == nil {
		err = errors.Join(view.Stream(func(b []byte) error {
			state = append(state, b...)
			return nil
		}), view.Close())
	}
	if err != nil {
		w.breach("the state machine works", "server %d: %v", n.id, err)
	}
	return state
}

// restore pays a Restore, once the log has begun anew.
func (w *world) restore(n *node, s *raft.Snapshot) {
	received := n.snapshots.received
	if received == nil || received.name.Last != s.Last {
		w.breach("promises of the core", "server %d restores %v, which was not received", n.id, s.Last)
		return
	}
	w.load(n, received.state, s.Last.Index)
	if w.crashAt(n) {
		return
	}
	w.atStore(n, func() {
		if n.snapshots.received == received {
			n.snapshots.received = nil
		}
	})
}

// load makes a streamed state the machine's, durably.
func (w *world) load(n *node, state []byte, index raft.Index) {
	m := &n.machine
	if err := m.kv.Restore(index, bytes.NewReader(state)); err != nil {
		w.breach("the state machine works", "server %d: restore: %v", n.id, err)
		return
	}
	m.applied, m.durable, m.durableIndex = index, state, index
	w.check.sameState(n)
}

// finishInstall does at a start what a crash has interrupted: a received snapshot is either not there or installed.
func (w *world) finishInstall(n *node) {
	received := n.snapshots.received
	if received == nil {
		return
	}
	last := received.name.Last
	w.cov.InstallsFinished++
	if n.machine.applied < last.Index {
		w.load(n, received.state, last.Index)
	}
	if n.disk.log.first.Index < last.Index {
		sum, known := w.check.sumAt(last)
		if !known {
			w.breach(ruleStateMachineSafety, "server %d restores a snapshot of %v, which is not committed", n.id, last)
			return
		}
		n.disk.begin(&received.name, sum)
	}
	n.snapshots.received = nil
}

// compact forgets the log that the durable state of the machine has, when there is enough of it.
func (w *world) compact(n *node) {
	m := &n.machine
	if !w.plan.classes.has(Compaction) || int(m.applied-n.log.first.Index) < w.plan.logEntriesMax {
		return
	}
	w.persistMachine(n)
	if w.crashAt(n) {
		return
	}
	s, can := n.core.Compact(n.log.id(m.durableIndex))
	if !can {
		return
	}
	w.cov.Compactions++
	w.check.named(n, s)
	if s.Last.Index > m.durableIndex || s.Last != n.log.id(s.Last.Index) {
		w.breach(ruleOrder, "server %d compacts up to %v, durable in the machine is %d", n.id, s.Last, m.durableIndex)
	}
	sum, _ := n.log.sum(s.Last.Index)
	n.log.compact(s.Last.Index)
	n.disk.writes = append(n.disk.writes, write{replace: &s, sum: sum})
	w.startSync(n)
}

// named checks the name of a snapshot: its entry is committed, and its configuration the one as of it.
func (k *checker) named(n *node, s raft.Snapshot) {
	if k.off {
		return
	}
	if _, known := k.sumAt(s.Last); !known {
		k.w.breach(ruleStateMachineSafety, "server %d has a snapshot of %v, which is not committed", n.id, s.Last)
	}
	want := k.configurations.at(s.Last.Index)
	if s.ConfigurationIndex != want.Index || !s.Configuration.Equal(want.Configuration) {
		k.w.breach(ruleConfigurations, "server %d has a snapshot of %v with configuration %v of %d, want %v of %d",
			n.id, s.Last, s.Configuration, s.ConfigurationIndex, want.Configuration, want.Index)
	}
}

// sumAt returns the sum of the committed log up to an entry, if that is committed.
func (k *checker) sumAt(id raft.EntryID) (uint64, bool) {
	if int(id.Index) > len(k.committed) || id.Index == 0 {
		return 0, false
	}
	c := &k.committed[id.Index-1]
	return c.sum, c.entry == id.Term
}
