package pebble

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/storagetest"
)

func TestConformanceOnDisk(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Disk {
		o := testOptions(t.TempDir())
		return storagetest.Disk{Open: func() (storagetest.Log, error) { return Open(o) }}
	})
}

func TestConformanceNoSync(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Disk {
		o := testOptions(t.TempDir())
		o.Sync = storage.SyncNone
		return storagetest.Disk{Open: func() (storagetest.Log, error) { return Open(o) }}
	})
}

func TestConformanceOnCrashableMemory(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Disk { return memDisk(vfs.NewCrashableMem(), 0) })
}

// TestConformancePrimed crashes with recycled WALs.
func TestConformancePrimed(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Disk { return memDisk(vfs.NewCrashableMem(), 64<<10) })
}

// testOptions are small, for tests that open often.
func testOptions(dir string) storage.Options {
	return storage.Options{
		Dir: dir, Cluster: "test", Node: 1, WALPrimeBytes: storage.WALPrimeOff, MemTableBytes: storage.MemTableBytesMin,
		CacheBytes: storage.CacheBytesMin,
	}
}

// memDisk is a disk in memory that can crash and fail.
func memDisk(fs *vfs.MemFS, primeBytes int) storagetest.Disk {
	o := testOptions("/node")
	if primeBytes > 0 {
		o.WALPrimeBytes = primeBytes
	}
	var fault fault
	return storagetest.Disk{
		Open: func() (storagetest.Log, error) { return OpenFS(o, newFaultyFS(fs, &fault)) },
		Crash: func(percent int, seed uint64) storagetest.Disk {
			cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 0))}
			return memDisk(fs.CrashClone(cfg), primeBytes)
		},
		Fail: fault.set,
	}
}

// fault injects an error into writes and syncs, from when it is set or after a number of them.
type fault struct {
	mu        sync.Mutex
	err       error
	after     int // operations that still succeed
	seen      int
	hitReused int // faults of recycled WALs
}

func (f *fault) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// faultyFS is errorfs with what that leaves out: a file that is opened by ReuseForWrite, as a recycled WAL is, comes
// back from it without a wrapper, so no write or sync of it would fail.
type faultyFS struct {
	*errorfs.FS
	fault *fault
}

func newFaultyFS(base vfs.FS, f *fault) *faultyFS {
	return &faultyFS{FS: errorfs.Wrap(base, f), fault: f}
}

func (f *faultyFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	if err != nil {
		return nil, err
	}
	return errorfs.WrapFile(file, reusedFault{f.fault}), nil
}

// reusedFault counts what is done to recycled WALs.
type reusedFault struct{ *fault }

func (f reusedFault) MaybeError(op errorfs.Op) error {
	err := f.fault.MaybeError(op)
	if err != nil {
		f.fault.mu.Lock()
		f.fault.hitReused++
		f.fault.mu.Unlock()
	}
	return err
}

// MaybeError implements errorfs.Injector.
func (f *fault) MaybeError(op errorfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || strings.HasSuffix(op.Path, "LOCK") {
		return nil
	}
	f.seen++
	if f.err == nil || f.seen <= f.after {
		return nil
	}
	return f.err
}

// String implements errorfs.Injector.
func (f *fault) String() string { return "fault" }
