package pebble

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/raftmark/raftmark/storage/storagetest"
)

// TestConformanceWithoutApplyNoSyncWait runs the suite over the ways to wait for a sync by documented calls alone: what
// the log would change to if the engine's experimental ones changed, see docs/adr/0012-batches-without-waiting.md.
func TestConformanceWithoutApplyNoSyncWait(t *testing.T) {
	for name, tune := range map[string]func() (tuning, func()){
		"Goroutine": logDataSync, "Waiter": waiterSync,
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storagetest.Disk { return tunedDisk(t, vfs.NewCrashableMem(), tune) })
		})
	}
}

// tunedDisk is memDisk with a tuning.
func tunedDisk(t *testing.T, fs *vfs.MemFS, tune func() (tuning, func())) storagetest.Disk {
	o := testOptions("/node").WithDefaults()
	var fault fault
	return storagetest.Disk{
		Open: func() (storagetest.Log, error) {
			tn, end := tune()
			t.Cleanup(end)
			l, err := openTuned(o, errorfs.Wrap(fs, &fault), tn)
			if err != nil {
				return nil, err
			}
			return &drained{l, end}, nil
		},
		Crash: func(percent int, seed uint64) storagetest.Disk {
			cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 0))}
			return tunedDisk(t, fs.CrashClone(cfg), tune)
		},
		Fail: fault.set,
	}
}

// drained is a log that syncs what is under way before the engine is closed, which does so by itself only for batches
// of its own.
type drained struct {
	*Log
	drain func()
}

func (l *drained) Close() error {
	l.drain()
	return l.Log.Close()
}
