package pebble

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/sweep"
)

// damages are what happens to a file from offset on.
func damages() map[string]func(raw []byte, offset int) []byte {
	return map[string]func(raw []byte, offset int) []byte{
		"bit flipped": func(raw []byte, offset int) []byte {
			raw[offset] ^= 1 << (offset % 8)
			return raw
		},
		"4 KiB zeroed": func(raw []byte, offset int) []byte {
			clear(raw[offset:min(len(raw), offset+4096)])
			return raw
		},
		"truncated": func(raw []byte, offset int) []byte { return raw[:offset] },
	}
}

// TestSweepDamageOfLastBlock damages the last block of the WAL, after a crash of the process and after one of the
// machine. The engine takes it for a torn tail; the watermark knows better.
func TestSweepDamageOfLastBlock(t *testing.T) {
	s := sweep.Start(t, "log: last block of the WAL damaged")
	o := testOptions("/node")
	o.WatermarkSyncInterval = storage.WatermarkSyncAlways
	fs := vfs.NewCrashableMem()
	l, last := writeLog(t, o, fs, 900)
	defer l.Close()
	waitForSync(t, l)
	for _, percent := range []int{0, 100} {
		crashed := crashClone(fs, percent, 1)
		wal, used := largestWAL(t, crashed)
		raw := readFile(t, crashed, wal)
		begin := max(used/walBlockBytes-1, 0) * walBlockBytes
		step := s.Pick(2003, 61)
		for name, damage := range damages() {
			s.Each((used-begin)/step, func(i int) error {
				offset := used - 1 - i*step
				clone := crashClone(crashed, 100, 1)
				writeFile(t, clone, wal, damage(append([]byte(nil), raw...), offset))
				s.Clone()
				s.Fault(name)
				had := raft.LogState{HardState: raft.HardState{Term: 1, Vote: 1}, Last: last}
				outcome, err := afterDamage(o, clone, had)
				if err != nil {
					return fmt.Errorf("%s at %d of %d, crash with %d %%: %w", name, offset, used, percent, err)
				}
				s.Outcome(outcome)
				return nil
			})
		}
	}
}

// afterDamage opens and loads a damaged log that held had, and says what became of it; that its loss is silent is an
// error.
func afterDamage(o storage.Options, fs vfs.FS, had raft.LogState) (outcome string, err error) {
	l, err := OpenFS(o, fs)
	if errors.Is(err, storage.ErrCorrupt) {
		return "refused", nil
	}
	if err != nil {
		return "", err
	}
	defer l.Close()
	got, err := l.Load()
	switch hs := got.HardState; {
	case errors.Is(err, storage.ErrCorrupt):
		return "refused", nil
	case err != nil:
		return "", err
	case hs.Term != had.HardState.Term || hs.Vote != had.HardState.Vote:
		return "", fmt.Errorf("term %d, vote %d, want %d, %d", hs.Term, hs.Vote, had.HardState.Term, had.HardState.Vote)
	case hs.Recover == (raft.EntryID{}) && got.Last == had.Last:
		return "no difference", nil
	case hs.Recover == (raft.EntryID{}):
		return "", fmt.Errorf("silent: log ends in %v, want %v", got.Last, had.Last)
	case !hs.Recover.UpToDate(got.Last):
		return "", fmt.Errorf("recovers up to %v, and the log ends in %v", hs.Recover, got.Last)
	}
	return "recovers", nil
}

// TestCrashWhileLossIsRecorded crashes at every change of the disk while a short log is opened for the first time.
func TestCrashWhileLossIsRecorded(t *testing.T) {
	for _, percent := range []int{0, 10, 50, 100} {
		fs, had := lost(t)
		crashes := 0
		disk := sweep.NewFS(fs, func(op sweep.Op) *sweep.Fault {
			if !op.Kind.Changes() {
				return nil
			}
			crashes++
			l, err := OpenFS(testOptions("/node"), crashClone(fs, percent, uint64(crashes)))
			if err != nil {
				t.Errorf("%d %%, before %v: %v", percent, op, err)
				return nil
			}
			defer l.Close()
			got, err := l.Load()
			if hs := got.HardState; err != nil || hs != (raft.HardState{Term: 4, Vote: 1, Recover: had}) {
				t.Errorf("%d %%, before %v: %+v, %v", percent, op, got, err)
			}
			return nil
		})
		if got := mustReload(t, testOptions("/node"), disk); got.HardState.Recover != had {
			t.Errorf("%+v, want to recover up to %v", got, had)
		}
		if crashes < 10 {
			t.Errorf("%d crashes, too few for the test", crashes)
		}
	}
}

// TestWatermarkIsCreatedOnce crashes at every change of the disk until a new log has its first entry: afterwards there
// is a watermark or a log without a batch.
func TestWatermarkIsCreatedOnce(t *testing.T) {
	for _, percent := range []int{0, 50, 100} {
		fs := vfs.NewCrashableMem()
		crashes := 0
		disk := sweep.NewFS(fs, func(op sweep.Op) *sweep.Fault {
			if !op.Kind.Changes() {
				return nil
			}
			crashes++
			l, err := OpenFS(testOptions("/node"), crashClone(fs, percent, uint64(crashes)))
			if err != nil {
				return nil // the engine's own files, which are not the subject
			}
			defer l.Close()
			if state, err := l.Load(); err != nil || state.HardState.Recover != (raft.EntryID{}) {
				t.Errorf("%d %%, before %v: Load() = %+v, %v", percent, op, state, err)
			}
			return nil
		})
		l := openTest(t, disk)
		mustLoad(t, l)
		fill(t, l, 1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if crashes < 20 {
			t.Errorf("%d crashes, too few for the test", crashes)
		}
	}
}
