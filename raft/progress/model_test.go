package progress

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a leader with one follower, a network between them that a seed has spoilt, and nothing else: the
// entries (prev, last] that messages carry, and whether the follower has them.
type model struct {
	t        *testing.T
	seed     uint64
	rng      *rand.Rand
	p        Progress
	last     uint64 // of the leader's log
	has      uint64 // of it, the follower
	fastest  uint64 // another follower
	adaptive bool
	entries  uint64 // of a message, at most
	bytes    int    // of an entry

	requests []request
	answers  []answer

	bytesMax    int
	messagesMax int
	full        int // how often the window was full
}

type request struct{ prev, last uint64 }

type answer struct {
	match, hint uint64
	reject      bool
	beat        bool
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 51))
	m := &model{
		t: t, seed: seed, rng: rng, last: rng.Uint64N(30), entries: 1 + rng.Uint64N(4), bytes: 1 + rng.IntN(20),
		messagesMax: []int{1, 2, 3, 8, 64, math.MaxInt}[rng.IntN(6)], bytesMax: 1 + rng.IntN(200),
		adaptive: rng.IntN(2) == 0,
	}
	m.has = rng.Uint64N(m.last + 1)
	m.p = New(m.last, m.messagesMax, m.bytesMax)
	if m.adaptive {
		m.p.Window.MakeAdaptive()
	}
	return m
}

// send is what a leader does at each turn.
func (m *model) send() {
	if m.p.Ask {
		m.requests = append(m.requests, request{m.p.Next - 1, m.p.Next - 1})
		m.p.Sent(m.p.Next-1, 0)
	}
	for m.p.CanSend() && (m.p.Next <= m.last || m.p.State == Probe) {
		r := request{prev: m.p.Next - 1, last: min(m.last, m.p.Next-1+m.entries)}
		m.requests = append(m.requests, r)
		m.p.Sent(r.last, int(r.last-r.prev)*m.bytes)
		m.bounded()
	}
	if m.p.State == Replicate && m.p.Window.Full() {
		m.full++
	}
}

// bounded checks what holds after each message.
func (m *model) bounded() {
	m.t.Helper()
	w := &m.p.Window
	switch {
	case w.Len() > w.Limit() && !m.adaptive, w.Limit() < 1, w.Limit() > m.messagesMax:
		m.t.Fatalf("seed %d: %d messages in flight, limit %d of %d", m.seed, w.Len(), w.Limit(), m.messagesMax)
	case w.Len() > m.messagesMax:
		m.t.Fatalf("seed %d: %d messages in flight, at most %d", m.seed, w.Len(), m.messagesMax)
	case w.Len() > 1 && w.Bytes() >= m.bytesMax+int(m.entries)*m.bytes:
		m.t.Fatalf("seed %d: %d bytes in flight, at most %d and a message", m.seed, w.Bytes(), m.bytesMax)
	case m.p.Match > m.has:
		m.t.Fatalf("seed %d: match %d, the follower has %d", m.seed, m.p.Match, m.has)
	case m.p.Next > m.last+1 || m.p.Next <= m.p.Match:
		m.t.Fatalf("seed %d: next %d, match %d, last %d", m.seed, m.p.Next, m.p.Match, m.last)
	}
}

func (m *model) receive(r request) {
	if r.prev > m.has {
		m.answers = append(m.answers, answer{match: r.prev, hint: m.has, reject: true})
		return
	}
	m.has = max(m.has, r.last)
	m.answers = append(m.answers, answer{match: r.last})
}

func (m *model) take(a answer) {
	switch {
	case a.beat:
		m.p.Heard()
	case a.reject:
		m.p.Rejected(a.match, a.hint)
	default:
		if m.p.Accepted(a.match) && m.adaptive {
			m.fastest = max(m.fastest, m.p.Match)
			m.p.Adapt(m.fastest)
		}
	}
	m.bounded()
}

// disturb does one thing that a bad network does.
func (m *model) disturb() {
	switch m.rng.IntN(8) {
	case 0:
		m.last += m.rng.Uint64N(4)
		m.fastest = max(m.fastest, m.last-m.rng.Uint64N(min(m.last, 3)+1))
	case 1:
		m.answers = append(m.answers, answer{beat: true})
	case 2, 3, 4:
		if i, n := m.draw(len(m.requests)); n > 0 {
			r := m.requests[i]
			if m.keep() {
				m.requests = slices.Delete(m.requests, i, i+1)
			}
			if m.rng.IntN(5) > 0 {
				m.receive(r)
			}
		}
	default:
		if i, n := m.draw(len(m.answers)); n > 0 {
			a := m.answers[i]
			if m.keep() {
				m.answers = slices.Delete(m.answers, i, i+1)
			}
			if m.rng.IntN(5) > 0 {
				m.take(a)
			}
		}
	}
	m.send()
}

func (m *model) draw(n int) (i, of int) {
	if n == 0 || m.rng.IntN(3) > 0 {
		return 0, n
	}
	return m.rng.IntN(n), n
}

func (m *model) keep() bool { return m.rng.IntN(6) > 0 }

// TestFlowControlAgainstFaults: with messages lost, copied and reordered in both directions, fixed and
// adaptive windows keep their bounds, what counts as matched is what the follower has, and when the faults
// end all of the log arrives within a few heartbeats: nothing wedges.
func TestFlowControlAgainstFaults(t *testing.T) {
	full := 0
	for seed := range uint64(3000) {
		m := newModel(t, seed)
		for range 300 {
			m.disturb()
		}
		if m.rng.IntN(2) == 0 { // all that is on its way is lost
			m.requests, m.answers = nil, nil
		}
		for range 6 {
			m.answers = append(m.answers, answer{beat: true})
			for len(m.requests)+len(m.answers) > 0 {
				for len(m.requests) > 0 {
					r := m.requests[0]
					m.requests = m.requests[1:]
					m.receive(r)
				}
				if len(m.answers) > 0 {
					a := m.answers[0]
					m.answers = m.answers[1:]
					m.take(a)
				}
				m.send()
			}
		}
		if m.p.Match != m.last || m.has != m.last || !m.p.Window.Empty() {
			t.Fatalf("seed %d: wedged: match %d, the follower has %d of %d: %+v", seed, m.p.Match, m.has, m.last, m.p)
		}
		full += m.full
	}
	if full < 1000 {
		t.Errorf("windows were full %d times: the test has lost its teeth", full)
	}
}

// TestAdaptiveWindowMoves: wide while the follower lags, down again by one message each time that it keeps
// pace, at the floor after a refusal; never above the maximum, however often it is widened.
func TestAdaptiveWindowMoves(t *testing.T) {
	p := New(0, 32, 1<<20)
	p.Window.MakeAdaptive()
	if got := p.Window.Limit(); got != 4 {
		t.Errorf("begins with %d messages, want 4", got)
	}
	p.Accepted(0)
	for _, want := range []int{8, 16, 32, 32} {
		p.Adapt(9)
		if got := p.Window.Limit(); got != want {
			t.Errorf("lags: %d messages, want %d", got, want)
		}
	}
	for want := 31; want >= 4; want-- {
		p.Adapt(0)
		if got := p.Window.Limit(); got != want {
			t.Errorf("keeps pace: %d messages, want %d", got, want)
		}
	}
	p.Adapt(0)
	p.Adapt(9)
	p.Sent(1, 1)
	p.Sent(2, 1)
	if p.Rejected(1, 0); p.Window.Limit() != 4 {
		t.Errorf("refused: %d messages, want 4", p.Window.Limit())
	}
	fixed := New(0, 32, 1<<20)
	fixed.Accepted(0)
	for _, fastest := range []uint64{9, 0} {
		if fixed.Adapt(fastest); fixed.Window.Limit() != 32 {
			t.Errorf("a fixed window moved to %d messages, want 32", fixed.Window.Limit())
		}
	}
	for _, most := range []int{1, 3, 4, 5, math.MaxInt - 1, math.MaxInt} {
		w := NewWindow(most, 1)
		w.MakeAdaptive()
		for range 100 {
			if w.Widen(); w.Limit() < 1 || w.Limit() > most || w.Full() {
				t.Fatalf("a window of at most %d messages was widened to %d", most, w.Limit())
			}
		}
		if w.Limit() != most {
			t.Errorf("widened to %d messages, want %d", w.Limit(), most)
		}
	}
}

// TestNarrowedWindowWaits: a window that has more in flight than it may now is full, and opens when that is
// so no more.
func TestNarrowedWindowWaits(t *testing.T) {
	w := NewWindow(16, 1<<20)
	w.MakeAdaptive()
	w.Widen()
	w.Widen()
	for last := uint64(1); last <= 16; last++ {
		w.Add(last, 1)
	}
	w.Narrow()
	for upto := uint64(1); upto <= 16; upto++ {
		w.FreeUpto(upto)
		if got, want := w.Full(), 16-int(upto) >= 4; got != want {
			t.Errorf("%d in flight, limit %d: full %v", w.Len(), w.Limit(), got)
		}
	}
}

// TestSnapshotStateSendsNothing: in state Snapshot there is no entry to send, and an acknowledgement does
// not end it; its leader decides when the log reaches again.
func TestSnapshotStateSendsNothing(t *testing.T) {
	p := replicating(5, 9)
	p.Sent(12, 1)
	p.BecomeSnapshot()
	if p.CanSend() || p.State != Snapshot || !p.Window.Empty() || p.Next != 6 {
		t.Errorf("got %+v, want nothing in flight and nothing to send", p)
	}
	p.Heard()
	if p.Ask || p.Rejected(8, 3) || p.State != Snapshot {
		t.Errorf("got %+v, want no question and no probe", p)
	}
	if !p.Accepted(20) || p.State != Snapshot || p.Match != 20 || p.Next != 21 {
		t.Errorf("got %+v, want match 20", p)
	}
	if p.FallBack(); p.State != Probe || p.Next != 21 || !p.CanSend() {
		t.Errorf("got %+v, want a probe after 20", p)
	}
}

func TestRecentlyActiveLooksBackOneCheck(t *testing.T) {
	p := New(0, 1, 1)
	if p.RecentlyActive() || p.CheckActive() {
		t.Error("active before it was heard")
	}
	p.Heard()
	if !p.RecentlyActive() || !p.CheckActive() || !p.RecentlyActive() {
		t.Error("heard, and not active at the check and after it")
	}
	if p.CheckActive() || p.RecentlyActive() {
		t.Error("silent for a whole check, and still active")
	}
}
