package check

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/raftmark/raftmark/loadgen"
)

// simulateMixed returns what concurrent clients saw of a key on which kinds of operations run, each at one instant of
// its own, and of its final read.
func simulateMixed(random *rand.Rand, n int, kinds ...loadgen.OpKind) []Op {
	type step struct {
		at time.Duration
		op *Op
	}
	ops := make([]Op, n+1)
	var steps []step
	for i := range n {
		op := &ops[i]
		sent, took := time.Duration(random.IntN(10*n)), time.Duration(1+random.IntN(40))
		*op = Op{
			Seq: uint64(i), Kind: kinds[random.IntN(len(kinds))], Key: "k", Sent: sent, Done: sent + took,
		}
		at := sent + time.Duration(random.IntN(int(took)+1))
		if op.Kind.Writes() {
			op.Outcome = []loadgen.Outcome{0, 0, 0, loadgen.Unknown, loadgen.Unknown, loadgen.Failed}[random.IntN(6)]
			if op.Outcome == loadgen.Unknown {
				at = sent + time.Duration(random.IntN(200))
			}
			if op.Outcome == loadgen.Failed || op.Outcome == loadgen.Unknown && random.IntN(2) == 0 {
				at = loadgen.Forever // never
			}
		}
		if op.Kind == loadgen.Set || op.Kind == loadgen.CAS {
			op.Value = fmt.Sprint("v", i)
		}
		if op.Kind == loadgen.CAS {
			op.Old = fmt.Sprint("v", random.IntN(n)) // mostly in vain; apply puts the state here as often
		}
		if at != loadgen.Forever {
			steps = append(steps, step{at, op})
		}
	}
	end := time.Duration(10*n + 300)
	ops[n] = Op{Seq: uint64(n), Key: "k", Final: true, Sent: end, Done: end + 1}
	steps = append(steps, step{end, &ops[n]})
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	value, number := "", int64(0)
	for _, s := range steps {
		apply(s.op, random.IntN(2) == 0, &value, &number)
	}
	return ops
}

// apply lets op take effect. A hopeful CAS expects what is there.
func apply(op *Op, hopeful bool, value *string, number *int64) {
	switch op.Kind {
	case loadgen.Set:
		*value = op.Value
	case loadgen.CAS:
		if hopeful && *value != "" {
			op.Old = *value
		}
		if op.Old == *value {
			op.Swapped = op.Outcome == loadgen.OK
			*value = op.Value
		}
	case loadgen.Incr:
		*number++
		*value = strconv.FormatInt(*number, 10)
		if op.Outcome == loadgen.OK {
			op.Value = *value
		}
	case loadgen.Get:
		op.Value = *value
	}
}

func mixes() map[string][]loadgen.OpKind {
	return map[string][]loadgen.OpKind{
		"cas":     {loadgen.Get, loadgen.Set, loadgen.CAS, loadgen.CAS},
		"counter": {loadgen.Incr, loadgen.Incr, loadgen.Get},
	}
}

func TestCorrectCASAndCountersPass(t *testing.T) {
	for name, kinds := range mixes() {
		random := rand.New(rand.NewPCG(3, 3))
		swapped, refused := 0, 0
		for round := range 300 {
			h := &History{Ops: simulateMixed(random, 2+random.IntN(120), kinds...)}
			if report := LostWrites(h); report.Verdict() != VerdictOK {
				t.Fatalf("%s: round %d: %+v", name, round, report)
			}
			if got := Linearizable(h, time.Minute); got.Verdict != VerdictOK || got.Checked != got.Ops {
				t.Fatalf("%s: round %d: %+v", name, round, got)
			}
			for _, op := range h.Ops {
				if op.Kind == loadgen.CAS && op.Outcome == loadgen.OK && op.Swapped {
					swapped++
				} else if op.Kind == loadgen.CAS && op.Outcome == loadgen.OK {
					refused++
				}
			}
		}
		if name == "cas" && (swapped < 1000 || refused < 1000) {
			t.Errorf("%d CAS swapped, %d refused: the histories show nothing", swapped, refused)
		}
	}
}

// counterModel is the counter for porcupine, whose unanswered INCRs may come or stay away.
func counterModel() porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []any { return []any{int64(0)} },
		Step: func(state, in, _ any) []any {
			n, _ := state.(int64)
			op, _ := in.(*Op)
			seen, ok := op.number()
			switch {
			case op.Kind == loadgen.Incr && op.Outcome == loadgen.Unknown:
				return []any{n, n + 1}
			case op.Kind == loadgen.Incr && ok && seen == n+1:
				return []any{n + 1}
			case op.Kind == loadgen.Get && ok && seen == n:
				return []any{n}
			}
			return nil
		},
	}
	return nondeterministic.ToModel()
}

// plainCounter is the check by search: porcupine on the whole key, unanswered INCRs open for ever.
func plainCounter(ops []Op) Verdict {
	var all []porcupine.Operation
	for i := range ops {
		op := &ops[i]
		done := op.Done
		switch {
		case op.Outcome == loadgen.OK:
		case op.mayHaveWritten():
			done = loadgen.Forever
		default:
			continue
		}
		all = append(all, porcupine.Operation{Input: op, Call: int64(op.Sent), Return: int64(done)})
	}
	if porcupine.CheckOperations(counterModel(), all) {
		return VerdictOK
	}
	return VerdictViolation
}

// What is checked by a short way says what the search says: small histories, falsified here and there.
func TestShortCutsChangeNoAnswerAboutCASAndCounters(t *testing.T) {
	for name, kinds := range mixes() {
		random := rand.New(rand.NewPCG(4, 4))
		violations := 0
		const rounds = 1500
		for round := range rounds {
			ops := simulateMixed(random, 2+random.IntN(12), kinds...)
			for range random.IntN(3) {
				falsify(random, ops)
			}
			want := plain(ops)
			if isCounterOps(ops) {
				want = plainCounter(ops)
			}
			if got := Linearizable(&History{Ops: ops}, time.Minute); got.Verdict != want {
				t.Fatalf("%s: round %d: got %s, want %s for %+v", name, round, got.Verdict, want, ops)
			}
			if want == VerdictViolation {
				violations++
			}
		}
		if violations < rounds/10 || violations > rounds*9/10 {
			t.Errorf("%s: %d of %d were violations: the rounds show little", name, violations, rounds)
		}
	}
}

func isCounterOps(ops []Op) bool {
	return slices.ContainsFunc(ops, func(op Op) bool { return op.Kind == loadgen.Incr })
}

func falsify(random *rand.Rand, ops []Op) {
	op, other := &ops[random.IntN(len(ops))], &ops[random.IntN(len(ops))]
	switch {
	case op.Outcome != loadgen.OK:
	case op.Kind == loadgen.Get:
		op.Value = other.Value
	case op.Kind == loadgen.Incr && other.Value != "":
		op.Value = other.Value
	case op.Kind == loadgen.CAS:
		op.Swapped = !op.Swapped
	}
}

func TestLostAndDoubledIncrementsAreFound(t *testing.T) {
	incr := func(n string, sent, done time.Duration, outcome loadgen.Outcome) Op {
		return Op{Kind: loadgen.Incr, Key: "k", Value: n, Sent: sent, Done: done, Outcome: outcome}
	}
	final := func(n string) Op { return Op{Key: "k", Value: n, Sent: 100, Done: 101, Final: true} }
	for _, c := range []struct {
		name                     string
		ops                      []Op
		lost, phantom, checkable int64
		order                    Verdict
	}{
		{"all there", []Op{incr("1", 0, 1, 0), incr("2", 2, 3, 0), final("2")}, 0, 0, 2, VerdictOK},
		{"one lost", []Op{incr("1", 0, 1, 0), incr("2", 2, 3, 0), final("1")}, 1, 0, 2, VerdictViolation},
		{"all lost", []Op{incr("1", 0, 1, 0), incr("2", 2, 3, 0), final("")}, 2, 0, 2, VerdictViolation},
		{"one counted twice", []Op{incr("1", 0, 1, 0), incr("3", 2, 3, 0), final("3")}, 0, 1, 2, VerdictViolation},
		{"unknown came", []Op{incr("1", 0, 1, 0), incr("", 2, 3, loadgen.Unknown), final("2")}, 0, 0, 0, VerdictOK},
		{"unknown stayed away", []Op{incr("1", 0, 1, 0), incr("", 2, 3, loadgen.Unknown), final("1")}, 0, 0, 0, VerdictOK},
		{"unknown came twice", []Op{
			incr("1", 0, 1, 0), incr("", 2, 3, loadgen.Unknown), final("3"),
		}, 0, 1, 0, VerdictViolation},
		{"failed came", []Op{incr("1", 0, 1, 0), incr("", 2, 3, loadgen.Failed), final("2")}, 0, 1, 1, VerdictViolation},
		{"same number", []Op{incr("1", 0, 1, 0), incr("1", 2, 3, 0), final("2")}, 0, 0, 2, VerdictViolation},
		{"backwards", []Op{incr("2", 0, 1, 0), incr("1", 2, 3, 0), final("2")}, 0, 0, 2, VerdictViolation},
		{"counted before it was sent", []Op{
			incr("", 50, 60, loadgen.Unknown), incr("2", 2, 3, 0), final("2"),
		}, 0, 0, 0, VerdictViolation},
		{"no number", []Op{incr("1", 0, 1, 0), final("foreign")}, 0, 1, 1, VerdictViolation},
	} {
		h := &History{Ops: c.ops}
		if r := LostWrites(h); r.Lost != c.lost || r.Phantom != c.phantom || r.Checkable != c.checkable || r.Keys != 1 {
			t.Errorf("%s: %+v, want %d lost, %d phantom, %d checkable", c.name, r, c.lost, c.phantom, c.checkable)
		}
		if got := Linearizable(h, time.Minute); got.Verdict != c.order {
			t.Errorf("%s: got %s, want %s", c.name, got.Verdict, c.order)
		}
	}
}

func TestMixedHistorySurvivesItsFile(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for name, kinds := range mixes() {
		h := &History{Ops: simulateMixed(random, 200, kinds...)}
		for i := range h.Ops {
			h.Ops[i].Sent, h.Ops[i].Done = h.Ops[i].Sent*time.Microsecond, h.Ops[i].Done*time.Microsecond
		}
		var file bytes.Buffer
		if err := h.Write(&file); err != nil {
			t.Fatal(err)
		}
		got, err := Read(&file, ReadLimits{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, h) {
			t.Errorf("%s: read back another history", name)
		}
	}
}

func TestRefusedCASNeedsAReason(t *testing.T) {
	write := func(value string, sent time.Duration, outcome loadgen.Outcome) Op {
		return Op{Kind: loadgen.Set, Key: "k", Value: value, Sent: sent, Done: sent + 1, Outcome: outcome}
	}
	cas := func(old, value string, sent time.Duration, outcome loadgen.Outcome, swapped bool) Op {
		return Op{
			Kind: loadgen.CAS, Key: "k", Old: old, Value: value, Sent: sent, Done: sent + 1, Outcome: outcome, Swapped: swapped,
		}
	}
	final := func(value string) Op { return Op{Key: "k", Value: value, Sent: 100, Done: 101, Final: true} }
	for _, c := range []struct {
		name  string
		ops   []Op
		order Verdict
		lost  int64
	}{
		{"nothing was in between", []Op{write("a", 0, 0), cas("a", "c", 4, 0, false), final("a")}, VerdictViolation, 0},
		{"a write that nobody saw was", []Op{
			write("a", 0, 0), write("b", 2, loadgen.Unknown), cas("a", "c", 4, 0, false), write("d", 6, 0), final("d"),
		}, VerdictOK, 0},
		{"one that was sent later was not", []Op{
			write("a", 0, 0), cas("a", "c", 4, 0, false), write("b", 6, loadgen.Unknown), write("d", 8, 0), final("d"),
		}, VerdictViolation, 0},
		{"an unanswered swap is seen by the next one", []Op{
			write("a", 0, 0), cas("a", "b", 2, loadgen.Unknown, false), cas("b", "c", 4, 0, true), final("c"),
		}, VerdictOK, 0},
		{"a swap from what is gone", []Op{
			write("a", 0, 0), write("b", 2, 0), cas("a", "c", 4, 0, true), final("c"),
		}, VerdictViolation, 0},
		{"a swap that is lost", []Op{write("a", 0, 0), cas("a", "c", 4, 0, true), final("a")}, VerdictViolation, 1},
		{"a refused one is not", []Op{
			write("a", 0, 0), write("b", 2, 0), cas("a", "c", 4, 0, false), final("b"),
		}, VerdictOK, 0},
	} {
		h := &History{Ops: c.ops}
		if got := Linearizable(h, time.Minute); got.Verdict != c.order {
			t.Errorf("%s: got %s, want %s", c.name, got.Verdict, c.order)
		}
		if got := LostWrites(h); got.Lost != c.lost || got.Phantom != 0 {
			t.Errorf("%s: %+v, want %d lost", c.name, got, c.lost)
		}
	}
}
