package bench

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
)

const ms = time.Millisecond

// calm is the steady phase of these tests' operations.
var calm = baseline{p50: ms / 2, p99: ms / 2, perS: 1000}

// ops returns one operation every millisecond of [from, to), each ended by end.
func ops(from, to time.Duration, end func(e *loadgen.Entry)) []loadgen.Entry {
	var entries []loadgen.Entry
	for at := from; at < to; at += ms {
		e := loadgen.Entry{
			Seq: uint64(len(entries)), Intended: at, Dispatched: at, Sent: at, Done: at + ms/2,
			Deadline: at + 10*time.Second, Kind: loadgen.Set, Outcome: loadgen.OK, Attempts: 1,
		}
		end(&e)
		entries = append(entries, e)
	}
	return entries
}

// kill is the usual trial of these tests: killed at 1 s, served again at 1.4 s, ended at 3 s.
func kill() trialRecord {
	return trialRecord{
		kind: "leader-kill", number: 1, node: 2, term: 3, injected: true, wait: 17 * ms,
		from: 500 * ms, command: 999 * ms, inject: 1000 * ms, heal: 2000 * ms, caughtUp: 2300 * ms,
		recover: 2300 * ms, end: 3000 * ms,
	}
}

// outageUntilServed delays every operation due in the outage to its end.
func outageUntilServed(e *loadgen.Entry) {
	if e.Intended >= 1000*ms && e.Intended < 1400*ms {
		e.Done = 1400 * ms
	}
}

func failover() []nodeEvent {
	event := func(at time.Duration, node uint64, kind replica.EventKind, term raft.Term) nodeEvent {
		return nodeEvent{at: at, node: node, event: replica.Event{Kind: kind, Term: term}}
	}
	return []nodeEvent{
		event(100*ms, 2, replica.EventLeader, 3),
		event(110*ms, 2, replica.EventTermCommitted, 3),
		event(1250*ms, 1, replica.EventPreCampaign, 4),
		event(1255*ms, 1, replica.EventCampaign, 4),
		event(1300*ms, 3, replica.EventCampaign, 5),
		event(1310*ms, 3, replica.EventLeader, 5), // lasted too short to commit
		event(1350*ms, 1, replica.EventCampaign, 6),
		event(1380*ms, 1, replica.EventLeader, 6),
		event(1390*ms, 1, replica.EventTermCommitted, 6),
		event(2500*ms, 2, replica.EventPreCampaign, 7),
	}
}

func TestTrialOfAKnownFailover(t *testing.T) {
	entries := ops(0, 3000*ms, outageUntilServed)
	o := observe(entries, failover(), calm)
	row, anomaly := o.assess(kill(), armClock{name: "transport=tcp"})
	want := result.Trial{
		Arm: "transport=tcp", Kind: "leader-kill", Trial: 1, Node: 2, PhaseUs: 17_000,
		CommandUs: 999_000, InjectUs: 1_000_000, LastAckUs: 999_500, DetectUs: 1_250_000, ElectUs: 1_380_000,
		CommitUs: 1_390_000, FirstAckUs: 1_400_000, RecoverUs: 1_400_000, HealUs: 2_000_000, CaughtUpUs: 2_300_000,
		EndUs: 3_000_000, FirstWriteUs: 1_400_000,
		Rounds: 3, Terms: 3, OutageMs: 400.5, LeaderlessMs: 390, OK: 2001, // from the order, at 999 ms, on
	}
	debt := row.LatencyDebtOpS
	row.LatencyDebtOpS = 0
	if row != want {
		t.Errorf("got\n%+v\nwant\n%+v", row, want)
	}
	// 400 operations waited 400, 399, ... 1 ms, each less the baseline of half a millisecond.
	if wantDebt := (400*401/2 - 400*0.5) / 1000; math.Abs(debt-wantDebt) > 1e-6 {
		t.Errorf("got a debt of %v, want %v", debt, wantDebt)
	}
	if anomaly.text != "" {
		t.Errorf("got anomaly %v, want none", anomaly)
	}
	got := row.PhasesMs()
	for name, want := range map[string]float64{
		"detect": 250, "elect": 130, "first_commit": 10, "client": 10, "recover": 0, "catch_up": 300,
	} {
		if got[name] != want {
			t.Errorf("phase %s: got %v ms, want %v", name, got[name], want)
		}
	}
}

// Rule R13: clients are without service from the last acknowledgement on, which is before the killed process is gone.
func TestOutageBeginsAtTheLastAcknowledgement(t *testing.T) {
	trial := kill()
	trial.command = 992 * ms // the process takes 8 ms to be gone
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 991*ms && e.Intended < 1400*ms {
			e.Done = 1400 * ms
		}
	})
	row, _ := observe(entries, failover(), calm).assess(trial, armClock{})
	if row.OutageMs != 409.5 || row.LastAckUs != 990_500 || row.LeaderlessMs != 390 {
		t.Errorf("got an outage of %v ms from %d us, leaderless %v ms; want 409.5 from 990500, 390 from the effect",
			row.OutageMs, row.LastAckUs, row.LeaderlessMs)
	}
}

func TestNoOpHasNoOutageAndNoPhases(t *testing.T) {
	trial := kill()
	trial.kind, trial.node = "noop", 0
	o := observe(ops(0, 3000*ms, func(*loadgen.Entry) {}), failover()[:2], calm)
	row, anomaly := o.assess(trial, armClock{})
	if row.OutageMs != 1 || row.LeaderlessMs != 0 || row.DetectUs != -1 || row.CommitUs != -1 || row.LatencyDebtOpS != 0 {
		t.Errorf("got %+v, want an outage of 1 ms, the distance of two operations, and nothing else", row)
	}
	if len(row.PhasesMs()) != 0 || anomaly.text != "" {
		t.Errorf("got phases %v, anomaly %v; want none", row.PhasesMs(), anomaly)
	}
}

// Trap T12: operations that were given up at their timeout, long after the service came back, say nothing about the
// outage.
func TestTimeoutDoesNotMasqueradeAsOutage(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms && e.Intended < 1400*ms {
			e.Outcome, e.Done = loadgen.Unknown, e.Intended+10*time.Second
		}
	})
	row, _ := observe(entries, failover(), calm).assess(kill(), armClock{})
	if row.OutageMs != 401 {
		t.Errorf("got an outage of %v ms, want 401", row.OutageMs)
	}
	if row.Unknown != 400 {
		t.Errorf("got %d unknown, want 400", row.Unknown)
	}
}

// A burst of errors is not service: quick failures neither shorten the outage nor lower the debt.
func TestErrorsNeverImproveATrial(t *testing.T) {
	waited, _ := observe(ops(0, 3000*ms, outageUntilServed), failover(), calm).assess(kill(), armClock{})
	for _, outcome := range []loadgen.Outcome{loadgen.Failed, loadgen.Unknown, loadgen.Shed} {
		entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
			if e.Intended >= 1000*ms && e.Intended < 1400*ms {
				e.Outcome, e.Done = outcome, e.Intended+10*time.Microsecond
			}
		})
		row, _ := observe(entries, failover(), calm).assess(kill(), armClock{})
		if row.OutageMs < waited.OutageMs || row.LatencyDebtOpS < waited.LatencyDebtOpS {
			t.Errorf("%v: got outage %v ms and debt %v, want at least %v and %v", outcome,
				row.OutageMs, row.LatencyDebtOpS, waited.OutageMs, waited.LatencyDebtOpS)
		}
	}
}

// What is under way when the kill is ordered belongs to the trial, although it was due before: its connections broke
// before the process was gone. What ended before, and what was due before the trial, does not.
func TestOperationsUnderWayAtTheKillAreItsOwn(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		outageUntilServed(e)
		switch {
		case e.Intended >= 990*ms && e.Intended < 1000*ms:
			e.Outcome, e.Done = loadgen.Unknown, 999*ms+ms/2 // after the order, before the effect
		case e.Intended == 980*ms:
			e.Outcome = loadgen.Unknown // and given up before the order
		case e.Intended == 400*ms:
			e.Outcome, e.Done = loadgen.Unknown, 2000*ms // of an earlier trial
		}
	})
	row, _ := observe(entries, failover(), calm).assess(kill(), armClock{})
	if row.Unknown != 10 || row.OK != 2000 {
		t.Errorf("got %d unknown and %d ok, want the 10 that the kill cut off and the 2000 after it", row.Unknown, row.OK)
	}
	// The 10 waited from 990 ... 999 ms for 1400 ms, those of the outage as without them; less half a millisecond each.
	want := (400*401/2 + 10*400 + 10*11/2 - 410*0.5) / 1000
	if math.Abs(row.LatencyDebtOpS-want) > 1e-6 {
		t.Errorf("got a debt of %v, want %v", row.LatencyDebtOpS, want)
	}
}

func TestOutageThatDidNotEndIsAnomalous(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms {
			e.Outcome = loadgen.Failed
		}
	})
	row, anomaly := observe(entries, nil, calm).assess(kill(), armClock{})
	if row.OutageMs != 2000.5 || row.FirstAckUs != -1 || !anomaly.invalid {
		t.Errorf("got outage %v ms, first ack %d, anomaly %v; want 2000.5, -1 and one", row.OutageMs, row.FirstAckUs, anomaly)
	}
	if row.LeaderlessMs != -1 {
		t.Errorf("got leaderless %v ms, want -1: not observed", row.LeaderlessMs)
	}
}

// A trial ends when the clients are served, at any time between two acknowledgements.
func TestOutageOfATrialThatEndsBetweenTwoAcknowledgements(t *testing.T) {
	trial := kill()
	trial.kind, trial.node, trial.command, trial.inject, trial.heal = fault.NoOp, 0, 1000*ms, 1000*ms, never
	trial.end = 1000*ms + 200*time.Microsecond
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Done > 1000*ms && e.Done < 1010*ms { // a wait that the end cuts
			e.Done = 1010 * ms
		}
	})
	row, anomaly := observe(entries, nil, calm).assess(trial, armClock{})
	if row.OutageMs != 10.5 || row.FirstAckUs < 0 || anomaly.invalid {
		t.Errorf("got outage %v ms, first ack at %d us, %+v; want the 10.5 ms from 999.5 ms to 1010 ms",
			row.OutageMs, row.FirstAckUs, anomaly)
	}
}

// docs/methodology.md: a trial that did not recover within its limit makes the result invalid.
func TestTrialThatDidNotRecoverIsInvalid(t *testing.T) {
	trial := kill()
	trial.caughtUp, trial.recover = never, never
	row, anomaly := observe(ops(0, 3000*ms, outageUntilServed), failover(), calm).assess(trial, armClock{})
	if row.CaughtUpUs != -1 || !anomaly.invalid {
		t.Errorf("got caught up at %d us, anomaly %+v; want never, and an invalid one", row.CaughtUpUs, anomaly)
	}
}

func TestOutageIsTheLongestGapThatOverlapsTheTrial(t *testing.T) {
	o := observations{acks: []time.Duration{10 * ms, 900 * ms, 1000 * ms, 1100 * ms, 1400 * ms, 1500 * ms, 4000 * ms}}
	for _, c := range []struct {
		from, to time.Duration
		want     gap
	}{
		{900 * ms, 1600 * ms, gap{from: 1100 * ms, to: 1400 * ms}},
		{950 * ms, 1600 * ms, gap{from: 1100 * ms, to: 1400 * ms}},
		{20 * ms, 1600 * ms, gap{from: 10 * ms, to: 900 * ms}},         // from the last one before
		{5 * ms, 20 * ms, gap{from: 10 * ms, to: 20 * ms, open: true}}, // none before
		{950 * ms, 3000 * ms, gap{from: 1500 * ms, to: 3000 * ms, open: true}},
		{950 * ms, 4000 * ms, gap{from: 1500 * ms, to: 4000 * ms}},
		{5000 * ms, 5100 * ms, gap{from: 4000 * ms, to: 5100 * ms, open: true}},
	} {
		if got := o.outage(c.from, c.to); got != c.want {
			t.Errorf("[%v, %v]: got %+v, want %+v", c.from, c.to, got, c.want)
		}
	}
}

// Trap T13: the fault falls uniformly into the heartbeat interval. One-sample Kolmogorov-Smirnov at 1 %.
func TestFaultPhaseIsUniform(t *testing.T) {
	const n = 2000
	heartbeat := 50 * ms
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 1))
		var sample []float64
		for range n {
			sample = append(sample, float64(randomPhase(random, heartbeat))/float64(heartbeat))
		}
		if d, limit := ksUniform(sample), 1.63/math.Sqrt(n); d > limit {
			t.Errorf("seed %d: D = %.4f, want at most %.4f", seed, d, limit)
		}
	}
}

// The test above must be able to fail.
func TestUniformityTestRejectsAFixedPhase(t *testing.T) {
	sample := make([]float64, 2000)
	for i := range sample {
		sample[i] = 0.3 + 0.1*float64(i)/float64(len(sample))
	}
	if d := ksUniform(sample); d < 0.5 {
		t.Errorf("got D = %.4f for a clustered sample, want above 0.5", d)
	}
}

func ksUniform(sample []float64) (d float64) {
	n := float64(len(sample))
	for i, x := range sorted(sample) {
		d = max(d, float64(i+1)/n-x, x-float64(i)/n)
	}
	return d
}
