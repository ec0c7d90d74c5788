package pebble

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// watermark keeps in a file of its own how far the log is durable.
//
//	wait of a batch ──► note: write a slot ──► return          (waits for the sync only when the vote changed)
//	                             │ wake
//	goroutine ──► pause ──► sync ┘                             one sync in each interval, if anything was written
//
// A note writes to a slot that is neither the one synced last nor the one that is being synced, so that there is always
// a whole slot on the disk, and no note waits for a sync.
type watermark struct {
	failure  *storage.Failure
	interval time.Duration // 0: none

	file   vfs.File
	wake   chan struct{} // something was written
	urgent chan struct{} // somebody waits for the sync
	stop   chan struct{}
	done   chan struct{} // closed by the goroutine

	// mu keeps the fields below. It is held over the write of a slot, never over a sync.
	mu         sync.Mutex
	progressed *sync.Cond // durable or closed changed, or a sync failed
	noted      mark       // the newest
	durable    uint64     // the seq of the mark that was synced last
	dirty      bool       // noted is not synced, and no sync of it is under way
	closing    bool       // notes write no more
	closed     bool
	synced     int // slot. Invariant: synced != writing != syncing
	syncing    int // slot, or synced when no sync is under way
	writing    int // slot
	slot       [markBytes]byte
}

// newWatermark takes over f; what it says is durable as soon as the caller has called note and sync once. The goroutine
// begins with start.
func newWatermark(f watermarkFile, interval time.Duration, failure *storage.Failure) *watermark {
	if interval == storage.WatermarkSyncAlways {
		interval = 0
	}
	w := &watermark{
		failure: failure, interval: interval, file: f.File,
		wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
		noted: f.newest, synced: f.slot, syncing: f.slot, writing: (f.slot + 1) % markSlots,
	}
	w.progressed = sync.NewCond(&w.mu)
	return w
}

// set makes m what the file says, durably, before start or after the goroutine has ended.
func (w *watermark) set(m mark) error {
	w.mu.Lock()
	err := w.write(m)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return w.sync()
}

func (w *watermark) start() { go w.run() }

// note says that m is durable in the log. With urgent it returns when the watermark says so, durably. A watermark that
// is nil is not kept.
func (w *watermark) note(m mark, urgent bool) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// A compaction's wait may come in before that of an earlier append; and what comes after Close is in its mark.
	if m.seq > w.noted.seq && !w.closing {
		wasDirty := w.dirty
		if err := w.write(m); err != nil {
			return err
		}
		if !wasDirty {
			signal(w.wake)
		}
	}
	for urgent && w.durable < m.seq && !w.closed && w.failure.Get() == nil {
		signal(w.urgent)
		w.progressed.Wait()
	}
	if err := w.failure.Get(); err != nil {
		return err
	}
	if urgent && w.durable < m.seq {
		return fmt.Errorf("sync watermark: %w", raft.ErrClosed)
	}
	return nil
}

// signal fills c, which has room for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// write writes m to a slot that nothing depends on. It needs mu.
func (w *watermark) write(m mark) error {
	m.put(w.slot[:])
	_, err := w.file.WriteAt(w.slot[:], int64(w.writing)*markStride)
	if err != nil {
		return w.failure.Set(fmt.Errorf("write watermark: %w", err))
	}
	w.noted, w.dirty = m, true
	return w.failure.Get()
}

// run syncs what was noted, until stop.
func (w *watermark) run() {
	defer close(w.done)
	last := time.Time{}
	for {
		select {
		case <-w.wake:
		case <-w.stop:
			return
		}
		if !w.pause(w.interval - time.Since(last)) {
			return
		}
		_ = w.sync() // an error is sticky
		last = time.Now()
	}
}

// pause waits for d, or until a sync is urgent; false says to stop.
func (w *watermark) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.urgent:
	case <-w.stop:
		return false
	}
	return true
}

// sync makes durable what is noted.
func (w *watermark) sync() error {
	w.mu.Lock()
	if !w.dirty {
		w.mu.Unlock()
		return w.failure.Get()
	}
	w.dirty = false
	select {
	case <-w.urgent: // whoever it was wants what is noted
	default:
	}
	seq := w.noted.seq
	w.syncing = w.writing
	w.writing = markSlots - w.synced - w.syncing // the third one
	w.mu.Unlock()

	err := w.file.SyncData()

	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.progressed.Broadcast()
	if err != nil {
		err = w.failure.Set(fmt.Errorf("sync watermark: %w", err))
	}
	if err = errors.Join(err, w.failure.Get()); err != nil {
		return err
	}
	w.synced, w.durable = w.syncing, seq
	return nil
}

// close ends the goroutine, if there is one. With last, the file says so in the end, durably.
func (w *watermark) close(started bool, last *mark) error {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	if started {
		close(w.stop)
		<-w.done
	}
	var err error
	if last != nil && last.seq > w.durable {
		err = w.set(*last)
	}
	w.mu.Lock()
	w.closed = true
	w.progressed.Broadcast()
	w.mu.Unlock()
	return errors.Join(err, w.file.Close())
}
