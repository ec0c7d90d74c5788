package pebble

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
)

// TestCompactedRunsInMemoryNeverReachATable appends far more than a memtable holds, and compacts before it is full.
func TestCompactedRunsInMemoryNeverReachATable(t *testing.T) {
	written := func(tn tuning) int64 {
		disk := &countingFS{FS: vfs.NewMem()}
		l, err := openTuned(testOptions("/node").WithDefaults(), disk, tn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Load(); err != nil {
			t.Fatal(err)
		}
		var last raft.EntryID
		for i := range 400 {
			s := benchSpan(last, 100)
			appendWait(t, l, s)
			last = s.Last()
			if i%10 == 9 {
				compactTo(t, l, last.Index-150)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return disk.tables.Load()
	}
	with, without := written(tuning{}), written(tuning{forgetOff: true})
	t.Logf("bytes in tables: %d, and %d when nothing is forgotten", with, without)
	if appended := int64(400 * 100 * benchDataBytes); without < appended*8/10 {
		t.Errorf("%d bytes in tables of %d appended, although nothing was forgotten: this shows nothing", without, appended)
	}
	if with > without/3 {
		t.Errorf("%d bytes reached tables, %d when nothing is forgotten", with, without)
	}
}

// TestLargeLogIsNotMerged appends more than the engine's default for one level, with a changing hard state.
func TestLargeLogIsNotMerged(t *testing.T) {
	disk := &countingFS{FS: vfs.NewMem()}
	l, err := openTuned(testOptions("/node").WithDefaults(), disk, tuning{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(); err != nil {
		t.Fatal(err)
	}
	m := measurement{log: l, load: load{compactBytes: 1 << 40}, hs: raft.HardState{Term: 1, Vote: 1}}
	s, bytes := makeSpan(1, 200<<10), int64(0)
	for ; bytes < 100<<20; bytes += int64(len(s.Encoded)) {
		wait, err := m.append([]raft.Span{s})
		if err == nil {
			err = wait()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := disk.tables.Load(); got > bytes*11/10 {
		t.Errorf("%d bytes written to tables of %d appended: runs are merged", got, bytes)
	}
}

// TestForgottenRunsAtEveryBoundary compacts to every index of a log, in memory and partly in tables, in some steps, and
// opens what a crash leaves.
func TestForgottenRunsAtEveryBoundary(t *testing.T) {
	const runs, each = 6, 3
	for flushed := range runs + 1 {
		for first := 1; first <= runs*each; first++ {
			for second := first; second <= runs*each; second += 4 {
				t.Run(fmt.Sprintf("flushed=%d,first=%d,second=%d", flushed, first, second), func(t *testing.T) {
					fs := vfs.NewCrashableMem()
					l := openLoaded(t, fs)
					var last raft.EntryID
					for i := range runs {
						s := benchSpan(last, each)
						appendWait(t, l, s)
						last = s.Last()
						if i+1 == flushed {
							if err := l.db.Flush(); err != nil {
								t.Fatal(err)
							}
						}
					}
					compactTo(t, l, raft.Index(first))
					compactTo(t, l, raft.Index(second))
					clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, 2))})
					if err := l.Close(); err != nil {
						t.Fatal(err)
					}
					checkLog(t, openLoaded(t, fs), raft.Index(second), last)
					checkLog(t, openLoaded(t, clone), raft.Index(second), last)
				})
			}
		}
	}
}

func openLoaded(t *testing.T, fs vfs.FS) *Log {
	t.Helper()
	l, err := OpenFS(testOptions("/node"), fs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(); err != nil {
		t.Fatal(err)
	}
	return l
}

func appendWait(t *testing.T, l *Log, s raft.Span) {
	t.Helper()
	wait, err := l.Append(nil, []raft.Span{s})
	if err == nil {
		err = wait()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func compactTo(t *testing.T, l *Log, index raft.Index) {
	t.Helper()
	if err := l.Compact(raft.Snapshot{Last: raft.EntryID{Term: 1, Index: index}}); err != nil {
		t.Fatal(err)
	}
}

// checkLog checks that the log is (first, last], that all of it can be read, that it can grow, and closes it.
func checkLog(t *testing.T, l *Log, first raft.Index, last raft.EntryID) {
	t.Helper()
	if l.state.First.Index != first || l.state.Last != last {
		t.Fatalf("log (%v, %v], want (%d, %v]", l.state.First, l.state.Last, first, last)
	}
	if first < last.Index {
		span, err := l.Read(first, last.Index, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if got := span.Last(); got != last || span.Prev.Index != first {
			t.Fatalf("read (%v, %v], want (%d, %v]", span.Prev, got, first, last)
		}
	}
	appendWait(t, l, benchSpan(last, 1))
	compactTo(t, l, last.Index+1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
