package replica

import (
	"math"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func newTestTracer(kept int) *tracer {
	t := newTracer(1, kept)
	return &t
}

// commands are commands of these terms, after the entry at prev.
func commands(prev raft.Index, terms ...raft.Term) *raft.Span {
	s := &raft.Span{Prev: raft.EntryID{Term: 1, Index: prev}}
	for _, term := range terms {
		s.Entries = append(s.Entries, raft.Entry{Term: term, Kind: raft.EntryCommand})
	}
	return s
}

func traces(t *tracer) []Trace {
	list, _ := t.list()
	return list
}

func TestTraceRingKeepsTheLast(t *testing.T) {
	tr := newTestTracer(3)
	tr.received(commands(0, 1, 1, 1, 1, 1, 1, 1, 1), 1, 7)
	list, after := tr.list()
	if len(list) != 3 {
		t.Fatalf("kept %d, want 3", len(list))
	}
	if after != 5 || tr.count() != 3 {
		t.Errorf("got %d, all after %d; want 3, all after 5", tr.count(), after)
	}
	for i := range list {
		if want := raft.Index(6 + i); list[i].ID.Index != want || list[i].Received != 7 {
			t.Errorf("trace %d is %+v, want that of entry %d", i, list[i], want)
		}
	}
}

// Entries that another leader replaced take their traces with them; what comes twice, or late, changes nothing.
func TestTraceForgetsReplacedEntries(t *testing.T) {
	tr := newTestTracer(4)
	tr.received(commands(0, 1, 1, 1, 1, 1, 1), 1, 1)
	tr.received(commands(3, 2, 2), 2, 2)    // in the place of 4, 5 and 6
	tr.received(commands(3, 1, 1, 1), 1, 3) // a message of the old leader that was on its way
	tr.received(commands(3, 2, 2, 2), 2, 4) // sent again, and more
	want := []Trace{
		{ID: raft.EntryID{Term: 1, Index: 3}, Received: 1}, {ID: raft.EntryID{Term: 2, Index: 4}, Received: 2},
		{ID: raft.EntryID{Term: 2, Index: 5}, Received: 2}, {ID: raft.EntryID{Term: 2, Index: 6}, Received: 4},
	}
	list, _ := tr.list()
	if len(list) != len(want) {
		t.Fatalf("got %+v, want %d traces", list, len(want))
	}
	for i := range want {
		if list[i].ID != want[i].ID || list[i].Received != want[i].Received {
			t.Errorf("trace %d: got %+v, want %v received at %d", i, list[i], want[i].ID, want[i].Received)
		}
	}
}

// An acknowledgement of an earlier term, or of an entry that was not sent, is none.
func TestTraceTakesAcknowledgementsOfItsTermOnly(t *testing.T) {
	tr := newTestTracer(8)
	propose := func(index raft.Index) {
		tr.lead(2)
		tr.begin(raft.EntryID{Term: 2, Index: index}, 2)
	}
	propose(1)
	propose(2)
	tr.sent(&raft.Message{Kind: raft.MsgAppend, To: 3, Term: 2, Span: *commands(0, 2)}, 10)
	tr.acked(&raft.Message{From: 3, Term: 1, Match: 2}, 20)
	if got := traces(tr)[0].Peers[0]; got.Sent != 10 || got.Acked != NotSeen || got.Inflight != 1 {
		t.Errorf("got %+v, want one that is sent and not acknowledged", got)
	}
	tr.acked(&raft.Message{From: 3, Term: 2, Match: 1}, 30)
	tr.sent(&raft.Message{Kind: raft.MsgAppend, To: 3, Term: 2, Span: *commands(1, 2)}, 40)
	tr.acked(&raft.Message{From: 3, Term: 2, Match: 2}, 50)
	tr.acked(&raft.Message{From: 3, Term: 2, Match: 2}, 60)
	for i, want := range []TracePeer{
		{ID: 3, Sent: 10, Acked: 30, Inflight: 1}, {ID: 3, Sent: 40, Acked: 50, Inflight: 1},
	} {
		if got := traces(tr)[i].Peers[0]; got != want {
			t.Errorf("trace %d: got %+v, want %+v", i, got, want)
		}
	}
}

// One in so many is sampled, and in batches of any one size each place as often as the others.
func TestTraceSamplesAreInStepWithNothing(t *testing.T) {
	const entries, oneIn = 1 << 18, 16
	for _, batch := range []int{1, 8, 16, 64, 100} {
		counts, total := make([]int, batch), 0
		for i := range entries {
			if traceHash(raft.Index(i)) < traceBound(oneIn) {
				counts[i%batch]++
				total++
			}
		}
		if share := float64(total) * oneIn / entries; share < .97 || share > 1.03 {
			t.Errorf("sampled %d of %d, want one in %d", total, entries, oneIn)
		}
		expected, chi := float64(total)/float64(batch), 0.0
		for _, n := range counts {
			chi += (float64(n) - expected) * (float64(n) - expected) / expected
		}
		// The sum has mean k and variance 2k for k degrees of freedom.
		if k := float64(batch - 1); chi > k+6*math.Sqrt(2*k)+10 {
			t.Errorf("batches of %d: the places' counts %v are not even (%.0f for %.0f)", batch, counts, chi, k)
		}
	}
	for i := range raft.Index(1000) {
		if traceHash(i) < traceBound(TraceOff) {
			t.Fatal("sampled with the trace off")
		}
	}
}

// The ring is made at once: its size has a bound.
func TestTraceOptionsHaveBounds(t *testing.T) {
	for _, o := range []Options{{TraceOneIn: -2}, {TraceKeptMax: -1}, {TraceKeptMax: TraceKeptLimit + 1}} {
		err := o.WithDefaults().Validate()
		if want := "Trace"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want an error of %s", o, err, want)
		}
	}
}
