package replica

import (
	"fmt"
	"io"

	"github.com/raftmark/raftmark/raft"
)

// install is a received snapshot on its way into the place of log and machine. It was stored durably, and is discarded
// when the rest is done: what a crash interrupts is done again at the next start (see boot.go).
//
//	writer      the log begins anew after it
//	applier     the machine is restored from it
//	snapshots'  it is discarded
type install struct {
	snapshot raft.Snapshot
	logged   chan struct{} // closed by the writer
}

// chunkStored tells the core that a chunk was stored.
func (l *loop) chunkStored(done *chunkStored) {
	if done.err == nil && done.store.Chunk.Done {
		l.received = done.store.Chunk.Snapshot.Last
	}
	l.core.ChunkStored(done.store, done.err)
}

// handOverInstall begins to install the snapshot that the Ready at hand restores. It comes before what else is handed
// over.
func (l *loop) handOverInstall() *install {
	if l.ready.Restore == nil {
		return nil
	}
	in := &install{snapshot: *l.ready.Restore, logged: make(chan struct{})}
	l.received = raft.EntryID{}
	l.size.truncate(0)
	refuse(l.pending, ErrUnknown) // their entries are gone, here
	l.pending, l.pendingBytes = emptied(l.pending), 0
	l.handOverApply(applyTask{install: in})
	return in
}

// discardUnwanted drops a received snapshot that the core has no use for, because its log got there first.
func (l *loop) discardUnwanted() {
	if l.received != (raft.EntryID{}) && l.received.Index <= l.core.CommitIndex() {
		l.snapshotTasks.put(snapshotTask{discard: l.received})
		l.received = raft.EntryID{}
	}
}

// install restores the machine, when the log is ready for it.
func (a *applier) install(in *install) error {
	select {
	case <-in.logged:
	case <-a.stop:
		return raft.ErrClosed
	}
	last := in.snapshot.Last
	if err := a.restore(last); err != nil {
		return fmt.Errorf("restore the state machine from the snapshot of %v: %w", last, err)
	}
	a.applied, a.since, a.compactedAt = last, logSize{}, last.Index
	a.snapshotTasks.put(snapshotTask{discard: last})
	a.noteInstalled(last)
	return nil
}

func (r *Replica) noteInstalled(last raft.EntryID) {
	r.meter.installed.Add(1)
	r.inbox.post(func(w *work) { w.installed = append(w.installed, last) })
}

func (a *applier) restore(last raft.EntryID) error {
	a.snapshots.mu.Lock()
	received, state, ok, err := a.snapshots.port.Received()
	a.snapshots.mu.Unlock()
	if err != nil {
		return err
	}
	if !ok || received.Last != last {
		if ok {
			_ = state.Close() // nothing was read
		}
		return fmt.Errorf("received is the one of %v: %w", received.Last, raft.ErrOutOfRange)
	}
	err = a.machine.Restore(last.Index, stoppable{Reader: state, stopping: a.stopping})
	if closeErr := state.Close(); err == nil {
		err = closeErr
	}
	return err
}

// stoppable is a reader that ends with an error when the replica stops.
type stoppable struct {
	io.Reader
	stopping func() bool
}

// Read implements io.Reader.
func (s stoppable) Read(p []byte) (int, error) {
	if s.stopping() {
		return 0, raft.ErrClosed
	}
	return s.Reader.Read(p)
}
