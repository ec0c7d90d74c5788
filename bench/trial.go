package bench

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/raft/replica"
)

// never is an instant that was not observed.
const never = time.Duration(-1)

// trialRecord is what the run loop notes of a trial. Instants are on the machine's clock.
type trialRecord struct {
	kind     string
	number   int    // from 1, within the arm and kind
	node     uint64 // who was hit; of all nodes the one that led; 0 is nobody
	term     uint64 // before the fault
	wait     time.Duration
	from     time.Duration // settling began
	command  time.Duration
	inject   time.Duration
	heal     time.Duration
	caughtUp time.Duration // all nodes had; as polled
	recover  time.Duration // and clients were served again; as polled
	end      time.Duration
	injected bool
	note     string // what was drawn for it
}

func (t *trialRecord) traits() fault.Traits { return fault.Of(t.kind) }

// nodeEvent is a step in the life of a node, on the machine's clock.
type nodeEvent struct {
	at    time.Duration
	node  uint64
	event replica.Event

	// members is the configuration, of replica.EventConfig; snapshot the last index, of events of snapshots.
	members  string
	snapshot uint64
}

// note returns what the event says beside its numbers.
func (e *nodeEvent) note() string {
	switch {
	case e.members != "":
		return "members " + e.members
	case e.snapshot > 0:
		return fmt.Sprintf("snapshot to %d", e.snapshot)
	}
	return ""
}

// observations are what a run saw, as the assessment of its trials needs it.
type observations struct {
	entries  []loadgen.Entry // in the order of Intended
	acks     []time.Duration // Done of the ok entries, in order
	writes   []time.Duration // those of writes
	events   []nodeEvent     // in the order of time
	baseline baseline
}

func observe(entries []loadgen.Entry, events []nodeEvent, baseline baseline) observations {
	o := observations{entries: entries, events: events, baseline: baseline}
	for i := range entries {
		if entries[i].Outcome == loadgen.OK {
			o.acks = append(o.acks, entries[i].Done)
			if entries[i].Kind == loadgen.Set {
				o.writes = append(o.writes, entries[i].Done)
			}
		}
	}
	slices.Sort(o.acks)
	slices.Sort(o.writes)
	return o
}

// gap is a time without acknowledgements.
type gap struct {
	from, to time.Duration
	open     bool // no acknowledgement ended it: to is a lower bound
}

// outage returns the longest gap between consecutive acknowledgements that overlaps [from, to]: the first begins with
// the last acknowledgement at or before from (with from when there is none). It is made of acknowledgements only: how
// long an operation waited, or after which timeout it was given up, does not enter it (trap T12). A gap that reaches to
// is open.
func (o observations) outage(from, to time.Duration) gap {
	first := sort.Search(len(o.acks), func(i int) bool { return o.acks[i] > from })
	last := from
	if first > 0 {
		last = o.acks[first-1]
	}
	longest := gap{from: last, to: last}
	for _, ack := range o.acks[first:] {
		if ack > to {
			break
		}
		if ack-last > longest.to-longest.from {
			longest = gap{from: last, to: ack}
		}
		last = ack
	}
	if to-last > longest.to-longest.from {
		longest = gap{from: last, to: to, open: true}
	}
	return longest
}

// closed ends a gap that is open with the first acknowledgement behind it: the load goes on when a trial is over.
func (o observations) closed(g gap) gap {
	if ack := o.firstAck(g.to, loadgen.Forever); ack != never {
		return gap{from: g.from, to: ack}
	}
	return g
}

// firstAck returns the first acknowledgement at or after t and not after to, or never.
func (o observations) firstAck(t, to time.Duration) time.Duration { return firstOf(o.acks, t, to) }

// firstOf returns the first of some sorted instants at or after t and not after to, or never.
func firstOf(instants []time.Duration, t, to time.Duration) time.Duration {
	if i, _ := slices.BinarySearch(instants, t); i < len(instants) && instants[i] <= to {
		return instants[i]
	}
	return never
}

// lastAck returns the last acknowledgement before t, or never.
func (o observations) lastAck(t time.Duration) time.Duration {
	if i, _ := slices.BinarySearch(o.acks, t); i > 0 {
		return o.acks[i-1]
	}
	return never
}

// election is what the nodes said about the change of leader (rule R12).
type election struct {
	detect, elect, commit time.Duration
	rounds                int
	term                  uint64 // of the new leader; 0 when there was none
}

// election follows the events of [from, to] to the first commit of a term above term: the first election timeout, or
// the disk that a node saw hang, or the order of a leader that hands over, the victory that lasted, and the rounds that
// were needed.
func (o observations) election(term uint64, from, to time.Duration) election {
	e := election{detect: never, elect: never, commit: never}
	victories := map[uint64]time.Duration{}
	first := sort.Search(len(o.events), func(i int) bool { return o.events[i].at >= from })
	for _, event := range o.events[first:] {
		if event.at > to {
			break
		}
		switch event.event.Kind {
		case replica.EventPreCampaign, replica.EventDiskStall, replica.EventTransfer:
			if e.detect == never {
				e.detect = event.at
			}
		case replica.EventCampaign:
			e.rounds++
			if e.detect == never {
				e.detect = event.at
			}
		case replica.EventLeader:
			victories[uint64(event.event.Term)] = event.at
		case replica.EventTermCommitted:
			won := uint64(event.event.Term)
			if at, ok := victories[won]; ok && won > term {
				e.elect, e.commit, e.term = at, event.at, won
				return e
			}
		default: // of no step of an election
		}
	}
	return e
}

// turmoil is what is said of the elections of [from, to] when there may be several: how many rounds were started, and
// by how much the term rose to the last that committed.
func (o observations) turmoil(term uint64, from, to time.Duration) (rounds, terms int) {
	for _, event := range o.events {
		switch {
		case event.at < from || event.at > to:
		case event.event.Kind == replica.EventCampaign:
			rounds++
		case event.event.Kind == replica.EventTermCommitted && uint64(event.event.Term) > term:
			terms = max(terms, int(uint64(event.event.Term)-term))
		}
	}
	return rounds, terms
}

// tally counts the operations that a trial touched by outcome: those intended in [from, to), and those intended in
// [since, from) that were still under way at from, most of which a kill leaves unknown. Their latency debt is in
// operation-seconds: sum of max(0, response - baseline). An operation that did not succeed is charged until a new try
// could have: until the first acknowledgement after it was given up, so that errors, however quick, never reduce the
// debt (rule R5).
//
// Note: from is the instant of the order, not of the effect. A dying process closes its connections before it is gone:
// counted from there, the operations that died with it would be in no trial at all.
func (o observations) tally(since, from, to time.Duration) (byOutcome [loadgen.Shed + 1]int64, debt float64) {
	first := sort.Search(len(o.entries), func(i int) bool { return o.entries[i].Intended >= since })
	for i := first; i < len(o.entries) && o.entries[i].Intended < to; i++ {
		e := &o.entries[i]
		if e.Intended < from && e.Done < from {
			continue
		}
		byOutcome[e.Outcome]++
		end := e.Done
		if e.Outcome != loadgen.OK {
			if end = o.firstAck(max(e.Done, e.Intended), loadgen.Forever); end == never {
				end = max(e.Done, to)
			}
		}
		debt += max(0, end-e.Intended-o.baseline.p50).Seconds()
	}
	return byOutcome, debt
}

// anomaly is what is odd about a trial. It is invalid when the trial's numbers are then not what they are called.
type anomaly struct {
	text    string // "" when nothing is odd
	invalid bool
}

// assess computes a trial's row, and says what is odd about it.
func (o observations) assess(t trialRecord, arm armClock) (row result.Trial, odd anomaly) {
	// From the order, not from the effect: clients lose their leader when the signal arrives, milliseconds before the
	// process is gone.
	out := o.outage(t.command, t.end)
	if out.open && t.recover != never {
		out = o.closed(out) // it ended, as nothing was left to wait for, between two acknowledgements
	}
	end := max(t.end, out.to)
	e := o.election(t.term, t.inject, t.end)
	if t.traits().Mixed {
		e = election{detect: never, elect: never, commit: never}
	}
	first := o.firstAck(out.to, end)
	if e.commit != never {
		first = o.firstAck(e.commit, end)
	}
	since := first
	if t.overWhenHealed() {
		since = t.heal
	}
	recovered, firstWrite := never, never
	if since != never {
		recovered = o.recovery(t.from, since, end)
	}
	if first != never {
		firstWrite = firstOf(o.writes, first, end)
	}
	counts, debt := o.tally(t.from, t.command, t.end)
	row = result.Trial{
		Arm: arm.name, Kind: t.kind, Trial: t.number, Node: t.node, PhaseUs: t.wait.Microseconds(),
		CommandUs: arm.us(t.command), InjectUs: arm.us(t.inject),
		LastAckUs: arm.us(o.lastAck(out.to)), DetectUs: arm.us(e.detect), ElectUs: arm.us(e.elect),
		CommitUs: arm.us(e.commit), FirstAckUs: arm.us(first), RecoverUs: arm.us(recovered),
		HealUs: arm.us(t.heal), CaughtUpUs: arm.us(t.caughtUp), EndUs: arm.us(t.end),
		Rounds: e.rounds, OutageMs: milliseconds(out.to - out.from), LatencyDebtOpS: debt,
		OK: counts[loadgen.OK], Failed: counts[loadgen.Failed], Unknown: counts[loadgen.Unknown],
		Shed: counts[loadgen.Shed], FirstWriteUs: arm.us(firstWrite), Note: t.note,
	}
	if t.traits().Mixed {
		row.Rounds, row.Terms = o.turmoil(t.term, t.inject, t.end)
	}
	if e.commit != never {
		row.LeaderlessMs = milliseconds(e.commit - t.inject)
		row.Terms = int(e.term - t.term)
		row.LastAckUs = arm.us(o.lastAck(e.commit))
	} else if t.node != 0 {
		row.LeaderlessMs = -1
	}
	return row, oddity(t, out, e, row.Terms, first, recovered)
}

// overWhenHealed says whether the trial's recovery is counted from its healing: clients were served all the time, or
// now and then.
func (t *trialRecord) overWhenHealed() bool {
	return t.traits().Lasts() && (t.traits().Election == fault.ElectionNone || t.traits().Mixed)
}

// oddity says what is odd about a trial.
func oddity(t trialRecord, out gap, e election, terms int, first, recovered time.Duration) anomaly {
	traits := t.traits()
	switch {
	case out.open:
		return anomaly{"no acknowledgement until its end: the outage is a lower bound", true}
	case traits.Election == fault.ElectionSure && e.commit == never:
		return anomaly{"the nodes reported no new leader that committed", true}
	case traits.Mixed && traits.All && terms == 0:
		return anomaly{"the nodes reported no new leader although each was restarted", true}
	case traits.Election == fault.ElectionNone && e.commit != never:
		return anomaly{"the leader changed although " + withoutNeed(t), false}
	case t.recover == never:
		return anomaly{"not recovered within trial.recover: its debt is a lower bound", true}
	case e.commit != never && t.node != 0 && out.to != first && !traits.Orderly:
		return anomaly{fmt.Sprintf("the longest gap is not that of the failover: it ended %.1f ms after the new leader's "+
			"first acknowledgement", milliseconds(out.to-first)), false}
	case recovered == never:
		return anomaly{fmt.Sprintf("no %v in which clients were served as before: recovery is not known",
			recoveryWindow), false}
	}
	return anomaly{}
}

// withoutNeed says why no new leader was needed in a trial.
func withoutNeed(t trialRecord) string {
	switch traits := t.traits(); {
	case t.node == 0:
		return "nothing was injected"
	case traits.Follower:
		return "only a follower was hit"
	case traits.Links:
		return "it heard a majority"
	default:
		return "its disk was only slow"
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
