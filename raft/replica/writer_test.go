package replica

import (
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func TestAnInstallComesBetweenWhatWasAskedForBeforeAndAfterIt(t *testing.T) {
	in := func(write raft.WriteID) writeTask { return writeTask{write: write, install: &install{}} }
	plain := func(write raft.WriteID) writeTask { return writeTask{write: write} }
	rest := []writeTask{plain(1), plain(2), in(3), plain(4), in(5), in(6), plain(7)}
	var merged writeTask
	var got []raft.WriteID
	for len(rest) > 0 {
		n := mergeable(rest)
		merged.merge(rest[:n])
		if (merged.install != nil) != (rest[0].install != nil) {
			t.Errorf("write %d: install %v", merged.write, merged.install)
		}
		got = append(got, merged.write)
		rest = rest[n:]
	}
	if want := []raft.WriteID{2, 4, 5, 7}; !slices.Equal(got, want) {
		t.Errorf("got the writes %v, want %v", got, want)
	}
}

func TestMergeKeepsOrderAndNewestHardState(t *testing.T) {
	span := func(after raft.Index) raft.Span {
		return raft.Span{Prev: raft.EntryID{Index: after}, Entries: []raft.Entry{{Term: 1}}}
	}
	tasks := []writeTask{
		{write: 1, hardState: &raft.HardState{Term: 1}, spans: []raft.Span{span(0)}, sends: []raft.Message{{Seq: 1}}},
		{sends: []raft.Message{{Seq: 2}}},
		{
			write: 3, hardState: &raft.HardState{Term: 2},
			spans: []raft.Span{span(1), span(2)}, sends: []raft.Message{{Seq: 3}},
		},
		{write: 4, spans: []raft.Span{span(3)}},
	}
	var merged writeTask
	merged.merge(tasks)
	if merged.write != 4 || merged.hardState.Term != 2 {
		t.Errorf("got write %d and term %d, want 4 and 2", merged.write, merged.hardState.Term)
	}
	for i, s := range merged.spans {
		if s.Prev.Index != raft.Index(i) {
			t.Errorf("span %d is after %d: out of order", i, s.Prev.Index)
		}
	}
	for i, m := range merged.sends {
		if m.Seq != uint64(i)+1 {
			t.Errorf("message %d is %d: out of order", i, m.Seq)
		}
	}
	merged.merge(tasks[1:2])
	if merged.write != 0 || merged.hardState != nil || len(merged.spans) != 0 || len(merged.sends) != 1 {
		t.Errorf("the batch before shows in %+v", merged)
	}
}
