package faults

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
)

const ms = Duration(time.Millisecond)

func TestFaultyRulesAreRefusedAndNoneIsAdded(t *testing.T) {
	for want, c := range map[string]struct {
		level Level
		rule  Rule
	}{
		`direction: ""`:               {ConnectionLevel, Rule{Action: Cut}},
		`action: "break"`:             {ConnectionLevel, Rule{Direction: Out, Action: "break"}},
		`lane: "fast"`:                {ConnectionLevel, Rule{Direction: Out, Action: Cut, Lane: "fast"}},
		`does not show its lane`:      {DatagramLevel, Rule{Direction: Out, Action: Cut, Lane: "append"}},
		`delay: 0s`:                   {ConnectionLevel, Rule{Direction: Out, Action: Delay}},
		`jitter: 2ms, want 0 to`:      {ConnectionLevel, Rule{Direction: Out, Action: Delay, Delay: ms, Jitter: 2 * ms}},
		`delay: 1ms, want none`:       {ConnectionLevel, Rule{Direction: Out, Action: Cut, Delay: ms}},
		`probability: 2,`:             {DatagramLevel, Rule{Direction: Out, Action: Drop, Probability: 2}},
		`less than 1 at connection`:   {ConnectionLevel, Rule{Direction: Out, Action: Drop, Probability: 1}},
		`retransmit: 1ms, want none`:  {DatagramLevel, Rule{Direction: Out, Action: Drop, Probability: .1, Retransmit: ms}},
		`bandwidth: 1, want 1024`:     {ConnectionLevel, Rule{Direction: Out, Action: Bandwidth, Bandwidth: 1}},
		`bandwidth: 1, want none`:     {ConnectionLevel, Rule{Direction: Out, Action: Cut, Bandwidth: 1}},
		`flap_min: 0s, flap_max: 1ms`: {ConnectionLevel, Rule{Direction: Out, Action: Cut, FlapMax: ms}},
		`flap_min: 1ms, flap_max: 1ms`: {ConnectionLevel, Rule{
			Direction: Out, Action: Delay, Delay: ms, FlapMin: ms, FlapMax: ms,
		}},
	} {
		l := New(c.level, 1)
		err := l.Add(Rule{Direction: Out, Action: Cut}, c.rule)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "rules[1].") {
			t.Errorf("%+v: %v, want %q of the second", c.rule, err, want)
		}
		if l.Active() {
			t.Errorf("%+v: the good rule beside it was added", c.rule)
		}
	}
	l := newLinks(t)
	mustAdd(t, l, slices.Repeat([]Rule{{Direction: Out, Action: Cut}}, RulesMax)...)
	if err := l.Add(Rule{Direction: Out, Action: Cut}); err == nil {
		t.Error("more rules than the bound")
	}
	_ = l.Close()
	if err := l.Add(Rule{Direction: Out, Action: Cut}); !errors.Is(err, ErrClosed) || l.Active() {
		t.Errorf("added after Close: %v", err)
	}
}

func TestRulesSurviveJSON(t *testing.T) {
	want := Rule{
		Name: "n", Peer: 2, Direction: In, Lane: "append", Action: Delay, Delay: 5 * ms, Jitter: ms, Seed: 9,
	}
	text, err := json.Marshal(want)
	var got Rule
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil || !reflect.DeepEqual(got, want) || !strings.Contains(string(text), `"delay":"5ms"`) {
		t.Errorf("got %s, %+v, %v", text, got, err)
	}
	err = json.Unmarshal([]byte(`{"delay":"soon"}`), &got)
	if err == nil || !strings.Contains(err.Error(), "as in 20ms") {
		t.Errorf("got %v", err)
	}
}

// fates returns what becomes of n datagrams to a peer.
func fates(l *Links, peer raft.NodeID, n int) (passed []bool, holds []time.Duration) {
	for range n {
		hold, pass := l.Datagram(peer, true, 1200)
		passed, holds = append(passed, pass), append(holds, hold)
	}
	return passed, holds
}

func TestDatagramsAreLostByTheSeed(t *testing.T) {
	const n = 10_000
	lossy := Rule{Direction: Out, Action: Drop, Probability: .01}
	first, second, other := New(DatagramLevel, 5), New(DatagramLevel, 5), New(DatagramLevel, 6)
	for _, l := range []*Links{first, second, other} {
		mustAdd(t, l, lossy)
	}
	a, _ := fates(first, 2, n)
	for range 100 { // another link has chances of its own
		_, _ = second.Datagram(3, true, 1200)
		_, _ = second.Datagram(2, false, 1200)
	}
	b, _ := fates(second, 2, n)
	c, _ := fates(other, 2, n)
	if !slices.Equal(a, b) {
		t.Error("the same seed lost others")
	}
	if slices.Equal(a, c) {
		t.Error("another seed lost the same")
	}
	lost := int64(0)
	for _, pass := range a {
		if !pass {
			lost++
		}
	}
	if lost < 60 || lost > 140 || lost != hits(first) {
		t.Errorf("%d of %d lost, %d hits, want about 100", lost, n, hits(first))
	}
}

func TestDatagramsAreHeldCutAndQueued(t *testing.T) {
	l := New(DatagramLevel, 1)
	if hold, pass := l.Datagram(2, true, 1200); hold != 0 || !pass {
		t.Errorf("held for %v without rules", hold)
	}
	mustAdd(t, l, Rule{Name: "delay", Direction: Out, Action: Delay, Delay: 5 * ms, Jitter: 2 * ms})
	_, holds := fates(l, 2, 1000)
	low, high := slices.Min(holds), slices.Max(holds)
	if low < 3*time.Millisecond || high > 7*time.Millisecond || high-low < 3*time.Millisecond {
		t.Errorf("held for %v to %v, want about 3 to 7 ms", low, high)
	}
	if hold, _ := l.Datagram(2, false, 1200); hold != 0 {
		t.Errorf("held for %v the other way", hold)
	}
	mustAdd(t, l, Rule{Name: "cut", Peer: 2, Direction: Both, Action: Cut})
	for _, c := range []struct {
		peer     raft.NodeID
		outgoing bool
		want     bool
	}{{2, true, false}, {2, false, false}, {3, true, true}, {raft.None, true, true}} {
		if _, pass := l.Datagram(c.peer, c.outgoing, 1200); pass != c.want {
			t.Errorf("%+v: passed %v", c, pass)
		}
	}
	l.Clear("")
	mustAdd(t, l, Rule{Direction: Out, Action: Bandwidth, Bandwidth: 1 << 20})
	passed, holds := fates(l, 2, 1000) // 1.2 MB at once: 105 ms of bandwidth pass
	through := slices.Index(passed, false)
	if through < 80 || through > 150 || holds[through-1] > QueueDelayMax {
		t.Errorf("%d passed of what is due within %v, the last after %v", through, QueueDelayMax, holds[through-1])
	}
}

// A lost packet of a connection waits for a round trip after the next that arrives, or for its retransmission.
func TestLostPacketOfAConnectionIsSentAgain(t *testing.T) {
	now := time.Now()
	at := func(after time.Duration, lost, again bool) chunk {
		return chunk{passage: passage{
			due: now.Add(after), lost: lost, again: again, roundTrip: 10 * time.Millisecond,
		}, data: []byte{1}}
	}
	h := &half{}
	h.push(at(200*time.Millisecond, true, false))
	h.push(at(210*time.Millisecond, true, false))
	h.push(at(600*time.Millisecond, true, true))
	if due := h.chunks[0].due; !due.Equal(now.Add(200 * time.Millisecond)) {
		t.Errorf("due %v: noticed by a packet that is lost itself", due.Sub(now))
	}
	h.push(at(50*time.Millisecond, false, false))
	for i, want := range []time.Duration{60, 60, 600, 50} {
		if due := h.chunks[i].due; !due.Equal(now.Add(want * time.Millisecond)) {
			t.Errorf("chunk %d: due %v, want %d ms", i, due.Sub(now), want)
		}
	}
	l := newLinks(t, Rule{Direction: Out, Action: Drop, Probability: .25})
	late, n := 0, 2000
	for range n {
		p := l.inForce.Load().schedule(link{peer: 2, direction: Out}, 100, now)
		if p.lost {
			late++
		}
		if p.lost != p.due.After(now) || p.again && p.due.Sub(now) < 600*time.Millisecond {
			t.Fatalf("%+v", p)
		}
	}
	if late < n/5 || late > n*3/10 || hits(l) != int64(late) {
		t.Errorf("%d of %d late, %d hits, want a quarter", late, n, hits(l))
	}
}

func TestFlappingCutComesAndGoesBySeed(t *testing.T) {
	turns := func() (healed []time.Duration) {
		l := newLinks(t, Rule{Direction: Both, Action: Cut, FlapMin: 2 * ms, FlapMax: 20 * ms, Seed: 3})
		begin, before := time.Now(), false
		for len(healed) < 4 {
			rs := l.inForce.Load()
			if now := !rs.cut(link{peer: 2, direction: Out}); now != before {
				before, healed = now, append(healed, time.Since(begin))
			}
			<-rs.changed
		}
		if l.Rules()[0].Hits != 0 {
			t.Error("hits without packets")
		}
		_ = l.Close()
		return healed
	}
	first, second := turns(), turns()
	for i := range first {
		if d := (first[i] - second[i]).Abs(); d > 15*time.Millisecond {
			t.Logf("turn %d at %v and %v: a slow machine, or another seed", i, first[i], second[i])
		}
		if first[i] < time.Duration(2*(i+1))*time.Millisecond {
			t.Errorf("turn %d ended after %v", i, first[i])
		}
	}
}
