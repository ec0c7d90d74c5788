package wholetest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

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

	once  sync.Once
	dark  atomic.Bool   // what is acknowledged from now on may be lost
	cut   chan struct{} // closed when clone is there
	clone *vfs.MemFS
}

// newDisk returns a disk with what mem holds.
func newDisk(mem *vfs.MemFS, percent int, seed uint64) *disk {
	d := &disk{mem: mem, percent: percent, seed: seed, cut: make(chan struct{})}
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
	if d.ops.Add(1) == d.cutAt.Load() || d.cutOn != nil && d.cutOn(op) {
		d.powerLoss()
	}
	return nil
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
