package check

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/raftmark/raftmark/loadgen"
)

// segmentOpsMin is how many operations of a key are checked at once before the next cut is taken.
const segmentOpsMin = 64

// Result is what Linearizable found.
type Result struct {
	Verdict Verdict `json:"verdict"`
	Ops     int64   `json:"ops"`     // that say something: ok reads, writes that are ok or were read
	Checked int64   `json:"checked"` // of these, in keys that were checked to the end
	Keys    int     `json:"keys"`
	// Violation describes the first key, in order, that is not linearizable.
	Violation string `json:"violation,omitempty"`
}

// Linearizable checks every key as a register that is missing at the start, final reads included. Failed writes
// never happen; unknown ones may happen at any time after they were sent, or never. When timeout is over, what is
// not yet decided makes the verdict unknown, unless a violation was found.
//
// Porcupine decides; two things keep its work small, and neither changes an answer. Values are unique, so an unknown
// write ended at the latest when the first read of its value did, and one that nobody read may be left out. And
// where an operation overlaps with no other of its key, its value is the register's, and the history can be cut.
func Linearizable(h *History, timeout time.Duration) Result {
	result := Result{Verdict: VerdictOK}
	deadline := time.Now().Add(timeout)
	groups := h.byKey()
	verdicts := make([]Verdict, len(groups))
	sizes := make([]int64, len(groups))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for at := next.Add(1) - 1; at < int64(len(groups)); at = next.Add(1) - 1 {
				ops := registerOps(groups[at])
				sizes[at] = int64(len(ops))
				verdicts[at] = checkRegister(ops, deadline)
			}
		})
	}
	workers.Wait()
	for i, verdict := range verdicts {
		result.Keys++
		result.Ops += sizes[i]
		if verdict != VerdictUnknown {
			result.Checked += sizes[i]
		}
		switch {
		case verdict == VerdictViolation && result.Verdict != VerdictViolation:
			result.Verdict = VerdictViolation
			result.Violation = fmt.Sprintf("key %s: %d operations are not linearizable", groups[i][0].Key, sizes[i])
		case verdict == VerdictUnknown && result.Verdict == VerdictOK:
			result.Verdict = VerdictUnknown
		}
	}
	if h.Dropped > 0 {
		result.Verdict = VerdictUnknown // even a violation: the write that is missing may be among the dropped
	}
	return result
}

// access is the input of one operation on a register; the state is the id of its value, "" when missing.
type access struct {
	write bool
	value string
}

// register is the model of one key that holds initial.
func register(initial string) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, _ any) (bool, any) {
			a, _ := input.(access)
			if a.write {
				return true, a.value
			}
			return state == a.value, state
		},
	}
}

// registerOps returns the operations of one key, in the order of their calls, that constrain a register.
func registerOps(ops []*Op) []porcupine.Operation {
	firstRead := map[string]time.Duration{} // when a read of the value ended
	for _, op := range ops {
		if op.Kind == loadgen.Get && op.Outcome == loadgen.OK {
			if at, ok := firstRead[op.Value]; !ok || op.Done < at {
				firstRead[op.Value] = op.Done
			}
		}
	}
	var all []porcupine.Operation
	for _, op := range ops {
		done := op.Done
		switch {
		case op.Outcome == loadgen.OK:
		case op.mayHaveWritten():
			read, ok := firstRead[op.Value]
			if !ok {
				continue
			}
			done = max(read, op.Sent) // before Sent: it cannot be, and the model will say so
		default:
			continue
		}
		all = append(all, porcupine.Operation{
			Input: access{write: op.Kind == loadgen.Set, value: op.Value}, Call: int64(op.Sent), Return: int64(done),
		})
	}
	return all
}

// checkRegister checks the operations of one key, segment by segment.
func checkRegister(ops []porcupine.Operation, deadline time.Time) Verdict {
	initial := ""
	for len(ops) > 0 {
		n := cut(ops)
		left := time.Until(deadline)
		if left <= 0 {
			return VerdictUnknown
		}
		// Porcupine sorts what it is given.
		switch porcupine.CheckOperationsTimeout(register(initial), slices.Clone(ops[:n]), left) {
		case porcupine.Illegal:
			return VerdictViolation
		case porcupine.Unknown:
			return VerdictUnknown
		case porcupine.Ok:
		}
		last, _ := ops[n-1].Input.(access)
		initial = last.value
		ops = ops[n:]
	}
	return VerdictOK
}

// cut returns the length of the first segment: it ends with an operation that overlaps with no other, so that its
// value is the register's when the next one is called. Otherwise all of ops are one segment.
func cut(ops []porcupine.Operation) int {
	var ended int64 = -1 << 62 // when all before i have returned
	for i, op := range ops {
		alone := op.Call > ended && (i+1 == len(ops) || op.Return < ops[i+1].Call)
		if alone && i+1 >= segmentOpsMin {
			return i + 1
		}
		ended = max(ended, op.Return)
	}
	return len(ops)
}
