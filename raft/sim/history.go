package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkHistory decides whether what the clients saw is linearizable, key by key: registers by porcupine, counters by
// their own rule, which is exact for them and also finds what was executed twice.
func checkHistory(ops []*op) (rule, error) {
	byKey := map[int][]*op{}
	keys := 0
	for _, o := range ops {
		byKey[o.key] = append(byKey[o.key], o)
		keys = max(keys, o.key+1)
	}
	for key := range keys {
		r, err := ruleOnce, error(nil)
		if isCounter(key) {
			err = checkCounter(byKey[key])
		} else {
			r, err = ruleLinearizable, checkRegister(byKey[key], linearizeTimeout)
		}
		if err != nil {
			return r, fmt.Errorf("key %d: %w", key, err)
		}
	}
	return "", nil
}

// linearizeTimeout bounds the wall time for one key. What cannot be decided is a failure, not a pass.
const linearizeTimeout = 20 * time.Second

// registerInput is the input of one operation on a register.
type registerInput struct {
	kind       opKind
	value, old int64
}

// register is the model of a key that is set, compared and read.
func register(initial int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, output any) (bool, any) {
			in, _ := input.(registerInput)
			value, _ := state.(int64)
			got, _ := output.(int64)
			switch in.kind {
			case opSet:
				return true, in.value
			case opCAS:
				if got == 1 {
					return value == in.old, in.value
				}
				return value != in.old, state
			default:
				return got == value, state
			}
		},
	}
}

// checkRegister checks the operations of one register with porcupine. Values are unique, so an unknown write ended at
// the latest when the first operation that saw its value did; one whose value nobody saw may be left out, together
// with the failed comparisons that might have met it.
func checkRegister(ops []*op, timeout time.Duration) error {
	seen := firstSeen(ops)
	unseenFrom := time.Duration(math.MaxInt64)
	for _, o := range ops {
		if _, was := seen[o.value]; o.writes() && o.result == unknown && !was {
			unseenFrom = min(unseenFrom, o.call)
		}
	}
	var all []porcupine.Operation
	for _, o := range ops {
		back, got := o.back, o.got
		switch {
		case o.result == failed, o.result == unknown && !o.writes():
			continue
		case o.result == unknown:
			at, was := seen[o.value]
			if !was {
				continue
			}
			back, got = max(at, o.call), 1
		case o.kind == opCAS && o.got == 0 && o.back >= unseenFrom:
			continue
		}
		all = append(all, porcupine.Operation{
			Input: registerInput{o.kind, o.value, o.old}, Output: got, Call: int64(o.call), Return: int64(back),
		})
	}
	return linearize(all, timeout)
}

// firstSeen returns for each value when the first operation that saw it ended.
func firstSeen(ops []*op) map[int64]time.Duration {
	seen := map[int64]time.Duration{}
	for _, o := range ops {
		value := int64(missing)
		switch {
		case o.result != ok:
		case o.kind == opGet:
			value = o.got
		case o.kind == opCAS && o.got == 1:
			value = o.old
		}
		if at, was := seen[value]; value != missing && (!was || o.back < at) {
			seen[value] = o.back
		}
	}
	// A comparison whose own value was seen has seen what it compared with, no later. Values grow.
	for _, o := range slices.Backward(ops) {
		at, was := seen[o.value]
		if o.kind != opCAS || o.result != unknown || !was {
			continue
		}
		if other, also := seen[o.old]; !also || at < other {
			seen[o.old] = at
		}
	}
	return seen
}

// linearize gives porcupine the operations, cut where one overlaps with no other: there the value is known.
func linearize(ops []porcupine.Operation, timeout time.Duration) error {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Return, b.Return))
	})
	initial := int64(missing)
	for len(ops) > 0 {
		n := cut(ops)
		switch porcupine.CheckOperationsTimeout(register(initial), slices.Clone(ops[:n]), timeout) {
		case porcupine.Illegal:
			return fmt.Errorf("%d operations from %v on are not linearizable", n, time.Duration(ops[0].Call))
		case porcupine.Unknown:
			return fmt.Errorf("%d operations from %v on could not be decided in %v", n, time.Duration(ops[0].Call), timeout)
		case porcupine.Ok:
		}
		initial = valueAfter(ops[n-1])
		ops = ops[n:]
	}
	return nil
}

// segmentOpsMin is how many operations are checked at once before the next cut is taken.
const segmentOpsMin = 32

// cut returns the length of the first segment: it ends with an operation that overlaps with no other and tells the
// value. Otherwise all of ops are one segment.
func cut(ops []porcupine.Operation) int {
	ended := int64(math.MinInt64)
	for i := range ops {
		alone := ops[i].Call > ended && (i+1 == len(ops) || ops[i].Return < ops[i+1].Call)
		in, _ := ops[i].Input.(registerInput)
		tells := in.kind != opCAS || ops[i].Output == int64(1)
		if alone && tells && i+1 >= segmentOpsMin {
			return i + 1
		}
		ended = max(ended, ops[i].Return)
	}
	return len(ops)
}

// valueAfter returns what a register holds after an operation that cut has chosen, or after the last one of all,
// when it does not matter.
func valueAfter(o porcupine.Operation) int64 {
	in, _ := o.Input.(registerInput)
	if in.kind == opGet {
		got, _ := o.Output.(int64)
		return got
	}
	return in.value
}

// checkCounter checks a key that is only counted and read: every count was given once, and the order of the counts is
// that of time. Counts that nobody was told are those of unknown operations: there must be one for each, and called
// before anybody saw that count or a higher one.
func checkCounter(ops []*op) error {
	var known, unsure []*op
	highest := int64(0)
	for _, o := range ops {
		switch {
		case o.result == ok:
			o.got = max(o.got, 0) // missing is 0
			known = append(known, o)
			highest = max(highest, o.got)
		case o.result == unknown && o.kind == opIncr:
			unsure = append(unsure, o)
		}
	}
	told := map[int64]int{}
	for _, o := range known {
		if o.kind != opIncr {
			continue
		}
		if other, twice := told[o.got]; twice {
			return fmt.Errorf("operations %d and %d both counted to %d", other, o.id, o.got)
		}
		told[o.got] = o.id
	}
	if err := checkCountOrder(known); err != nil {
		return err
	}
	slices.SortFunc(unsure, func(a, b *op) int { return cmp.Compare(a.call, b.call) })
	latest := latestCall(known, highest)
	used := 0
	for count := int64(1); count <= highest; count++ {
		if _, was := told[count]; was {
			continue
		}
		if used == len(unsure) || unsure[used].call > latest[count] {
			return fmt.Errorf("somebody saw the count %d, which nobody can have counted: %d of %d increments are unknown",
				count, len(unsure), len(ops))
		}
		used++
	}
	return nil
}

// latestCall returns for each count the time before which the operation that counted it must have been called: when
// the first operation that saw this count or a higher one ended.
func latestCall(known []*op, highest int64) []time.Duration {
	latest := make([]time.Duration, highest+2)
	for i := range latest {
		latest[i] = math.MaxInt64
	}
	for _, o := range known {
		latest[o.got] = min(latest[o.got], o.back)
	}
	for i := highest - 1; i >= 0; i-- {
		latest[i] = min(latest[i], latest[i+1])
	}
	return latest
}

// checkCountOrder checks that an operation called after another one ended sees no lower count, and one that counts a
// higher one.
func checkCountOrder(known []*op) error {
	byBack := slices.Clone(known)
	slices.SortFunc(byBack, func(a, b *op) int { return cmp.Compare(a.back, b.back) })
	byCall := slices.Clone(known)
	slices.SortFunc(byCall, func(a, b *op) int { return cmp.Compare(a.call, b.call) })
	ended, highest, which := 0, int64(0), -1
	for _, o := range byCall {
		for ended < len(byBack) && byBack[ended].back < o.call {
			if byBack[ended].got > highest {
				highest, which = byBack[ended].got, byBack[ended].id
			}
			ended++
		}
		if o.got < highest || (o.kind == opIncr && o.got == highest) {
			return fmt.Errorf("operation %d has %d, after operation %d had %d", o.id, o.got, which, highest)
		}
	}
	return nil
}
