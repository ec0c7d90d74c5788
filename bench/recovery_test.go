package bench

import (
	"testing"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// The backlog of the outage drains until 1.6 s, one old operation every two new ones; the bench looks at 2.3 s.
func drainUntil1600(e *loadgen.Entry) {
	switch {
	case e.Intended >= 1000*ms && e.Intended < 1400*ms:
		e.Done = 1400*ms + (e.Intended-1000*ms)/2
	case e.Intended >= 1400*ms && e.Intended < 1600*ms:
		e.Done = e.Intended + (1600*ms-e.Intended)/2 + ms
	}
}

func TestRecoveryIsReadFromTheOperations(t *testing.T) {
	trial := kill()
	for _, looked := range []time.Duration{1700 * ms, 2300 * ms, 2900 * ms} {
		trial.caughtUp, trial.recover = looked, looked
		row, odd := observe(ops(0, 3000*ms, drainUntil1600), failover(), calm).assess(trial, armClock{})
		// The last operation of the outage is answered at 1599.5 ms.
		if row.RecoverUs != 1_600_000 || row.CaughtUpUs != looked.Microseconds() || odd.text != "" {
			t.Errorf("looked at %v: got recovery at %d us, caught up at %d us, %q; want 1.6 s, as when looked, nothing",
				looked, row.RecoverUs, row.CaughtUpUs, odd.text)
		}
	}
}

// New operations are quick again while old ones still wait: that is no recovery yet.
func TestBacklogIsNoRecovery(t *testing.T) {
	o := observe(ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms && e.Intended < 1400*ms {
			e.Done = 1400 * ms
			if e.Intended >= 1300*ms {
				e.Done = 1900 * ms
			}
		}
	}), failover(), calm)
	if got := o.recovery(500*ms, 1400*ms, 3000*ms); got != 1900*ms {
		t.Errorf("got %v, want 1.9s", got)
	}
}

func TestNoRecoveryIsNone(t *testing.T) {
	o := observe(ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms && e.Seq%20 == 0 { // 5 in each window
			e.Outcome, e.Done = loadgen.Failed, e.Intended+ms/10
		}
	}), failover(), calm)
	if got := o.recovery(500*ms, 1400*ms, 3000*ms); got != never {
		t.Errorf("got %v although every window has failed operations", got)
	}
}

// Rule R13: the outage and the failover may be two different things.
func TestGapAwayFromTheFailoverIsNoted(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		outageUntilServed(e)
		if e.Intended >= 2000*ms && e.Intended < 2600*ms {
			e.Done = 2600 * ms // the disk stood still
		}
	})
	row, odd := observe(entries, failover(), calm).assess(kill(), armClock{})
	if row.OutageMs != 600.5 || odd.invalid || odd.text == "" {
		t.Errorf("got an outage of %v ms, %+v; want 600.5 and a note", row.OutageMs, odd)
	}
}
