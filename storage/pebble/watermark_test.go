package pebble

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// watermarkDisk counts the syncs of the watermark, and can hold them up or let them fail.
type watermarkDisk struct {
	vfs.FS
	syncs   atomic.Int64
	arrived chan struct{} // a sync is held up
	mu      sync.RWMutex  // locked: syncs are held up
	held    bool
	failing atomic.Bool
}

func newWatermarkDisk(base vfs.FS) *watermarkDisk {
	return &watermarkDisk{FS: base, arrived: make(chan struct{}, 100)}
}

// hold holds up syncs until release, which the test also defers, so that its end does not wait for them.
func (d *watermarkDisk) hold() {
	d.mu.Lock()
	d.held = true
}

func (d *watermarkDisk) release() {
	if d.held {
		d.held = false
		d.mu.Unlock()
	}
}

func (d *watermarkDisk) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, category, opts...)
	if err == nil && strings.HasSuffix(name, storage.WatermarkName) {
		return &watermarkDiskFile{f, d}, nil
	}
	return f, err
}

// forget forgets the syncs so far.
func (d *watermarkDisk) forget() {
	for len(d.arrived) > 0 {
		<-d.arrived
	}
}

// awaitSync waits for a sync to begin.
func (d *watermarkDisk) awaitSync(t *testing.T) {
	t.Helper()
	select {
	case <-d.arrived:
	case <-time.After(10 * time.Second):
		t.Fatal("the watermark is not synced")
	}
}

type watermarkDiskFile struct {
	vfs.File
	disk *watermarkDisk
}

func (f *watermarkDiskFile) SyncData() error {
	f.disk.syncs.Add(1)
	select {
	case f.disk.arrived <- struct{}{}:
	default:
	}
	f.disk.mu.RLock()
	defer f.disk.mu.RUnlock()
	if f.disk.failing.Load() {
		return syscall.EIO
	}
	return f.File.SyncData()
}

// openWatermarkDisk opens a log whose watermark's syncs can be watched, and appends one entry with a vote.
func openWatermarkDisk(t *testing.T, base vfs.FS, interval time.Duration) (*Log, *watermarkDisk) {
	t.Helper()
	disk := newWatermarkDisk(base)
	o := testOptions("/node")
	o.WatermarkSyncInterval = interval
	l, _ := writeLog(t, o, disk, 1)
	return l, disk
}

// TestOnlyVotesWaitForWatermark holds up the syncs of the watermark.
func TestOnlyVotesWaitForWatermark(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l, disk := openWatermarkDisk(t, fs, storage.WatermarkSyncAlways)
	defer l.Close()
	defer disk.release()
	waitForSync(t, l)
	disk.forget()
	disk.hold()
	last := raft.EntryID{Term: 1, Index: 4}
	for range 50 {
		s := testSpan(last, 1, 1)
		mustAppend(t, l, &raft.HardState{Term: 1, Vote: 1, Commit: last.Index}, s)
		last = s.Last()
	}
	if err := l.Compact(snapshotAt(1, 20)); err != nil {
		t.Fatal(err)
	}
	disk.awaitSync(t) // nobody waited for it
	for _, hs := range []raft.HardState{{Term: 2}, {Term: 2, Vote: 3}, {Term: 2, Vote: 3, Recover: last}} {
		wait, err := l.Append(&hs, nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- wait() }()
		select {
		case err := <-done:
			t.Fatalf("%+v: wait ended (%v) before the watermark was synced", hs, err)
		case <-time.After(20 * time.Millisecond):
		}
		disk.release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		disk.hold()
		raw := readFile(t, crashClone(fs, 0, 1), testWatermark)
		if w, err := readWatermark(vfs.NewMemFile(raw)); err != nil || w.newest.hardState() != hs {
			t.Errorf("after %+v was acknowledged the disk says %+v, %v", hs, w.newest, err)
		}
	}
	disk.release()
}

// TestNoSlotInUseIsWritten holds up a sync, and writes many marks beside it: the disk keeps a whole slot.
func TestNoSlotInUseIsWritten(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l, disk := openWatermarkDisk(t, fs, storage.WatermarkSyncAlways)
	defer l.Close()
	defer disk.release()
	last := raft.EntryID{Term: 1, Index: 4}
	for round := range 20 {
		waitForSync(t, l)
		disk.forget()
		disk.hold()
		synced := l.end.seq
		for i := range 5 {
			s := testSpan(last, 1, 1)
			mustAppend(t, l, nil, s)
			last = s.Last()
			if i == 1 {
				disk.awaitSync(t)
			}
		}
		l.watermark.mu.Lock()
		w := l.watermark
		if w.writing == w.synced || w.writing == w.syncing || w.synced == w.syncing {
			t.Errorf("round %d: slots synced %d, syncing %d, writing %d", round, w.synced, w.syncing, w.writing)
		}
		// What is being written now may be anything after a power loss.
		raw := readFile(t, fs, testWatermark)
		for _, slot := range []int{w.writing, w.syncing} {
			clear(raw[slot*markStride:][:markBytes/2])
		}
		l.watermark.mu.Unlock()
		if got, err := readWatermark(vfs.NewMemFile(raw)); err != nil || got.newest.seq != synced {
			t.Errorf("round %d: batch %d, %v, want %d", round, got.newest.seq, err, synced)
		}
		disk.release()
	}
}

// TestFailedSyncOfWatermarkStops fails it under an acknowledged append, and under a vote.
func TestFailedSyncOfWatermarkStops(t *testing.T) {
	for _, vote := range []bool{false, true} {
		l, disk := openWatermarkDisk(t, vfs.NewMem(), storage.WatermarkSyncAlways)
		waitForSync(t, l)
		disk.failing.Store(true)
		hs := raft.HardState{Term: 1, Vote: 1, Commit: 4}
		if vote {
			hs = raft.HardState{Term: 9, Vote: 2}
		}
		wait, err := l.Append(&hs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err = wait(); vote && !errors.Is(err, syscall.EIO) {
			t.Errorf("wait of a vote = %v, want EIO", err)
		}
		waitForFailure(t, l)
		syncs := disk.syncs.Load()
		next := testSpan(raft.EntryID{Term: 1, Index: 4}, 1, 1)
		if _, err := l.Append(nil, []raft.Span{next}); !errors.Is(err, syscall.EIO) {
			t.Errorf("append after it = %v, want EIO", err)
		}
		if err := l.Compact(snapshotAt(1, 2)); !errors.Is(err, syscall.EIO) {
			t.Errorf("compaction after it = %v, want EIO", err)
		}
		_ = l.Close()
		if again := disk.syncs.Load() - syncs; again > 0 {
			t.Errorf("%d syncs after the failed one", again)
		}
	}
}

// TestSyncsOfWatermarkAreRare counts them with a long interval.
func TestSyncsOfWatermarkAreRare(t *testing.T) {
	l, disk := openWatermarkDisk(t, vfs.NewMem(), storage.WatermarkSyncIntervalMax)
	last := raft.EntryID{Term: 1, Index: 4}
	before := disk.syncs.Load()
	for range 200 {
		s := testSpan(last, 1, 1)
		mustAppend(t, l, &raft.HardState{Term: 1, Vote: 1, Commit: last.Index}, s)
		last = s.Last()
	}
	if n := disk.syncs.Load() - before; n > 1 {
		t.Errorf("%d syncs, want 0 or 1 in the first minute", n)
	}
	before = disk.syncs.Load()
	w := l.watermark
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.done:
	default:
		t.Error("the goroutine lives after Close")
	}
	if n := disk.syncs.Load() - before; n != 1 {
		t.Errorf("%d syncs in Close, want 1", n)
	}
}

// TestWaitsOutstandingAtClose closes the log while a wait for the watermark is outstanding.
func TestWaitsOutstandingAtClose(t *testing.T) {
	l, disk := openWatermarkDisk(t, vfs.NewMem(), storage.WatermarkSyncAlways)
	defer disk.release()
	waitForSync(t, l)
	disk.forget()
	disk.hold()
	var waits []func() error
	for term := raft.Term(2); term < 5; term++ {
		wait, err := l.Append(&raft.HardState{Term: term}, nil)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
	}
	ended := make(chan error, len(waits)+1)
	go func() { ended <- waits[0]() }()
	disk.awaitSync(t)
	go func() { ended <- l.Close() }()
	disk.release()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for _, wait := range waits[1:] {
		if err := wait(); err != nil {
			t.Errorf("wait after Close = %v, want nil: Close waits for writes", err)
		}
	}
}

// waitForFailure waits until the log has stopped.
func waitForFailure(t *testing.T, l *Log) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); l.failure.Get() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the log did not stop")
		}
	}
}

// waitForSync waits until the watermark has synced all that was acknowledged.
func waitForSync(t *testing.T, l *Log) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		l.watermark.mu.Lock()
		durable := l.watermark.durable
		l.watermark.mu.Unlock()
		if durable == l.end.seq {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("watermark synced %d batches of %d", durable, l.end.seq)
		}
	}
}
