package replica

import (
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// traceAt returns the trace of the entry at an index, and whether there is one.
func traceAt(t *tracer, index raft.Index) (Trace, bool) {
	for _, tr := range traces(t) {
		if tr.ID.Index == index {
			return tr, true
		}
	}
	return Trace{}, false
}

// wantTrace fails unless the entry id is traced and was received, written and durable at these instants.
func wantTrace(t *testing.T, tr *tracer, id raft.EntryID, received, writing, durable time.Duration) {
	t.Helper()
	got, ok := traceAt(tr, id.Index)
	if !ok || got.ID != id || got.Received != received || got.Writing != writing || got.Durable != durable {
		t.Errorf("got %+v, want %v received at %d, written at %d, durable at %d", got, id, received, writing, durable)
	}
}

// What replaces entries whose write was noted has a write of its own.
func TestTraceOfAReplacementHasItsOwnWrite(t *testing.T) {
	tr := newTestTracer(16)
	old, replacing := commands(0, 1, 1, 1, 1, 1, 1), commands(3, 2, 2, 2)
	tr.received(old, 1, 1)
	tr.wrote([]raft.Span{*old}, 2, 3)
	tr.received(replacing, 2, 4)
	tr.wrote([]raft.Span{*replacing}, 5, 6)
	for index := range raft.Index(3) {
		wantTrace(t, tr, raft.EntryID{Term: 1, Index: index + 1}, 1, 2, 3)
		wantTrace(t, tr, raft.EntryID{Term: 2, Index: index + 4}, 4, 5, 6)
	}
}

// An entry that arrives while the one that it replaces is still being written does not get that write's instants. One
// write may have both.
func TestTraceTakesNoWriteOfTheReplacedEntry(t *testing.T) {
	tr := newTestTracer(16)
	old, replacing := commands(1, 1, 1, 1), commands(3, 2)
	tr.received(old, 1, 1)
	tr.received(replacing, 2, 2)
	tr.wrote([]raft.Span{*old}, 3, 4)
	wantTrace(t, tr, raft.EntryID{Term: 1, Index: 3}, 1, 3, 4)
	wantTrace(t, tr, raft.EntryID{Term: 2, Index: 4}, 2, NotSeen, NotSeen)
	tr.wrote([]raft.Span{*replacing}, 5, 6)
	wantTrace(t, tr, raft.EntryID{Term: 2, Index: 4}, 2, 5, 6)

	both := newTestTracer(16)
	both.received(old, 1, 1)
	both.received(replacing, 2, 2)
	both.wrote([]raft.Span{*old, *replacing}, 3, 4)
	wantTrace(t, both, raft.EntryID{Term: 1, Index: 3}, 1, 3, 4)
	wantTrace(t, both, raft.EntryID{Term: 2, Index: 4}, 2, 3, 4)
}

// Figure 8: a leader of term 4 replaces an entry of term 3 by one of term 2, whose term is lower, and a shorter log of
// it drops what was after.
func TestTraceOfAnEntryThatOneOfALowerTermReplaced(t *testing.T) {
	tr := newTestTracer(16)
	tr.received(commands(0, 1, 3, 3, 3), 3, 1)
	replacing := commands(1, 2)
	tr.received(replacing, 4, 2)
	tr.stored([]raft.Span{*replacing}, 4)
	wantTrace(t, tr, raft.EntryID{Term: 2, Index: 2}, 2, NotSeen, NotSeen)
	if last := traces(tr); len(last) != 2 {
		t.Errorf("got %+v, want entries 1 and 2", last)
	}
	terms := []raft.Term{0, 1, 2}
	tr.committed(2, func(i raft.Index) (raft.Term, bool) { return terms[i], true }, 9)
	if got, _ := traceAt(tr, 2); got.Committed != 9 {
		t.Errorf("got %+v, want it committed at 9", got)
	}
}

// A record that nothing replaced in the ring, because what the log has there is not sampled or no command, goes when
// the log takes that; and a record of an entry that the core refused is never committed, nor applied.
func TestTraceOfAnEntryThatIsNotInTheLog(t *testing.T) {
	tr := newTestTracer(16)
	tr.received(commands(0, 1, 1, 1, 1), 1, 1)
	noOp := raft.Span{Prev: raft.EntryID{Term: 1, Index: 2}, Entries: []raft.Entry{{Term: 2}}}
	tr.stored([]raft.Span{noOp}, 2)
	if got := traces(tr); len(got) != 2 || got[1].ID.Index != 2 {
		t.Errorf("got %+v, want entries 1 and 2", got)
	}
	tr.received(commands(3, 2), 2, 3)
	terms := []raft.Term{0, 1, 1, 5, 5}
	tr.committed(4, func(i raft.Index) (raft.Term, bool) { return terms[i], true }, 4)
	tr.applied(commands(0, 1, 1, 5, 5), 5)
	for _, got := range traces(tr) {
		if in := got.ID.Index <= 2; (got.Committed == 4) != in || (got.Applied == 5) != in {
			t.Errorf("got %+v; only entries 1 and 2 are in the log", got)
		}
	}
}

// A leader has appended what it appends: not what it received before its election, when its no-op goes after that.
func TestTraceOfANewLeaderAppendsOnlyItsOwn(t *testing.T) {
	tr := newTestTracer(16)
	tr.received(commands(0, 1, 1, 1), 1, 1)
	tr.lead(2)
	tr.appended(&raft.Span{Prev: raft.EntryID{Term: 1, Index: 3}, Entries: []raft.Entry{{Term: 2}}}, 5)
	tr.begin(raft.EntryID{Term: 2, Index: 5}, 2)
	tr.appended(commands(4, 2), 6)
	for _, got := range traces(tr) {
		want := NotSeen
		if got.ID.Term == 2 {
			want = 6
		}
		if got.Appended != want {
			t.Errorf("got %+v, want it appended at %d", got, want)
		}
	}
}

// A leader's cursors for what it sent go back with the records, too.
func TestTraceOfALeaderGoesBackWithItsRecords(t *testing.T) {
	tr := newTestTracer(16)
	for index := range raft.Index(4) {
		tr.lead(1)
		tr.begin(raft.EntryID{Term: 1, Index: index + 1}, 1)
	}
	all := commands(0, 1, 1, 1, 1)
	tr.appended(all, 1)
	tr.sent(&raft.Message{Kind: raft.MsgAppend, To: 2, Term: 1, Span: *all}, 2)
	tr.acked(&raft.Message{From: 2, Term: 1, Match: 4}, 3)
	tr.cut(2)
	for index := raft.Index(3); index <= 5; index++ {
		tr.begin(raft.EntryID{Term: 1, Index: index}, 1)
	}
	more := commands(2, 1, 1, 1)
	tr.appended(more, 4)
	tr.sent(&raft.Message{Kind: raft.MsgAppend, To: 2, Term: 1, Span: *more}, 5)
	tr.acked(&raft.Message{From: 2, Term: 1, Match: 5}, 6)
	for _, got := range traces(tr)[2:] {
		if got.Appended != 4 || len(got.Peers) != 1 || got.Peers[0].Sent != 5 || got.Peers[0].Acked != 6 {
			t.Errorf("got %+v, want it appended at 4, sent at 5 and acknowledged at 6", got)
		}
	}
}

// The list is read in pieces, between which the ring goes on: what is overwritten or replaced meanwhile is not in it.
func TestTracesAreListedWhileTheRingGoesOn(t *testing.T) {
	const kept = 4 * traceListChunk
	full := func() *tracer {
		tr := newTestTracer(kept)
		for index := range raft.Index(kept) {
			tr.received(commands(index, 1), 1, 1)
		}
		return tr
	}
	finish := func(tr *tracer, list []Trace, after raft.Index, at uint64) {
		t.Helper()
		for done := false; !done; {
			list, after, at, done = tr.more(list, after, at)
		}
		want, wantAfter := tr.list()
		if len(list) != len(want) || after != wantAfter {
			t.Fatalf("got %d, all after %d; want %d, all after %d", len(list), after, len(want), wantAfter)
		}
		for i := range want {
			if list[i].ID != want[i].ID {
				t.Fatalf("trace %d is of %v, want %v", i, list[i].ID, want[i].ID)
			}
		}
	}
	tr := full()
	list, after, at, _ := tr.more(nil, 0, 0)
	for index := range raft.Index(kept) { // the whole ring
		tr.received(commands(kept+index, 1), 1, 1)
	}
	finish(tr, list, after, at)

	tr = full()
	list, after, at, _ = tr.more(nil, 0, 0)
	tr.received(commands(traceListChunk/2, 2), 2, 2) // in the place of what was read
	finish(tr, list, after, at)

	tr = full()
	list, after, at, _ = tr.more(nil, 0, 0)
	for index := range raft.Index(2 * traceListChunk) {
		tr.received(commands(traceListChunk/2+index, 2), 2, 2)
	}
	finish(tr, list, after, at)
}
