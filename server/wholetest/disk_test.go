package wholetest

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// disk is what all nodes of one life are on: one crashable file system, so that one clone of it cuts all of them at one
// instant.
type disk struct {
	mem *vfs.MemFS
	fs  vfs.FS // mem, with every operation counted

	ops   atomic.Int64 // operations that write, since the life began
	cutAt atomic.Int64 // the power fails at this one; 0: when powerLoss is called
	// cutOn, when not nil, fails the power at the first operation that it picks. It is called concurrently.
	cutOn   func(op errorfs.Op) bool
	percent int // of what is not synced that survives
	seed    uint64
	// syncMax is how long a sync of a log may take, in virtual time: what is acknowledged meanwhile, is too early.
	syncMax time.Duration
	rngMu   sync.Mutex
	rng     *rand.Rand

	once  sync.Once
	dark  atomic.Bool   // what is acknowledged from now on may be lost
	cut   chan struct{} // closed when clone is there
	clone *vfs.MemFS
}

// newDisk returns a disk with what mem holds.
func newDisk(mem *vfs.MemFS, percent int, seed uint64) *disk {
	d := &disk{mem: mem, percent: percent, seed: seed, cut: make(chan struct{}), rng: rand.New(rand.NewPCG(seed, 0x5d))}
	d.fs = errorfs.Wrap(mem, errorfs.InjectorFunc(d.before))
	return d
}

// cutAfter lets the power fail at so many operations from now.
func (d *disk) cutAfter(operations int) { d.cutAt.Store(d.ops.Load() + int64(operations)) }

// before is called before each operation.
func (d *disk) before(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	d.takeTime(op)
	if d.ops.Add(1) == d.cutAt.Load() || d.cutOn != nil && d.cutOn(op) {
		d.powerLoss()
	}
	return nil
}

// takeTime lets a group sync of a log take its time. Other syncs take none: the engine holds mutexes meanwhile, and
// virtual time stands still while somebody waits for one.
func (d *disk) takeTime(op errorfs.Op) {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
	default:
		return
	}
	if d.syncMax == 0 || d.dark.Load() || !strings.HasSuffix(op.Path, ".log") || !inFlushLoop() {
		return
	}
	d.rngMu.Lock()
	takes := time.Duration(d.rng.Int64N(int64(d.syncMax)))
	d.rngMu.Unlock()
	time.Sleep(takes)
}

// inFlushLoop reports whether it is called by the engine's goroutine that syncs a log, which holds no mutex.
func inFlushLoop() bool {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, ".flushLoop") {
			return true
		}
		if !more {
			return false
		}
	}
}

// powerLoss takes the clone that the next life begins with. What was acknowledged before is durable on it, if the
// cluster is right: the flag is up before the clone is taken, so that nothing counts that is not in it. What this life
// goes on to write is seen by nobody.
func (d *disk) powerLoss() {
	d.once.Do(func() {
		d.dark.Store(true)
		d.clone = d.mem.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: d.percent, RNG: rand.New(rand.NewPCG(d.seed, 0xc1)),
		})
		close(d.cut)
	})
}
