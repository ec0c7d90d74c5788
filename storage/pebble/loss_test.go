package pebble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// crashClone returns what a crash leaves: 100 percent is that of the process, less is that of the machine.
func crashClone(fs *vfs.MemFS, percent int, seed uint64) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 0))})
}

// writeLog opens a log on fs and appends runs of 4 entries, each waited for; it returns the log, still open, and its
// end.
func writeLog(t *testing.T, o storage.Options, fs vfs.FS, runs int) (*Log, raft.EntryID) {
	t.Helper()
	l, err := OpenFS(o, fs)
	if err != nil {
		t.Fatal(err)
	}
	mustLoad(t, l)
	return l, fill(t, l, runs)
}

// TestLostRecordIsFound damages the last record that is synced and has a later sync, and the very last one.
func TestLostRecordIsFound(t *testing.T) {
	o := testOptions("/node")
	o.WatermarkSyncInterval = storage.WatermarkSyncIntervalMax // the goroutine syncs nothing here
	fs := vfs.NewCrashableMem()
	l, last := writeLog(t, o, fs, 20)
	defer l.Close()
	for back, want := range []raft.Index{last.Index, last.Index - 4, last.Index - 8} {
		clone := crashClone(fs, 100, 1)
		wal, _ := largestWAL(t, clone)
		raw := readFile(t, clone, wal)
		at := strings.LastIndex(string(raw), fmt.Sprintf("entry %d of term 1", want))
		flipBit(t, clone, wal, at)
		got := mustReload(t, o, clone)
		if got.HardState.Recover != last || got.Last.Index != want-4 {
			t.Errorf("record %d from the end damaged: %+v, want to recover up to %v", back, got, last)
		}
	}
	// Of the very last record only the watermark in memory knew: it is taken for a torn tail after a power loss.
	clone := crashClone(fs, 0, 1)
	wal, _ := largestWAL(t, clone)
	raw := readFile(t, clone, wal)
	flipBit(t, clone, wal, strings.LastIndex(string(raw), fmt.Sprintf("entry %d of term 1", last.Index)))
	if got := mustReload(t, o, clone); got.HardState.Recover != (raft.EntryID{}) || got.Last.Index != last.Index-4 {
		t.Errorf("last record damaged after a power loss: %+v, want a torn tail", got)
	}
}

// mustReload opens, loads and closes a log.
func mustReload(t *testing.T, o storage.Options, fs vfs.FS) raft.LogState {
	t.Helper()
	l, err := OpenFS(o, fs)
	if err != nil {
		t.Fatal(err)
	}
	state := mustLoad(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return state
}

// loseWAL makes every WAL of the log empty.
func loseWAL(t *testing.T, fs vfs.FS) {
	t.Helper()
	names, err := fs.List(storage.LogDir("/node"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".log") {
			path := fs.PathJoin(storage.LogDir("/node"), name)
			writeFile(t, fs, path, make([]byte, len(readFile(t, fs, path))))
		}
	}
}

// TestVoteSurvivesLossOfWAL loses the whole WAL after each of some elections, in a crash of the machine that keeps only
// what was synced, and with a watermark that is synced for votes only.
func TestVoteSurvivesLossOfWAL(t *testing.T) {
	o := testOptions("/node")
	o.WatermarkSyncInterval = storage.WatermarkSyncIntervalMax
	fs := vfs.NewCrashableMem()
	l, _ := writeLog(t, o, fs, 0)
	defer l.Close()
	last := raft.EntryID{}
	for term := raft.Term(1); term < 12; term++ {
		for _, vote := range []raft.NodeID{raft.None, raft.NodeID(term%3 + 1)} {
			if term%2 == 0 { // the log keeps what came before this append
				if err := l.db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			hs := raft.HardState{Term: term, Vote: vote, Commit: last.Index}
			mustAppend(t, l, &hs)
			clone := crashClone(fs, 0, 1)
			loseWAL(t, clone)
			got := mustReload(t, o, clone).HardState
			if got.Term != term || got.Vote != vote || got.Recover == (raft.EntryID{}) {
				t.Errorf("term %d, vote %d: after the loss %+v", term, vote, got)
			}
			if got.Recover != last && last != (raft.EntryID{}) {
				t.Errorf("term %d: recovers up to %v, want %v", term, got.Recover, last)
			}
		}
		s := testSpan(last, term, 3)
		mustAppend(t, l, nil, s)
		last = s.Last()
	}
}

func mustAppend(t *testing.T, l *Log, hs *raft.HardState, spans ...raft.Span) {
	t.Helper()
	wait, err := l.Append(hs, spans)
	if err == nil {
		err = wait()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lost returns a disk whose log lost everything after its first 10 entries, which are in a table; the log ended in had.
func lost(t *testing.T) (fs *vfs.MemFS, had raft.EntryID) {
	t.Helper()
	fs = vfs.NewCrashableMem()
	l := openTest(t, fs)
	mustLoad(t, l)
	mustAppend(t, l, &raft.HardState{Term: 2, Vote: 3}, testSpan(raft.EntryID{}, 2, 10))
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	s := testSpan(raft.EntryID{Term: 2, Index: 10}, 4, 10)
	mustAppend(t, l, &raft.HardState{Term: 4, Vote: 1, Commit: 12}, s)
	fs = crashClone(fs, 0, 1)
	loseWAL(t, fs)
	return fs, s.Last()
}

// TestLifeAfterLoss goes on with a log that lost its end: it knows of it until the core says that it has recovered.
func TestLifeAfterLoss(t *testing.T) {
	fs, had := lost(t)
	o := testOptions("/node")
	ten := raft.EntryID{Term: 2, Index: 10}
	want := raft.LogState{HardState: raft.HardState{Term: 4, Vote: 1, Recover: had}, Last: ten}
	// It loses everything once more, also that it lost something; what it lost first was more.
	again := crashClone(fs, 0, 1)
	l := openTest(t, again)
	defer l.Close()
	mustLoad(t, l)
	mustAppend(t, l, &raft.HardState{Term: 4, Vote: 1, Recover: had}, testSpan(ten, 4, 2))
	again = crashClone(again, 100, 1)
	loseWAL(t, again)
	if got := mustReload(t, o, again); got.HardState != want.HardState || got.Last != want.Last {
		t.Fatalf("after a second loss %+v, want %+v", got, want)
	}
	for range 3 {
		if got := mustReload(t, o, fs); got.HardState != want.HardState || got.Last != want.Last {
			t.Fatalf("after a loss %+v, want %+v", got, want)
		}
		fs = crashClone(fs, 0, 1)
	}
	// It recovers, and that is remembered through another loss.
	l = openTest(t, fs)
	defer l.Close()
	mustLoad(t, l)
	mustAppend(t, l, &raft.HardState{Term: 5, Vote: 2, Recover: had}, testSpan(ten, 5, 4))
	mustAppend(t, l, &raft.HardState{Term: 5, Vote: 2})
	if got := mustReload(t, o, crashClone(fs, 0, 1)); got.HardState != (raft.HardState{Term: 5, Vote: 2}) {
		t.Fatalf("after the recovery %+v", got)
	}
	loseWAL(t, fs)
	got := mustReload(t, o, crashClone(fs, 100, 1))
	if now := (raft.EntryID{Term: 5, Index: 14}); got.HardState.Recover != now || got.HardState.Term != 5 {
		t.Errorf("after another loss %+v, want to recover up to %v", got, now)
	}
}

// TestLogRolledBack puts an earlier copy of the log's folder back, beside a watermark that is newer, and the other way
// round.
func TestLogRolledBack(t *testing.T) {
	o := testOptions("/node")
	fs := vfs.NewCrashableMem()
	l, early := writeLog(t, o, fs, 20)
	before := crashClone(fs, 100, 1)
	s := testSpan(early, 3, 4)
	mustAppend(t, l, &raft.HardState{Term: 3, Vote: 3}, s)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	mixed := crashClone(fs, 100, 1)
	writeFile(t, before, testWatermark, readFile(t, mixed, testWatermark))
	writeFile(t, mixed, testWatermark, readFile(t, crashClone(before, 100, 1), testWatermark))
	got := mustReload(t, o, before)
	if hs := got.HardState; hs.Recover != s.Last() || hs.Term != 3 || hs.Vote != 3 || got.Last != early {
		t.Errorf("log rolled back: %+v, want to recover up to %v", got, s.Last())
	}
	// A log folder that is gone is rolled back too.
	if err := fs.RemoveAll(storage.LogDir("/node")); err != nil {
		t.Fatal(err)
	}
	got = mustReload(t, o, fs)
	if hs := got.HardState; hs.Recover != s.Last() || hs.Term != 3 || hs.Vote != 3 || got.Last != (raft.EntryID{}) {
		t.Errorf("log gone: %+v, want to recover up to %v", got, s.Last())
	}
}

// TestOlderWatermarkIsFine has a watermark that is behind the log, as a power loss leaves it.
func TestOlderWatermarkIsFine(t *testing.T) {
	o := testOptions("/node")
	fs := vfs.NewCrashableMem()
	l, _ := writeLog(t, o, fs, 5)
	old := readFile(t, fs, testWatermark)
	mustAppend(t, l, nil, testSpan(raft.EntryID{Term: 1, Index: 20}, 1, 5))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, fs, testWatermark, old)
	l, err := OpenFS(o, fs)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := mustLoad(t, l); got.HardState.Recover != (raft.EntryID{}) || got.Last.Index != 25 {
		t.Errorf("%+v, want 25 entries and no alarm", got)
	}
	// What was loaded is acted on, so it is claimed from now on.
	w, err := readWatermark(vfs.NewMemFile(readFile(t, crashClone(fs, 0, 1), testWatermark)))
	if err != nil || w.newest != newMark(l.end, l.state.HardState) {
		t.Errorf("after Load the watermark says %+v, %v, want %+v", w.newest, err, l.end)
	}
}

// TestChainCoversWhatIsWritten writes batches that differ in one thing.
func TestChainCoversWhatIsWritten(t *testing.T) {
	l := openTest(t, vfs.NewMem())
	defer l.Close()
	mustLoad(t, l)
	run := func(first raft.Index, entry byte) func(b *builder) error {
		return func(b *builder) error {
			return b.setRun(runHeader{first: first, count: 1}, 1, func(p []byte) []byte { return append(p, entry) })
		}
	}
	seen := map[chain]int{}
	for i, write := range []func(b *builder) error{
		func(*builder) error { return nil },
		func(b *builder) error { b.end.chain++; return nil },
		func(b *builder) error { b.end.seq++; return nil },
		func(b *builder) error { return b.setHardState(raft.HardState{Term: 1}) },
		func(b *builder) error { return b.setHardState(raft.HardState{Term: 1, Vote: 1}) },
		func(b *builder) error { return b.setHardState(raft.HardState{Term: 1, Recover: raft.EntryID{Term: 1}}) },
		func(b *builder) error { return b.removeRuns(1, 5) },
		func(b *builder) error { return b.removeRuns(1, 6) },
		func(b *builder) error { return b.removeRuns(2, 6) },
		func(b *builder) error { return b.setFirst(snapshotAt(1, 4)) },
		func(b *builder) error { return b.setFirst(snapshotAt(1, 5)) },
		run(1, 1),
		run(1, 2),
		run(2, 1),
	} {
		b := builder{batch: l.db.NewBatch()}
		err := write(&b)
		e, finishErr := b.finish(raft.EntryID{Term: 1, Index: 1})
		if err := errors.Join(err, finishErr, b.batch.Close()); err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[e.chain]; ok {
			t.Errorf("batches %d and %d have one chain", other, i)
		}
		seen[e.chain] = i
	}
}

// TestWatermarkOfAnotherHistory has logs that differ in one byte of one entry, and not in what they hold at the end.
func TestWatermarkOfAnotherHistory(t *testing.T) {
	o := testOptions("/node")
	var disks []*vfs.MemFS
	for i := range 2 {
		fs := vfs.NewCrashableMem()
		l, last := writeLog(t, o, fs, 3)
		s := testSpan(last, 1, 2)
		s.Entries[0].Data = []byte{byte(i)}
		mustAppend(t, l, nil, s)
		mustAppend(t, l, nil, testSpan(last, 1, 2))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		disks = append(disks, fs)
	}
	writeFile(t, disks[0], testWatermark, readFile(t, disks[1], testWatermark))
	if _, err := reload(o, disks[0]); !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "chain") {
		t.Errorf("Load() with another's watermark = %v, want ErrCorrupt", err)
	}
}

// TestDurabilityClassesMix opens a log of one class with the other: with SyncNone nothing is claimed but what was
// durable when the log was opened or closed.
func TestDurabilityClassesMix(t *testing.T) {
	fsync, none := testOptions("/node"), testOptions("/node")
	none.Sync = storage.SyncNone
	for _, percent := range []int{0, 50, 100} {
		fs := vfs.NewCrashableMem()
		l, last := writeLog(t, fsync, fs, 3)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, err := OpenFS(none, fs)
		if err != nil {
			t.Fatal(err)
		}
		mustLoad(t, l)
		for range 20 {
			mustAppend(t, l, &raft.HardState{Term: 2, Vote: 2}, testSpan(last, 2, 4))
		}
		// A crash may lose what was appended with SyncNone: that is no damage.
		for _, o := range []storage.Options{fsync, none} {
			got := mustReload(t, o, crashClone(fs, percent, 1))
			if got.HardState.Recover != (raft.EntryID{}) || got.Last.Index < last.Index {
				t.Errorf("%d %%, opened with %s: %+v, want no alarm", percent, o.Sync, got)
			}
		}
		// A clean end is durable, and so claimed.
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		fs = crashClone(fs, 0, 1)
		loseWAL(t, fs)
		for range 2 {
			got := mustReload(t, none, fs)
			if hs := got.HardState; hs.Term != 2 || hs.Vote != 2 || hs.Recover != (raft.EntryID{Term: 2, Index: 16}) {
				t.Errorf("loss after a clean end: %+v", got)
			}
		}
	}
}

// TestOlderLayoutIsRefused opens a store of a layout that was never released.
func TestOlderLayoutIsRefused(t *testing.T) {
	for _, key := range [][]byte{guardKey(), hardStateKey(), endKey()} {
		fs := vfs.NewMem()
		l := openTest(t, fs)
		mustLoad(t, l)
		fill(t, l, 1)
		if err := errors.Join(l.db.Set(key, []byte{layoutVersion - 1}, nil), l.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := reload(testOptions("/node"), fs); !errors.Is(err, storage.ErrFormat) ||
			!strings.Contains(err.Error(), "layout 2") {
			t.Errorf("record %x: %v, want ErrFormat with the layout", key, err)
		}
	}
}

// TestLossIsLogged shows that an operator is told.
func TestLossIsLogged(t *testing.T) {
	fs, had := lost(t)
	o := testOptions("/node")
	var out strings.Builder
	o.Logger = textLogger(&out)
	mustReload(t, o, fs)
	if text := out.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "lost its end") ||
		!strings.Contains(text, had.String()) {
		t.Errorf("log of a loss: %s", text)
	}
	out.Reset()
	mustReload(t, o, fs)
	if text := out.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("log of the next start: %s", text)
	}
}
