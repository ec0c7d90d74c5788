package replica

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/raftmark/raftmark/raft"
)

// snapshotFiles guards the port: the snapshots' goroutine and, to open what was received, the applier use it.
type snapshotFiles struct {
	mu     sync.Mutex
	port   Snapshots
	stores atomic.Int32 // chunks that wait to be stored; they go before the creating of a snapshot
}

// snapshotTask is what the snapshots' goroutine is to do next, one of these. The core's window bounds the chunks.
type snapshotTask struct {
	read    *raft.ReadChunk
	store   *raft.StoreChunk
	discard raft.EntryID // the received snapshot, when it is still this one
}

// chunkRead and chunkStored are debts paid.
type chunkRead struct {
	want  raft.ReadChunk
	chunk raft.Chunk
	err   error
}

type chunkStored struct {
	store raft.StoreChunk
	err   error
}

// handOverChunks hands over what the Ready at hand wants of snapshots.
func (l *loop) handOverChunks() {
	for i := range l.ready.ReadChunks {
		want := l.ready.ReadChunks[i]
		l.snapshotTasks.put(snapshotTask{read: &want})
	}
	for i := range l.ready.StoreChunks {
		store := l.ready.StoreChunks[i]
		l.snapshots.stores.Add(1)
		l.snapshotTasks.put(snapshotTask{store: &store})
	}
}

// runSnapshots reads, creates and stores snapshots, beside the loop.
func (r *Replica) runSnapshots() {
	defer r.running.Done()
	var tasks []snapshotTask
	for {
		var ok bool
		if tasks, ok = r.snapshotTasks.take(tasks); !ok {
			return
		}
		for i := range tasks {
			r.doSnapshot(&tasks[i])
		}
	}
}

func (r *Replica) doSnapshot(t *snapshotTask) {
	switch {
	case t.read != nil:
		done := chunkRead{want: *t.read}
		if done.chunk, done.err = r.readChunk(t.read); done.err != nil {
			r.meter.snapshotsAborted.Add(1)
			r.logger.Warn("read a snapshot for a follower", "peer", t.read.To, "err", done.err)
		}
		r.inbox.post(func(w *work) { w.chunksRead = append(w.chunksRead, done) })
	case t.store != nil:
		done := chunkStored{store: *t.store, err: r.storeChunk(t.store)}
		r.inbox.post(func(w *work) { w.chunksStored = append(w.chunksStored, done) })
	default:
		if err := r.discard(t.discard); err != nil {
			r.logger.Warn("discard a snapshot", "index", t.discard.Index, "err", err)
		}
	}
}

// readChunk reads a part of the created snapshot, which is created first when the one there is does not reach far
// enough.
func (r *Replica) readChunk(want *raft.ReadChunk) (raft.Chunk, error) {
	of := want.Of
	if of == (raft.EntryID{}) {
		created, err := r.create(want)
		if err != nil {
			return raft.Chunk{}, fmt.Errorf("create a snapshot: %w", err)
		}
		of = created.Last
	}
	r.snapshots.mu.Lock()
	defer r.snapshots.mu.Unlock()
	return r.snapshots.port.Read(of, want.Offset, want.BytesMax)
}

func (r *Replica) create(want *raft.ReadChunk) (raft.Snapshot, error) {
	r.snapshots.mu.Lock()
	created, ok := r.snapshots.port.Created()
	r.snapshots.mu.Unlock()
	if ok && created.Last.Index >= want.NotBelow {
		return created, nil
	}
	if !r.stillWanted(want) {
		return raft.Snapshot{}, errNotWanted
	}
	if why := r.Room(); why != nil {
		return raft.Snapshot{}, why
	}
	view, name, err := r.viewForSnapshot()
	if err != nil {
		return raft.Snapshot{}, err
	}
	r.snapshots.mu.Lock()
	err = r.snapshots.port.Create(name, func(write func([]byte) error) error {
		return view.Stream(func(piece []byte) error {
			if r.stopping() || r.snapshots.stores.Load() > 0 {
				return errNotWanted
			}
			if why := r.Room(); why != nil {
				return why
			}
			return write(piece)
		})
	})
	r.snapshots.mu.Unlock()
	if closeErr := view.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		r.meter.snapshotsCreated.Add(1)
	}
	return name, err
}

// errNotWanted says that a snapshot is not wanted any more: this server does not lead, or stops.
var errNotWanted = fmt.Errorf("snapshot is not wanted: %w", raft.ErrNotLeader)

// stillWanted reports whether this server leads the term that a chunk was wanted in: creating a snapshot is much work.
func (r *Replica) stillWanted(want *raft.ReadChunk) bool {
	leads := false
	err := r.command(func(l *loop) { leads = l.core.Role() == raft.Leader && l.core.Term() == want.Term })
	return err == nil && leads
}

// viewForSnapshot takes a view of the machine, and the name that a snapshot of it has.
func (r *Replica) viewForSnapshot() (raft.View, raft.Snapshot, error) {
	type taken struct {
		view raft.View
		last raft.EntryID
		err  error
	}
	answer := make(chan taken, 1)
	r.handOverApply(applyTask{view: func(view raft.View, last raft.EntryID, err error) {
		answer <- taken{view, last, err}
	}})
	t := <-answer // the applier answers, or whoever ends it
	if t.err != nil {
		return nil, raft.Snapshot{}, fmt.Errorf("view the state machine: %w", t.err)
	}
	var name raft.Snapshot
	known := false
	if r.command(func(l *loop) { name, known = l.core.SnapshotOf(t.last) }) == nil && known {
		return t.view, name, nil
	}
	_ = t.view.Close() // nothing was written
	return nil, raft.Snapshot{}, errNotWanted
}

func (r *Replica) storeChunk(s *raft.StoreChunk) error {
	r.snapshots.mu.Lock()
	err := r.snapshots.port.Store(s.Chunk)
	r.snapshots.mu.Unlock()
	r.snapshots.stores.Add(-1)
	r.meter.snapshotBytesReceived.Add(uint64(len(s.Chunk.Data)))
	switch {
	case err != nil:
		r.meter.snapshotsAborted.Add(1)
		r.logger.Warn("store a snapshot", "peer", s.From, "err", err)
	case s.Chunk.Done:
		r.meter.snapshotsReceived.Add(1)
	}
	return err
}

// discard removes the received snapshot, unless a newer one has taken its place.
func (r *Replica) discard(id raft.EntryID) error {
	r.snapshots.mu.Lock()
	defer r.snapshots.mu.Unlock()
	received, state, ok, err := r.snapshots.port.Received()
	if err != nil || !ok {
		return err
	}
	if err := state.Close(); err != nil || received.Last != id {
		return err
	}
	return r.snapshots.port.Discard()
}
