package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// examplesMax is how many faults a report describes; it counts all.
const examplesMax = 20

// Verdict is what a check found.
type Verdict string

// The verdicts. VerdictUnknown is of a check that could not be finished: it is not ok.
const (
	VerdictOK        Verdict = "ok"
	VerdictViolation Verdict = "violation"
	VerdictUnknown   Verdict = "unknown"
)

// LostReport is what LostWrites found.
type LostReport struct {
	Acked     int64    `json:"acked"`     // acknowledged writes
	Checkable int64    `json:"checkable"` // of these, such that the final read would have shown the loss of this one alone
	Lost      int64    `json:"lost"`      // acknowledged, and missing though nothing later can have written over them
	Phantom   int64    `json:"phantom"`   // final values that no write can have left: never written, or failed
	Keys      int      `json:"keys"`      // with an acknowledged or unknown write
	Unread    int      `json:"unread"`    // of these, without an answered final read
	Dropped   int64    `json:"dropped"`   // operations that the history does not have
	Examples  []string `json:"examples"`  // the first few faults in words
}

// Verdict sums the report up.
func (r LostReport) Verdict() Verdict {
	switch {
	case r.Lost > 0 || r.Phantom > 0 && r.Dropped == 0:
		return VerdictViolation
	case r.Unread > 0 || r.Dropped > 0:
		return VerdictUnknown
	}
	return VerdictOK
}

func (r *LostReport) example(format string, args ...any) {
	if len(r.Examples) < examplesMax {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// LostWrites compares the final read of every key with the writes of the history. The final value must come from a
// write w, acknowledged or unknown, such that no acknowledged write w' began after w had ended (an unknown one never
// ends): each such w' should have written over w, and is lost. Where the key is missing, every acknowledged write of
// it is lost.
//
// A counter's final number must be at least the number of acknowledged INCRs, and at most that of all that may have
// taken effect.
//
// A key's final read can show the loss of one write only: of an acknowledged one that began after all others had ended.
// Those are counted as checkable. Where every key is written once, all acknowledged writes are.
func LostWrites(h *History) LostReport {
	report := LostReport{Dropped: h.Dropped}
	for _, ops := range h.byKey() {
		if isCounter(ops) {
			report.checkCounter(ops)
		} else {
			report.checkKey(ops)
		}
	}
	return report
}

// writer is a write that may have left its value.
type writer struct {
	sent, ended time.Duration // ended: Forever when unknown
	acked       bool
}

func (r *LostReport) checkKey(ops []*Op) {
	writes := map[string]writer{}
	var ackedSent []time.Duration // in order, as ops are
	var final *Op
	for _, op := range ops {
		switch {
		case op.hasWritten():
			writes[op.Value] = writer{sent: op.Sent, ended: op.Done, acked: true}
			ackedSent = append(ackedSent, op.Sent)
		case op.mayHaveWritten():
			writes[op.Value] = writer{sent: op.Sent, ended: loadgen.Forever}
		case op.Final && op.Outcome == loadgen.OK:
			final = op
		}
	}
	r.Acked += int64(len(ackedSent))
	if final != nil && lastIsAlone(writes) {
		r.Checkable++
	}
	if len(writes) > 0 {
		r.Keys++
	}
	switch {
	case final == nil && len(writes) > 0:
		r.Unread++
	case final == nil:
	case final.Value == "":
		if lost := len(ackedSent); lost > 0 {
			r.Lost += int64(lost)
			r.example("key %s: missing at the end, of %d acknowledged writes", final.Key, lost)
		}
	default:
		r.checkFinal(final, writes, ackedSent)
	}
}

// lastIsAlone says whether the write that began last was acknowledged, and began when all others had ended: then no
// other value than its own can be right at the end.
func lastIsAlone(writes map[string]writer) bool {
	var last writer
	last.sent = -1
	for _, w := range writes {
		if w.sent > last.sent {
			last = w
		}
	}
	earlier := 0
	for _, w := range writes {
		if w.ended < last.sent {
			earlier++
		}
	}
	return last.acked && earlier == len(writes)-1
}

func (r *LostReport) checkFinal(final *Op, writes map[string]writer, ackedSent []time.Duration) {
	w, written := writes[final.Value]
	if !written {
		r.Phantom++
		r.example("key %s: %s at the end, which no write can have left", final.Key, final.Value)
		return
	}
	// Acknowledged writes that began after w had ended.
	first, _ := slices.BinarySearchFunc(ackedSent, w.ended, func(sent, ended time.Duration) int {
		if sent > ended {
			return 1
		}
		return -1
	})
	if lost := len(ackedSent) - first; lost > 0 {
		r.Lost += int64(lost)
		r.example("key %s: %s at the end, written at %v and acknowledged at %v; %d acknowledged writes began after that, "+
			"the last at %v", final.Key, final.Value, w.sent, w.ended, lost, ackedSent[len(ackedSent)-1])
	}
}
