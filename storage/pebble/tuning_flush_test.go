package pebble

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// The ways to hand a batch to the engine and to wait for it without ApplyNoSyncWait, see docs/adr/0012.

// flusher syncs on a goroutine of its own: what arrives during a sync shares the next.
type flusher struct {
	mu      sync.Mutex
	wake    *sync.Cond // for the goroutine
	done    *sync.Cond // for waits
	db      *pebble.DB
	batches []*pebble.Batch
	begun   uint64 // batches handed over
	synced  uint64
	err     error
	closed  bool
	running sync.WaitGroup
	flush   func(db *pebble.DB, batches []*pebble.Batch) error
}

func newFlusher(flush func(db *pebble.DB, batches []*pebble.Batch) error) *flusher {
	f := &flusher{flush: flush}
	f.wake, f.done = sync.NewCond(&f.mu), sync.NewCond(&f.mu)
	f.running.Add(1)
	go f.run()
	return f
}

func (f *flusher) run() {
	defer f.running.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		for f.begun == f.synced && !f.closed {
			f.wake.Wait()
		}
		if f.begun == f.synced {
			return
		}
		upto, batches, db := f.begun, f.batches, f.db
		f.batches = nil
		f.mu.Unlock()
		err := guarded(func() error { return f.flush(db, batches) })
		f.mu.Lock()
		f.synced, f.err = upto, errors.Join(f.err, err)
		f.done.Broadcast()
	}
}

// guarded makes an error of a panic: of a call of an engine that was closed meanwhile, which db.Close cannot wait for.
func guarded(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("engine: %v", r)
		}
	}()
	return call()
}

func (f *flusher) submit(db *pebble.DB, batch *pebble.Batch) func() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.db = db
	if batch != nil {
		f.batches = append(f.batches, batch)
	}
	f.begun++
	mine := f.begun
	f.wake.Signal()
	return func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for f.synced < mine {
			f.done.Wait()
		}
		return f.err
	}
}

func (f *flusher) close() {
	f.mu.Lock()
	f.closed = true
	f.wake.Signal()
	f.mu.Unlock()
	f.running.Wait()
}

// mergedApply writes all that waits as one batch, with Apply and Sync: a batch is in the log only when its sync begins.
func mergedApply() (tuning, func()) {
	f := newFlusher(func(db *pebble.DB, batches []*pebble.Batch) error {
		first := batches[0]
		var err error
		for _, b := range batches[1:] {
			err = errors.Join(err, first.Apply(b, nil), b.Close())
		}
		return errors.Join(err, db.Apply(first, pebble.Sync), first.Close())
	})
	return tuning{submit: func(db *pebble.DB, batch *pebble.Batch) (func() error, error) {
		return f.submit(db, batch), nil
	}}, f.close
}

// logDataSync applies at once without a sync; a goroutine of its own then writes empty records, with Sync.
func logDataSync() (tuning, func()) {
	f := newFlusher(func(db *pebble.DB, _ []*pebble.Batch) error { return db.LogData(nil, pebble.Sync) })
	return tuning{submit: func(db *pebble.DB, batch *pebble.Batch) (func() error, error) {
		if err := errors.Join(db.Apply(batch, pebble.NoSync), batch.Close()); err != nil {
			return nil, err
		}
		return f.submit(db, nil), nil
	}}, f.close
}

// waiterSync is logDataSync without the goroutine: whoever waits first syncs all that is there. Waits are made in
// order, from one goroutine.
func waiterSync() (tuning, func()) {
	var mu sync.Mutex
	var begun, synced uint64
	var used *pebble.DB
	syncUpto := func(mine uint64) error {
		mu.Lock()
		upto, db, enough := begun, used, synced >= mine
		mu.Unlock()
		if enough {
			return nil
		}
		if err := guarded(func() error { return db.LogData(nil, pebble.Sync) }); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		synced = max(synced, upto)
		return nil
	}
	return tuning{submit: func(db *pebble.DB, batch *pebble.Batch) (func() error, error) {
		if err := errors.Join(db.Apply(batch, pebble.NoSync), batch.Close()); err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		used = db
		begun++
		mine := begun
		return func() error { return syncUpto(mine) }, nil
	}}, func() { _ = syncUpto(begun) }
}
