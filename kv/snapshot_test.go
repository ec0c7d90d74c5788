package kv

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// TestViewDoesNotChange holds views while commands are applied and a restore replaces everything.
func TestViewDoesNotChange(t *testing.T) {
	for _, kind := range machines {
		rng := rand.New(rand.NewPCG(11, 12))
		m := filled(t, kind, rng, 100)
		other := filled(t, "mem", rng, 400)
		type held struct {
			view raft.View
			want []byte
		}
		var views []held
		hold := func() {
			views = append(views, held{mustSnapshot(t, m), streamOf(t, m)})
			if got, _ := m.Applied(); views[len(views)-1].view.Index() != got {
				t.Errorf("%s: view of %d, want %d", kind, views[len(views)-1].view.Index(), got)
			}
		}
		check := func() {
			for i, v := range views {
				if !bytes.Equal(streamOfView(t, v.view), v.want) {
					t.Fatalf("%s: view %d changed", kind, i)
				}
			}
		}
		for range 5 {
			hold()
			hold() // of the same state
			for range 40 {
				mustApply(t, m, randomCommand(rng))
			}
			check()
		}
		model := NewMem()
		applied, _ := m.Applied()
		mustRestore(t, model, applied, streamOf(t, m))
		sameHash(t, m, model)
		hold()
		index, _ := other.Applied()
		mustRestore(t, m, index, streamOf(t, other))
		hold()
		for range 40 {
			c := randomCommand(rng)
			mustApply(t, m, c)
			mustApply(t, other, c)
		}
		check()
		for len(views) > 0 {
			v := views[0]
			if err := errors.Join(v.view.Persist(), v.view.Close()); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			if err := v.view.Stream(func([]byte) error { return nil }); !errors.Is(err, raft.ErrClosed) {
				t.Errorf("%s: Stream after Close = %v", kind, err)
			}
			views = views[1:]
			mustApply(t, m, AppendIncr(nil, []byte("n")))
			mustApply(t, other, AppendIncr(nil, []byte("n")))
			sameHash(t, m, other)
			check()
		}
	}
}

// TestStreamReturnsTheErrorOfWrite, and nothing more is written.
func TestStreamReturnsTheErrorOfWrite(t *testing.T) {
	full := errors.New("full")
	for _, kind := range machines {
		m := newMachine(t, kind)
		for i := range 8 {
			mustApply(t, m, AppendSet(nil, []byte{byte(i)}, make([]byte, streamPieceBytes), 0))
		}
		calls := 0
		err := mustSnapshot(t, m).Stream(func([]byte) error {
			calls++
			return full
		})
		if !errors.Is(err, full) || calls != 1 {
			t.Errorf("%s: Stream = %v after %d calls", kind, err, calls)
		}
		mustApply(t, m, AppendSet(nil, []byte("k"), nil, 0)) // nothing is broken
	}
}

// TestCloseEndsViews closes the machine while a view streams.
func TestCloseEndsViews(t *testing.T) {
	m := newMachine(t, "pebble")
	for i := range 8 {
		mustApply(t, m, AppendSet(nil, []byte{byte(i)}, make([]byte, streamPieceBytes), 0))
	}
	v, idle := mustSnapshot(t, m), mustSnapshot(t, m)
	closed, pieces := make(chan error, 1), 0
	err := v.Stream(func([]byte) error {
		if pieces++; pieces > 1 {
			return nil
		}
		go func() { closed <- m.Close() }()
		deadline := time.Now().Add(10 * time.Second)
		for !v.(*pebbleView).ending.Load() && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		return nil
	})
	if !errors.Is(err, raft.ErrClosed) {
		t.Errorf("Stream while the machine closes = %v, want ErrClosed", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := idle.Persist(); !errors.Is(err, raft.ErrClosed) {
		t.Errorf("Persist after Close = %v, want ErrClosed", err)
	}
	if _, err := m.Snapshot(); !errors.Is(err, raft.ErrClosed) {
		t.Errorf("Snapshot after Close = %v, want ErrClosed", err)
	}
	if err := m.Restore(1, bytes.NewReader(nil)); err == nil {
		t.Error("Restore after Close succeeds")
	}
}

// crashEverywhere runs work on the machine in a file system, and gives check what a crash before each of
// its operations on the disk leaves, and what is there at the end.
func crashEverywhere[M any](
	t *testing.T, open func(vfs.FS) M, prepare, work func(M), check func(fs *vfs.MemFS, when string),
) {
	t.Helper()
	base := vfs.NewCrashableMem()
	rng := rand.New(rand.NewPCG(13, 14))
	var mu sync.Mutex // the engine writes from goroutines of its own
	on := false
	var crashed []*vfs.MemFS
	fs := errorfs.Wrap(base, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if on && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			for _, percent := range []int{0, 50, 100} {
				crashed = append(crashed, base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}))
			}
		}
		return nil
	}))
	m := open(fs)
	prepare(m)
	watch := func(yes bool) {
		mu.Lock()
		defer mu.Unlock()
		on = yes
	}
	watch(true)
	work(m)
	watch(false)
	if len(crashed) == 0 {
		t.Fatal("nothing was written")
	}
	for i, fs := range crashed {
		check(fs, fmt.Sprintf("crash %d of %d", i+1, len(crashed)))
	}
	check(base.CrashClone(vfs.CrashCloneCfg{}), "afterwards")
}

// TestCrashDuringRestore: each crash leaves a state that was there before, or the new one.
func TestCrashDuringRestore(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	source := filled(t, "mem", rng, 300)
	index, hash, err := source.Hash()
	if err != nil {
		t.Fatal(err)
	}
	stream := streamOf(t, source)
	var log [][]byte
	for range 60 {
		log = append(log, randomCommand(rng))
	}
	states, model := map[raft.Index]Hash{}, NewMem()
	for i := 0; ; i++ {
		_, h, err := model.Hash()
		if err != nil {
			t.Fatal(err)
		}
		states[raft.Index(i)] = h
		if i == len(log) {
			break
		}
		mustApply(t, model, log[i])
	}
	states[index] = hash

	outcomes := map[raft.Index]int{}
	crashEverywhere(t, func(fs vfs.FS) *Pebble { return openMem(t, fs) },
		func(m *Pebble) {
			mustApply(t, m, log[:40]...)
			persist(t, m)
			mustApply(t, m, log[40:]...)
		},
		func(m *Pebble) { mustRestore(t, m, index, stream) },
		func(fs *vfs.MemFS, when string) {
			m := openMem(t, fs)
			applied, hash, err := m.Hash()
			if want, known := states[applied]; err != nil || !known || hash != want {
				t.Fatalf("%s: hash %v at %d, %v", when, hash, applied, err)
			}
			if when == "afterwards" && applied != index {
				t.Errorf("the restored state is not durable: %d", applied)
			}
			if _, err := fs.List(fs.PathJoin("kv", tablesName)); err == nil {
				t.Errorf("%s: half a restore is left after opening", when)
			}
			outcomes[applied]++
			mustRestore(t, m, index, stream) // again, as after a crash
			if err := m.Close(); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		})
	if outcomes[40] == 0 || outcomes[index] < 2 {
		t.Errorf("crashes led to %v; the test shows nothing", outcomes)
	}
}

// TestCrashDuringPersist: after Persist returned, no crash takes Pebble or a machine in memory below it.
func TestCrashDuringPersist(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	var log [][]byte
	for range 60 {
		log = append(log, AppendSet(nil, fmt.Appendf(nil, "%d", rng.IntN(30)), []byte{byte(len(log))}, 0))
	}
	prepare := func(m machine) {
		mustApply(t, m, log[:20]...)
		persist(t, m)
		mustApply(t, m, log[20:]...)
	}
	for kind, open := range durableMachines(t) {
		var late raft.View
		crashEverywhere(t, open, prepare,
			func(m machine) {
				late = mustSnapshot(t, m)
				persist(t, m)
				if err := late.Persist(); err != nil { // of what is durable already
					t.Error(err)
				}
			},
			func(fs *vfs.MemFS, when string) {
				m, model := open(fs), NewMem()
				applied, err := m.Applied()
				if err != nil || applied < 20 || when == "afterwards" && applied != 60 {
					t.Fatalf("%s: %s: applied %d, %v", kind, when, applied, err)
				}
				if kind != "null" {
					mustApply(t, model, log[:applied]...)
					sameHash(t, m, model)
				}
				_ = m.Close()
			})
	}
}

// durableMachines returns what opens each kind of machine in a file system.
func durableMachines(t *testing.T) map[string]func(vfs.FS) machine {
	must := func(m machine, err error) machine {
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	return map[string]func(vfs.FS) machine{
		"pebble": func(fs vfs.FS) machine { return openMem(t, fs) },
		"mem":    func(fs vfs.FS) machine { m, err := OpenMem(MemOptions{Dir: "kv", FS: fs}); return must(m, err) },
		"null":   func(fs vfs.FS) machine { m, err := OpenNull(MemOptions{Dir: "kv", FS: fs}); return must(m, err) },
	}
}

// TestCrashDuringRestoreInMemory is TestCrashDuringRestore of the machines that are in memory.
func TestCrashDuringRestoreInMemory(t *testing.T) {
	source := filled(t, "mem", rand.New(rand.NewPCG(19, 20)), 50)
	index, _ := source.Applied()
	stream := streamOf(t, source)
	for kind, open := range durableMachines(t) {
		if kind == "pebble" {
			continue
		}
		crashEverywhere(t, open, func(m machine) { mustApply(t, m, nil, nil); persist(t, m) },
			func(m machine) { mustRestore(t, m, index, stream) },
			func(fs *vfs.MemFS, when string) {
				m := open(fs)
				applied, err := m.Applied()
				if err != nil || applied != 2 && applied != index || when == "afterwards" && applied != index {
					t.Errorf("%s: %s: applied %d, %v", kind, when, applied, err)
				}
				if applied == index && kind == "mem" {
					sameHash(t, m, source)
				}
			})
	}
}

// TestMachinesInMemoryKeepWhatWasPersisted uses a folder of the operating system.
func TestMachinesInMemoryKeepWhatWasPersisted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	m, err := OpenMem(MemOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	mustApply(t, m, AppendOpenSession(nil), AppendSession(nil, 1, 1, 1, AppendIncr(nil, []byte("n"))))
	old := mustSnapshot(t, m)
	mustApply(t, m, AppendIncr(nil, []byte("n")))
	persist(t, m)
	if err := old.Persist(); err != nil { // must not go back
		t.Fatal(err)
	}
	again, err := OpenMem(MemOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	sameHash(t, m, again)
	if got := mustApply(t, again, AppendSession(nil, 1, 1, 1, AppendIncr(nil, []byte("n"))))[0]; got.Int != 1 {
		t.Errorf("a repeated command after reopening: %+v, want 1", got)
	}
	null, err := OpenNull(MemOptions{Dir: dir})
	if index, appliedErr := null.Applied(); err != nil || appliedErr != nil || index != 3 {
		t.Errorf("null in the folder: %d, %v, %v", index, err, appliedErr)
	}
	path := filepath.Join(dir, stateName)
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	state[len(state)/2] ^= 1
	if err := os.WriteFile(path, state, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMem(MemOptions{Dir: dir}); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("OpenMem of a damaged state = %v, want ErrCorrupt", err)
	}
	if _, err := OpenNull(MemOptions{}); err == nil {
		t.Error("OpenNull without a folder succeeds")
	}
}

// TestFailedPersistIsSticky: what failed once is not tried again.
func TestFailedPersistIsSticky(t *testing.T) {
	base, broken := vfs.NewMem(), errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.Writes)}
	for kind, open := range durableMachines(t) {
		m := open(errorfs.Wrap(base, &broken))
		mustApply(t, m, AppendSet(nil, []byte("k"), nil, 0))
		v := mustSnapshot(t, m)
		broken.On()
		first := v.Persist()
		broken.Off()
		if second := v.Persist(); !injected(first) || !injected(second) {
			t.Errorf("%s: Persist on a broken disk = %v, then %v, want ErrInjected", kind, first, second)
		}
		_ = m.Close()
	}
}
