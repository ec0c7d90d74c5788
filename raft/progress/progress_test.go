package progress

import (
	"math/rand/v2"
	"testing"
)

func TestWindowIsBoundedInMessagesAndBytes(t *testing.T) {
	w := NewWindow(3, 100)
	w.Add(1, 10)
	w.Add(2, 10)
	if w.Full() {
		t.Fatal("full with 2 of 3 messages and 20 of 100 bytes")
	}
	w.Add(3, 10)
	if !w.Full() {
		t.Error("not full with 3 of 3 messages")
	}
	w.FreeUpto(3)
	w.Add(4, 100)
	if !w.Full() {
		t.Error("not full with 100 of 100 bytes")
	}
}

func TestOneMessageAlwaysFits(t *testing.T) {
	w := NewWindow(8, 1)
	if w.Full() {
		t.Fatal("an empty window is full: it would wedge")
	}
	w.Add(9, 1<<20)
	if got, want := w.Last(), uint64(9); got != want {
		t.Errorf("got last %d, want %d", got, want)
	}
}

// TestWindowAgainstAList drives the ring and a plain list with the same random calls.
func TestWindowAgainstAList(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		w := NewWindow(1+rng.IntN(9), 1+rng.IntN(60))
		var list []flight
		last := uint64(0)
		for range 300 {
			if rng.IntN(3) > 0 && !w.Full() {
				last += 1 + rng.Uint64N(5)
				f := flight{last: last, bytes: rng.IntN(20)}
				w.Add(f.last, f.bytes)
				list = append(list, f)
			} else {
				upto := last - min(last, rng.Uint64N(12))
				w.FreeUpto(upto)
				for len(list) > 0 && list[0].last <= upto {
					list = list[1:]
				}
			}
			bytes := 0
			for _, f := range list {
				bytes += f.bytes
			}
			if w.Len() != len(list) || w.Bytes() != bytes {
				t.Fatalf("got %d messages, %d bytes; want %d, %d", w.Len(), w.Bytes(), len(list), bytes)
			}
		}
	}
}

func replicating(match, last uint64) *Progress {
	p := New(last, 4, 1<<20)
	p.Accepted(match)
	return &p
}

func TestAcceptedTurnsProbeIntoPipeline(t *testing.T) {
	p := New(10, 4, 1<<20)
	p.Sent(11, 5)
	if p.CanSend() {
		t.Error("a second probe may be sent before the first was answered")
	}
	if !p.Accepted(11) || p.State != Replicate || p.Match != 11 || p.Next != 12 {
		t.Errorf("got %+v, want replicate with match 11, next 12", p)
	}
	p.Sent(12, 5)
	p.Sent(13, 5)
	if p.Next != 14 || p.Window.Len() != 2 {
		t.Errorf("got next %d, %d in flight; want 14, 2", p.Next, p.Window.Len())
	}
}

func TestMatchNeverRegresses(t *testing.T) {
	p := replicating(11, 10)
	if p.Accepted(5) || p.Match != 11 {
		t.Errorf("a stale acknowledgement moved match to %d, want 11", p.Match)
	}
}

func TestRejectionFallsBackToProbe(t *testing.T) {
	p := replicating(11, 10)
	p.Sent(12, 5)
	p.Sent(13, 5)
	if !p.Rejected(12, 11) {
		t.Fatal("the refusal of a message in flight was taken as stale")
	}
	if p.State != Probe || p.Next != 12 || !p.Window.Empty() {
		t.Errorf("got %+v, want probe at 12 with an empty window", p)
	}
}

func TestStaleRejectionsChangeNothing(t *testing.T) {
	p := replicating(11, 10)
	p.Sent(12, 5)
	for _, rejected := range []uint64{3, 11, 13, 1 << 60} {
		if p.Rejected(rejected, 0) {
			t.Errorf("the refusal at %d was taken as news", rejected)
		}
	}
	probe := New(10, 4, 1<<20)
	if probe.Rejected(9, 3) {
		t.Error("a refusal of another probe was taken as news")
	}
}

func TestRejectionNeverGoesBelowMatch(t *testing.T) {
	p := replicating(11, 10)
	p.Sent(15, 5)
	p.Rejected(14, 2)
	if p.Next != 12 {
		t.Errorf("got next %d, want 12: what is matched stays matched", p.Next)
	}
}

func TestLostWindowIsAskedAbout(t *testing.T) {
	p := replicating(11, 10)
	p.Heard()
	for i := uint64(12); !p.Window.Full(); i++ {
		p.Sent(i, 5)
	}
	p.Heard()
	if !p.Ask {
		t.Error("the window is full, nothing was acknowledged for a whole heartbeat, and nobody asks")
	}
	p.Sent(0, 0)
	if p.Ask {
		t.Error("asked and still asking")
	}
	p.Accepted(13)
	p.Heard()
	if p.Ask {
		t.Error("acknowledgements flow, and still it asks")
	}
}

func TestAcknowledgementEndsTheReadThatItOvertakes(t *testing.T) {
	p := replicating(11, 20)
	p.Sent(15, 5)
	p.Rejected(14, 11)
	p.Fetching = true // the entries from 12 on
	p.Accepted(15)    // late
	if p.Fetching || !p.CanSend() {
		t.Errorf("got %+v: waits for entries that it will not be given", p)
	}
	p.Fetching = true // those from 16 on
	p.Accepted(15)    // again
	if !p.Fetching {
		t.Error("an acknowledgement that is no news ended a read")
	}
}
