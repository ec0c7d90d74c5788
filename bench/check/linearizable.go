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

// searchBytesMax bounds what one search remembers. Porcupine keeps a bit for each operation of the segment at each step
// forward, and forgets none: minutes of a search that leads nowhere would take all memory.
const searchBytesMax = 256 << 20

// Result is what Linearizable found.
type Result struct {
	Verdict Verdict `json:"verdict"`
	Ops     int64   `json:"ops"`     // that say something: ok reads, writes that are ok or were read
	Checked int64   `json:"checked"` // of these, in keys that were checked to the end
	Keys    int     `json:"keys"`
	// Violation describes the first key, in order, that is not linearizable.
	Violation string `json:"violation,omitempty"`
}

// Linearizable checks every key as a register that is missing at the start, or as a counter that is 0 when INCR writes
// it, final reads included. Failed writes never happen; unknown ones may happen at any time after they were sent, or
// never. When timeout is over, or a key takes more memory than is good, what is not yet decided makes the verdict
// unknown, unless a violation was found.
//
// Porcupine decides about registers; three things keep its work small, and none changes an answer. Values are unique,
// so an unknown write ended at the latest when the first read of its value did. One that nobody read is left out at
// first, and taken in only if a CAS that did not find what it expected cannot be explained without it. And where an
// operation overlaps with no other of its key and leaves a known value, that is the register's, and the history can be
// cut.
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
				verdicts[at], sizes[at] = checkOrder(groups[at], deadline)
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

// checkOrder checks the operations of one key, and returns how many said something.
func checkOrder(ops []*Op, deadline time.Time) (Verdict, int64) {
	if isCounter(ops) {
		return checkCounterOrder(ops)
	}
	seen, refused := observed(ops)
	constraining := registerOps(ops, seen, false)
	verdict := checkRegister(constraining, deadline)
	if verdict == VerdictViolation && refused {
		verdict = checkRegister(registerOps(ops, seen, true), deadline)
	}
	return verdict, int64(len(constraining))
}

// access is the input of one operation on a register; the state is the id of its value, "" when missing.
type access struct {
	kind       loadgen.OpKind
	value, old string
	answered   bool
	swapped    bool
}

// register is the model of one key that holds initial.
func register(initial string) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, _ any) (bool, any) {
			a, _ := input.(access)
			switch {
			case a.kind == loadgen.Set:
				return true, a.value
			case a.kind == loadgen.CAS && a.answered:
				if swaps := state == a.old; swaps != a.swapped {
					return false, state
				}
				return true, a.leaves(state)
			case a.kind == loadgen.CAS:
				return true, a.leaves(state)
			}
			return state == a.value, state
		},
	}
}

// leaves returns what a CAS makes of state.
func (a access) leaves(state any) any {
	if state == a.old {
		return a.value
	}
	return state
}

// known returns the register's value after a, and false when that depends on the one before.
func (a access) known() (value string, ok bool) {
	return a.value, a.kind != loadgen.CAS || a.swapped
}

// observed returns for each value when somebody had seen it at the latest: a read of it ended, or a CAS that found it,
// or a read of what an unanswered CAS made of it. refused says that a CAS did not find what it expected.
func observed(ops []*Op) (seen map[string]time.Duration, refused bool) {
	seen = map[string]time.Duration{}
	earlier := func(value string, at time.Duration) bool {
		if before, ok := seen[value]; ok && before <= at {
			return false
		}
		seen[value] = at
		return true
	}
	for _, op := range ops {
		switch {
		case op.Outcome != loadgen.OK:
		case op.Kind == loadgen.Get:
			earlier(op.Value, op.Done)
		case op.Kind == loadgen.CAS && op.Swapped:
			earlier(op.Old, op.Done)
		case op.Kind == loadgen.CAS:
			refused = true
		}
	}
	for changed := true; changed; {
		changed = false
		for _, op := range ops {
			if op.Kind == loadgen.CAS && op.Outcome == loadgen.Unknown {
				if at, ok := seen[op.Value]; ok && earlier(op.Old, at) {
					changed = true
				}
			}
		}
	}
	return seen, refused
}

// registerOps returns the operations of one key, in the order of their calls, that constrain a register: with all, also
// the unanswered writes of values that nobody saw.
func registerOps(ops []*Op, seen map[string]time.Duration, all bool) []porcupine.Operation {
	var out []porcupine.Operation
	for _, op := range ops {
		done := op.Done
		switch {
		case op.Outcome == loadgen.OK:
		case op.mayHaveWritten():
			at, ok := seen[op.Value]
			switch {
			case ok:
				done = max(at, op.Sent) // before Sent: it cannot be, and the model will say so
			case all:
				done = loadgen.Forever
			default:
				continue
			}
		default:
			continue
		}
		out = append(out, porcupine.Operation{
			Input: access{
				kind: op.Kind, value: op.Value, old: op.Old, answered: op.Outcome == loadgen.OK, swapped: op.Swapped,
			},
			Call: int64(op.Sent), Return: int64(done),
		})
	}
	return out
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
		switch search(slices.Clone(ops[:n]), initial, left, searchBytesMax) {
		case porcupine.Illegal:
			return VerdictViolation
		case porcupine.Unknown:
			return VerdictUnknown
		case porcupine.Ok:
		}
		last, _ := ops[n-1].Input.(access)
		initial, _ = last.known() // or this was the last segment
		ops = ops[n:]
	}
	return VerdictOK
}

// stepBytes is what porcupine remembers of a step forward, beside the bit set: headers, the state, a place in a map.
const stepBytes = 160

// search is porcupine within bounds of time and memory.
//
// Note: porcupine has no bound of memory. But it asks the model at each step: one that allows nothing any more ends the
// search soon, with an answer that counts for nothing.
func search(ops []porcupine.Operation, initial string, limit time.Duration, bytesMax int) porcupine.CheckResult {
	model := register(initial)
	step := model.Step
	var forward atomic.Int64
	stepsMax := int64(bytesMax / (len(ops)/8 + stepBytes))
	model.Step = func(state, input, output any) (bool, any) {
		if forward.Load() > stepsMax {
			return false, state
		}
		legal, next := step(state, input, output)
		if legal {
			forward.Add(1)
		}
		return legal, next
	}
	found := porcupine.CheckOperationsTimeout(model, ops, limit)
	if found == porcupine.Illegal && forward.Load() > stepsMax {
		return porcupine.Unknown
	}
	return found
}

// cut returns the length of the first segment: it ends with an operation that overlaps with no other and leaves a known
// value, which is the register's when the next one is called. Otherwise all of ops are one segment.
func cut(ops []porcupine.Operation) int {
	var ended int64 = -1 << 62 // when all before i have returned
	for i, op := range ops {
		alone := op.Call > ended && (i+1 == len(ops) || op.Return < ops[i+1].Call)
		if a, _ := op.Input.(access); alone && i+1 >= segmentOpsMin {
			if _, known := a.known(); known {
				return i + 1
			}
		}
		ended = max(ended, op.Return)
	}
	return len(ops)
}
