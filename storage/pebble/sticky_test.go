package pebble

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
)

// A log that cannot be read takes no more writes, and says so to whoever watches it.
func TestReadErrorIsSticky(t *testing.T) {
	o := storage.Options{Dir: "node", Cluster: "test", Node: 1, WALPrimeBytes: storage.WALPrimeOff}
	fs := faultfs.New(vfs.NewMem())
	l, err := OpenFS(o, fs)
	if err == nil {
		_, err = l.Load()
	}
	if err != nil {
		t.Fatal(err)
	}
	write := func(prev raft.EntryID) (raft.EntryID, error) {
		span := raft.Span{Prev: prev, Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, 100<<10)}}}
		wait, err := l.Append(&raft.HardState{Term: 1}, []raft.Span{span})
		if err == nil {
			err = wait()
		}
		return span.Last(), err
	}
	last, err := write(raft.EntryID{})
	if err = errors.Join(err, l.db.Flush()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(0, 2, 1<<20); !errors.Is(err, raft.ErrOutOfRange) || l.Failure().Get() != nil {
		t.Errorf("a read beyond the end: %v, failure %v, want none", err, l.Failure().Get())
	}
	tables := faultfs.Rule{Op: faultfs.Read, Path: ".sst", Action: faultfs.Error, Count: 1}
	if err := fs.Add(tables); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(0, 1, 1<<20); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Read = %v, want EIO", err)
	}
	select {
	case <-l.Failure().Failed():
	default:
		t.Error("no failure")
	}
	if _, err := write(last); !errors.Is(err, syscall.EIO) {
		t.Errorf("Append after it: %v, want EIO", err)
	}
	_ = l.Close()
	fs.Clear()
	if l, err = OpenFS(o, fs); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := fs.Add(tables); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Load = %v, want EIO", err)
	}
}
