package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

func sorted(values []float64) []float64 { return slices.Sorted(slices.Values(values)) }

func phasesOf(spans ...span) *phaseLog {
	p := &phaseLog{}
	for _, s := range spans {
		p.begin(s.name, s.from)
	}
	p.end(spans[len(spans)-1].to)
	return p
}

// Trap T10: a second without completions has its hundred bins, with zeros in them.
func TestEveryBinHasARow(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms && e.Intended < 2000*ms {
			e.Done = 2000*ms + 5*ms
		}
	})
	log := phasesOf(span{"warmup", 0, 0}, span{"steady", 500 * ms, 0}, span{"leader-kill", 1000 * ms, 3000 * ms})
	bins := timeline(entries, log, armClock{name: "a"}, 0, 3000*ms)
	if len(bins) != 300 {
		t.Fatalf("got %d bins, want 300", len(bins))
	}
	var offered, ok int64
	for i, b := range bins {
		if b.StartUs != int64(i)*10_000 || b.WidthUs != 10_000 {
			t.Fatalf("bin %d starts at %d us and is %d us wide", i, b.StartUs, b.WidthUs)
		}
		offered, ok = offered+b.Offered, ok+b.OK
	}
	if offered != 3000 || ok != 3000 {
		t.Errorf("got %d offered and %d ok, want 3000 each", offered, ok)
	}
	dark := bins[150]
	if dark.OK != 0 || dark.Offered != 10 || dark.P99Us != -1 || dark.InFlight != 510 {
		t.Errorf("got %+v in the middle of the outage, want 10 offered, none ok, no latency, 510 in flight", dark)
	}
	if b := bins[20]; b.OK != 10 || b.P99Us != -1 || b.P50Us < 0 || b.MaxUs < 0 {
		t.Errorf("got %+v in a calm bin, want a median and a slowest, and no p99 of 10 operations", b)
	}
	if b := bins[200]; b.P99Us < 0 || b.OK != 1010 || b.MaxUs != 1_005_000 || b.InFlight != 0 {
		t.Errorf("got %+v after the outage, want 1010 ok, the slowest 1005 ms", b)
	}
	for at, want := range map[int]string{
		0: "warmup", 49: "warmup", 50: "steady", 99: "steady", 100: "leader-kill", 299: "leader-kill",
	} {
		if bins[at].Phase != want {
			t.Errorf("bin %d: got phase %q, want %q", at, bins[at].Phase, want)
		}
	}
}

func TestRunsFollowEachOtherOnTheArmsClock(t *testing.T) {
	first := armClock{name: "a"}.next(7*time.Hour, 0)
	if got := first.us(7*time.Hour + time.Second); got != 1_000_000 {
		t.Errorf("got %d, want 1 s", got)
	}
	second := first.next(9*time.Hour, 60*time.Second)
	if got := second.us(9 * time.Hour); got != 60_000_000 {
		t.Errorf("got %d, want 60 s", got)
	}
	if got := second.us(never); got != -1 {
		t.Errorf("got %d for never, want -1", got)
	}
}

func TestSteadyIsMeasuredByIntendedTime(t *testing.T) {
	entries := ops(0, 4000*ms, func(*loadgen.Entry) {})
	s := newSteadyStats()
	s.add(1, entries, 1000*ms, 3000*ms, nil)
	s.add(2, entries, 0, 1000*ms, nil)
	got, invalid := s.summary()
	if got.OK != 3000 || got.DurationS != 3 || got.OfferedPerS != 1000 || got.AchievedPerS < 999 {
		t.Errorf("got %+v, want 3000 operations in 3 s", got)
	}
	if len(invalid) != 0 {
		t.Errorf("got %q, want valid", invalid)
	}
	if *got.ResponseUs.P50 != 500 {
		t.Errorf("got p50 %v us, want 500", *got.ResponseUs.P50)
	}
}

func TestSteadyGates(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(e *loadgen.Entry)
		want string
	}{
		"shed":     {func(e *loadgen.Entry) { set(e, e.Seq%100 == 0, loadgen.Shed) }, "shed"},
		"failed":   {func(e *loadgen.Entry) { set(e, e.Seq == 7, loadgen.Failed) }, "1 operations failed"},
		"unknown":  {func(e *loadgen.Entry) { set(e, e.Seq == 7, loadgen.Unknown) }, "1 ended unknown"},
		"achieved": {func(e *loadgen.Entry) { set(e, e.Seq%50 == 0, loadgen.Failed) }, "below 99 %"},
		"late":     {func(e *loadgen.Entry) { e.Dispatched, e.Done = e.Dispatched+2*ms, e.Done+2*ms }, "generator was late"},
		"drift":    {func(e *loadgen.Entry) { e.Done += e.Intended / 100 }, "was not steady"},
		"none":     {func(e *loadgen.Entry) { set(e, true, loadgen.Failed) }, "none of"},
	} {
		s := newSteadyStats()
		s.add(1, ops(0, 4000*ms, c.end), 0, 4000*ms, nil)
		if _, invalid := s.summary(); !strings.Contains(strings.Join(invalid, "\n"), c.want) {
			t.Errorf("%s: got %q, want %q", name, invalid, c.want)
		}
	}
}

// A run that did not hold the conditions is named, however many good ones it is pooled with.
func TestSteadyGatesHoldForEachRun(t *testing.T) {
	good := func(*loadgen.Entry) {}
	for want, bad := range map[string]func(e *loadgen.Entry){
		"run 2: the generator was late": func(e *loadgen.Entry) {
			if e.Seq%80 == 0 { // 1.25 % of its run, 0.1 % of all
				e.Dispatched, e.Sent, e.Done = e.Dispatched+5*ms, e.Sent+5*ms, e.Done+5*ms
			}
		},
		"run 2: achieved": func(e *loadgen.Entry) { set(e, e.Seq%50 == 0, loadgen.Shed) }, // 2 % of its run, 0.2 % of all
	} {
		s := newSteadyStats()
		for run := range 10 {
			end := good
			if run+1 == 2 {
				end = bad
			}
			s.add(run+1, ops(0, 4000*ms, end), 0, 4000*ms, nil)
		}
		_, invalid := s.summary()
		if text := strings.Join(invalid, "\n"); !strings.Contains(text, want) || strings.Contains(text, "run 1:") {
			t.Errorf("got %q, want %q and nothing of the others", invalid, want)
		}
	}
}

func set(e *loadgen.Entry, when bool, outcome loadgen.Outcome) {
	if when {
		e.Outcome = outcome
	}
}

// Trap T7: failed operations raise the percentiles of the response.
func TestErrorsRaiseTheResponse(t *testing.T) {
	s := newSteadyStats()
	s.add(1, ops(0, 4000*ms, func(e *loadgen.Entry) { set(e, e.Seq%20 == 0, loadgen.Failed) }), 0, 4000*ms, nil)
	got, _ := s.summary()
	if *got.ResponseUs.P99 < 9e6 {
		t.Errorf("got p99 %v us with 5 %% failed, want their deadline of 10 s", *got.ResponseUs.P99)
	}
}

func TestQuantilesBelowTheirMinimumAreAbsent(t *testing.T) {
	for n, want := range map[int][3]bool{
		5: {}, 6: {true}, 36: {true}, 71: {true}, 72: {true, true}, 368: {true, true, true},
	} {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(n - i)
		}
		q := quantilesOf(values)
		got := [3]bool{q.P50 != nil, q.P95 != nil, q.P99 != nil}
		if got != want || *q.Min != 1 || *q.Max != float64(n) {
			t.Errorf("n = %d: got p50, p95, p99 %v, want %v; min %v, max %v", n, got, want, *q.Min, *q.Max)
		}
	}
}

func TestRecentSeesServiceReturn(t *testing.T) {
	r := &recent{}
	add := func(at, response time.Duration, kind loadgen.OpKind, outcome loadgen.Outcome) {
		r.Record(&loadgen.Op{Intended: at - response, Done: at, Kind: kind, Outcome: outcome})
	}
	add(100*ms, ms, loadgen.Set, loadgen.OK)
	add(200*ms, ms, loadgen.Get, loadgen.OK)
	add(210*ms, ms, loadgen.Set, loadgen.Failed)
	if r.wroteSince(150 * ms) {
		t.Error("a read and a failed write passed for a write")
	}
	add(300*ms, 90*ms, loadgen.Set, loadgen.OK)
	if !r.wroteSince(150 * ms) {
		t.Error("the write at 300 ms was not seen")
	}
	if n, p99 := r.window(150 * ms); n != 2 || p99 != 90*ms {
		t.Errorf("got %d acknowledgements, p99 %v; want 2 and 90ms", n, p99)
	}
}
