package check

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/raftmark/raftmark/loadgen"
)

const never = time.Duration(-1)

func set(value string, sent, done time.Duration, outcome loadgen.Outcome) Op {
	return Op{Kind: loadgen.Set, Key: "k", Value: value, Sent: sent, Done: done, Outcome: outcome}
}

func get(value string, sent, done time.Duration) Op {
	return Op{Kind: loadgen.Get, Key: "k", Value: value, Sent: sent, Done: done}
}

func final(value string) Op {
	op := get(value, 1000, 1001)
	op.Final = true
	return op
}

// Each case says what either check must find, and the mutation of the checker that it would catch.
func TestKnownHistories(t *testing.T) {
	for _, c := range []struct {
		name         string
		ops          []Op
		lost         int64
		phantom      int64
		lostVerdict  Verdict
		linearizable Verdict
	}{
		{"nothing", nil, 0, 0, VerdictOK, VerdictOK},
		{"written and read", []Op{set("a", 0, 1, loadgen.OK), get("a", 2, 3), final("a")}, 0, 0, VerdictOK, VerdictOK},
		{"lost: missing at the end", []Op{set("a", 0, 1, loadgen.OK), final("")}, 1, 0, VerdictViolation, VerdictViolation},
		{"lost: an older value at the end", []Op{
			set("a", 0, 1, loadgen.OK), set("b", 2, 3, loadgen.OK), set("c", 4, 5, loadgen.OK), final("a"),
		}, 2, 0, VerdictViolation, VerdictViolation},
		{"concurrent writes: either may be last", []Op{
			set("a", 0, 5, loadgen.OK), set("b", 2, 3, loadgen.OK), final("a"),
		}, 0, 0, VerdictOK, VerdictOK},
		{"touching writes count as concurrent", []Op{
			set("a", 0, 3, loadgen.OK), set("b", 3, 4, loadgen.OK), final("a"),
		}, 0, 0, VerdictOK, VerdictOK},
		{"an unknown write may land late", []Op{
			set("a", 0, 1, loadgen.Unknown), set("b", 2, 3, loadgen.OK), final("a"),
		}, 0, 0, VerdictOK, VerdictOK},
		{"an unknown write may never land", []Op{
			set("a", 0, 1, loadgen.OK), set("b", 2, 3, loadgen.Unknown), final("a"),
		}, 0, 0, VerdictOK, VerdictOK},
		{"an unknown write replaces none that began later and was acknowledged, if missing", []Op{
			set("a", 0, 1, loadgen.Unknown), set("b", 2, 3, loadgen.OK), final(""),
		}, 1, 0, VerdictViolation, VerdictViolation},
		{"only unknown writes", []Op{set("a", 0, 1, loadgen.Unknown), final("")}, 0, 0, VerdictOK, VerdictOK},
		{"a failed write appears", []Op{
			set("a", 0, 1, loadgen.OK), set("b", 2, 3, loadgen.Failed), final("b"),
		}, 0, 1, VerdictViolation, VerdictViolation},
		{"a shed write appears", []Op{
			set("b", never, 3, loadgen.Shed), final("b"),
		}, 0, 1, VerdictViolation, VerdictViolation},
		{"a value of nobody appears", []Op{final(ForeignValue)}, 0, 1, VerdictViolation, VerdictViolation},
		{"a failed write stays away", []Op{
			set("a", 0, 1, loadgen.OK), set("b", 2, 3, loadgen.Failed), final("a"),
		}, 0, 0, VerdictOK, VerdictOK},
		{"stale read", []Op{
			set("a", 0, 1, loadgen.OK), set("b", 2, 3, loadgen.OK), get("a", 4, 5), final("b"),
		}, 0, 0, VerdictOK, VerdictViolation},
		{"stale read of the missing key", []Op{
			set("a", 0, 1, loadgen.OK), get("", 2, 3), final("a"),
		}, 0, 0, VerdictOK, VerdictViolation},
		{"a read beside the write may see either", []Op{
			set("a", 0, 9, loadgen.OK), get("", 2, 3), get("a", 4, 5), final("a"),
		}, 0, 0, VerdictOK, VerdictOK},
		{"reads go back", []Op{
			set("a", 0, 9, loadgen.OK), get("a", 2, 3), get("", 4, 5), final("a"),
		}, 0, 0, VerdictOK, VerdictViolation},
		{"resurrected: an unknown write was seen, replaced, and is back", []Op{
			set("a", 0, 1, loadgen.Unknown), get("a", 2, 3), set("b", 4, 5, loadgen.OK), get("a", 6, 7), final("b"),
		}, 0, 0, VerdictOK, VerdictViolation},
		{"read before it was written", []Op{
			get("a", 0, 1), set("a", 2, 3, loadgen.OK), final("a"),
		}, 0, 0, VerdictOK, VerdictViolation},
		{"an unknown write read before it was sent", []Op{
			get("a", 0, 1), set("a", 2, 3, loadgen.Unknown), final("a"),
		}, 0, 0, VerdictOK, VerdictViolation},
		{"a read without an answer says nothing", []Op{
			set("a", 0, 1, loadgen.OK), {Kind: loadgen.Get, Key: "k", Sent: 2, Done: 3, Outcome: loadgen.Failed}, final("a"),
		}, 0, 0, VerdictOK, VerdictOK},
		{"never read at the end", []Op{set("a", 0, 1, loadgen.OK)}, 0, 0, VerdictUnknown, VerdictOK},
		{"read, but not at the end", []Op{
			set("a", 0, 1, loadgen.OK), get("a", 2, 3),
		}, 0, 0, VerdictUnknown, VerdictOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &History{Ops: c.ops}
			for range 5 { // the order of the history must not matter
				report := LostWrites(h)
				if report.Lost != c.lost || report.Phantom != c.phantom || report.Verdict() != c.lostVerdict {
					t.Fatalf("lost writes: got %+v, want lost %d, phantom %d, %s", report, c.lost, c.phantom, c.lostVerdict)
				}
				if got := Linearizable(h, time.Minute); got.Verdict != c.linearizable {
					t.Fatalf("linearizable: got %+v, want %s", got, c.linearizable)
				}
				rand.Shuffle(len(h.Ops), func(i, j int) { h.Ops[i], h.Ops[j] = h.Ops[j], h.Ops[i] })
			}
		})
	}
}

// Only a write that nothing can have written over is checkable, and its loss is found.
func TestCheckableWritesAreThoseWhoseLossIsFound(t *testing.T) {
	for _, c := range []struct {
		name string
		ops  []Op
		want int64
		lose string // the final value if the last write were lost
	}{
		{"written once", []Op{set("a", 0, 1, loadgen.OK), final("a")}, 1, ""},
		{"written over: the last only", []Op{
			set("a", 0, 1, loadgen.OK), set("b", 2, 3, loadgen.OK), set("c", 4, 5, loadgen.OK), final("c"),
		}, 1, "b"},
		{"concurrent: none", []Op{set("a", 0, 5, loadgen.OK), set("b", 2, 3, loadgen.OK), final("b")}, 0, "a"},
		{"an unknown one may land later: none", []Op{
			set("a", 0, 1, loadgen.Unknown), set("b", 2, 3, loadgen.OK), final("b"),
		}, 0, "a"},
		{"a failed one does not", []Op{set("a", 0, 1, loadgen.OK), set("b", 2, 3, loadgen.Failed), final("a")}, 1, ""},
		{"not read: none", []Op{set("a", 0, 1, loadgen.OK)}, 0, ""},
		{"only unknown: none", []Op{set("a", 0, 1, loadgen.Unknown), final("a")}, 0, ""},
	} {
		if got := LostWrites(&History{Ops: c.ops}); got.Checkable != c.want || got.Lost != 0 {
			t.Errorf("%s: got %+v, want %d checkable, none lost", c.name, got, c.want)
		}
		last := len(c.ops) - 1
		if !c.ops[last].Final {
			continue
		}
		c.ops[last] = final(c.lose)
		if got := LostWrites(&History{Ops: c.ops}); (got.Lost > 0) != (c.want > 0) {
			t.Errorf("%s, and then lost: got %d lost, of %d checkable", c.name, got.Lost, c.want)
		}
	}
}

// With a key for each write, every acknowledged write is looked for at the end, and no lost one stays hidden.
func TestEveryAcknowledgedWriteOfItsOwnKeyIsCheckable(t *testing.T) {
	var ops []Op
	for i := range time.Duration(100) {
		op := set(fmt.Sprint(i), 10*i, 10*i+25, loadgen.OK)
		op.Key = fmt.Sprint("k", i)
		read := final(op.Value)
		read.Key, read.Sent, read.Done = op.Key, 2000, 2001
		ops = append(ops, op, read)
	}
	if got := LostWrites(&History{Ops: ops}); got.Acked != 100 || got.Checkable != 100 || got.Lost != 0 {
		t.Errorf("got %+v, want all 100 checkable", got)
	}
	for i := 1; i < len(ops); i += 2 {
		kept := ops[i].Value
		ops[i].Value = ""
		if got := LostWrites(&History{Ops: ops}); got.Lost != 1 {
			t.Fatalf("write %d is missing: got %d lost, want 1", i/2, got.Lost)
		}
		ops[i].Value = kept
	}
}

// simulate returns what concurrent clients saw of an atomic register: every operation takes effect at one instant of
// its own. Some writes end unknown, and of these some never happen or happen after the client gave up.
func simulate(random *rand.Rand, n int) []Op {
	type step struct {
		at time.Duration
		op *Op
	}
	ops := make([]Op, n)
	var steps []step
	for i := range ops {
		sent := time.Duration(random.IntN(10 * n))
		took := time.Duration(1 + random.IntN(40))
		op := &ops[i]
		*op = Op{Seq: uint64(i), Key: "k", Sent: sent, Done: sent + took}
		at := sent + time.Duration(random.IntN(int(took)+1))
		if random.IntN(2) == 0 {
			op.Kind, op.Value = loadgen.Set, fmt.Sprint("v", i)
			switch random.IntN(6) {
			case 0: // takes effect, perhaps late
				op.Outcome = loadgen.Unknown
				at = sent + time.Duration(random.IntN(200))
			case 1:
				op.Outcome = loadgen.Unknown
				continue
			case 2:
				op.Outcome = loadgen.Failed
				continue
			}
		}
		steps = append(steps, step{at, op})
	}
	end := time.Duration(10*n + 300)
	ops = append(ops, Op{Seq: uint64(n), Key: "k", Final: true, Sent: end, Done: end + 1})
	steps = append(steps, step{end, &ops[n]})
	for i := range steps { // steps point into the array before it grew
		if steps[i].op.Seq < uint64(n) {
			steps[i].op = &ops[steps[i].op.Seq]
		}
	}
	for i := 1; i < len(steps); i++ {
		for j := i; j > 0 && steps[j].at < steps[j-1].at; j-- {
			steps[j], steps[j-1] = steps[j-1], steps[j]
		}
	}
	value := ""
	for _, s := range steps {
		if s.op.Kind == loadgen.Set {
			value = s.op.Value
		} else {
			s.op.Value = value
		}
	}
	return ops
}

func TestCorrectRegistersPass(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for round := range 500 {
		h := &History{Ops: simulate(random, 2+random.IntN(300))}
		if report := LostWrites(h); report.Verdict() != VerdictOK {
			t.Fatalf("round %d: %+v", round, report)
		}
		if got := Linearizable(h, time.Minute); got.Verdict != VerdictOK || got.Checked != got.Ops {
			t.Fatalf("round %d: %+v", round, got)
		}
	}
}

// plain is the check without the short cuts: porcupine on the whole key, unknown writes open for ever.
func plain(ops []Op) Verdict {
	var all []porcupine.Operation
	for _, op := range ops {
		done := op.Done
		switch {
		case op.Outcome == loadgen.OK:
		case op.mayHaveWritten():
			done = loadgen.Forever
		default:
			continue
		}
		all = append(all, porcupine.Operation{
			Input: access{kind: op.Kind, value: op.Value, old: op.Old, answered: op.Outcome == loadgen.OK, swapped: op.Swapped},
			Call:  int64(op.Sent), Return: int64(done),
		})
	}
	if porcupine.CheckOperations(register(""), all) {
		return VerdictOK
	}
	return VerdictViolation
}

// The short cuts change no answer: small histories, with what was read falsified here and there.
func TestShortCutsChangeNoAnswer(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	violations := 0
	for round := range 3000 {
		ops := simulate(random, 2+random.IntN(20))
		for range random.IntN(3) {
			i, j := random.IntN(len(ops)), random.IntN(len(ops))
			if ops[i].Kind == loadgen.Get {
				ops[i].Value = ops[j].Value
			}
		}
		want := plain(ops)
		if got := Linearizable(&History{Ops: ops}, time.Minute); got.Verdict != want {
			t.Fatalf("round %d: got %s, want %s for %+v", round, got.Verdict, want, ops)
		}
		if want == VerdictViolation {
			violations++
		}
	}
	if violations < 300 || violations > 2700 {
		t.Errorf("%d of 3000 histories were violations: the test is one-sided", violations)
	}
}

// Cuts happen, and a violation beyond the first segment is found.
func TestLongHistoriesAreCut(t *testing.T) {
	var ops []Op
	const n = 20_000
	for i := range time.Duration(n) {
		ops = append(ops, set(fmt.Sprint(i), 10*i, 10*i+3, loadgen.OK), get(fmt.Sprint(i), 10*i+4, 10*i+5))
	}
	if got := Linearizable(&History{Ops: ops}, time.Minute); got.Verdict != VerdictOK || got.Checked != 2*n {
		t.Errorf("got %+v", got)
	}
	ops[2*n-5].Value = "7"
	if got := Linearizable(&History{Ops: ops}, time.Minute); got.Verdict != VerdictViolation || got.Violation == "" {
		t.Errorf("got %+v", got)
	}
}

func TestUndecidedIsNotOK(t *testing.T) {
	h := &History{Ops: []Op{set("a", 0, 1, loadgen.OK), final("a")}}
	if got := Linearizable(h, -time.Second); got.Verdict != VerdictUnknown || got.Checked != 0 {
		t.Errorf("out of time: %+v", got)
	}
	h.Dropped = 1
	if got := Linearizable(h, time.Minute); got.Verdict != VerdictUnknown {
		t.Errorf("dropped: %+v", got)
	}
	if got := LostWrites(h).Verdict(); got != VerdictUnknown {
		t.Errorf("dropped: %s", got)
	}
}

func TestFromTrace(t *testing.T) {
	opts := loadgen.Options{}.WithDefaults()
	w := opts.Workload
	trace, reads := loadgen.NewTrace(opts.Seed, 0), loadgen.NewTrace(opts.Seed, 0)
	id := func(seq uint64) string { return loadgen.FormatValueID(loadgen.RunID(opts.Seed), seq) }
	record := func(into *loadgen.Trace, kind loadgen.OpKind, seq, key uint64, value string, outcome loadgen.Outcome) {
		op := &loadgen.Op{Seq: seq, Kind: kind, Key: []byte(w.Key(key)), Sent: 1, Done: 2, Outcome: outcome}
		if value != "" {
			op.Value = []byte(value)
		}
		into.Record(op)
	}
	record(trace, loadgen.Set, 0, 5, id(0)+"filler", loadgen.OK)
	record(trace, loadgen.Set, 1, 6, id(1), loadgen.Unknown)
	record(trace, loadgen.Set, 2, 7, id(2), loadgen.Failed)
	record(reads, loadgen.Get, 3, 5, id(0)+"filler", loadgen.OK)
	record(reads, loadgen.Get, 4, 6, "of someone else", loadgen.OK)
	h := FromTrace(trace, w)
	if got, want := h.WrittenKeys(), []string{w.Key(5), w.Key(6)}; !reflect.DeepEqual(got, want) {
		t.Errorf("written keys %q, want %q", got, want)
	}
	h.AddFinal(reads, w)
	report := LostWrites(h)
	if report.Acked != 1 || report.Lost != 0 || report.Phantom != 1 || report.Keys != 2 {
		t.Errorf("%+v", report)
	}
}

func TestFileRoundTrip(t *testing.T) {
	h := &History{Dropped: 3, Ops: simulate(rand.New(rand.NewPCG(3, 3)), 500)}
	for i := range h.Ops {
		h.Ops[i].Sent *= time.Microsecond
		h.Ops[i].Done *= time.Microsecond
	}
	h.Ops[0].Sent = -1
	path := filepath.Join(t.TempDir(), "history.csv.gz")
	if err := h.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path, ReadLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, h) {
		t.Error("what was read is not what was written")
	}
}

// Rounding never orders what overlapped.
func TestFileRoundsOutwards(t *testing.T) {
	var file bytes.Buffer
	h := &History{Ops: []Op{set("a", 1999, 2001, loadgen.OK)}}
	if err := h.Write(&file); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&file, ReadLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if op := got.Ops[0]; op.Sent != time.Microsecond || op.Done != 3*time.Microsecond {
		t.Errorf("got %v to %v, want 1 µs to 3 µs", op.Sent, op.Done)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	zip := func(s string) *bytes.Buffer {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(s))
		_ = w.Close()
		return &b
	}
	head := "# raftmark.history/1 dropped=0\n" + strings.Join(fileColumns(), ",") + "\n"
	for in, want := range map[string]string{
		"":                                 "not a raftmark.history/1",
		"# raftmark.history/2 dropped=0\n": "history/2",
		"# raftmark.history/1 dropped=0\na,b,c,d,e,f,g\n": "columns a,b",
		head + "x,set,k,v,1,2,ok\n":                       `seq = "x"`,
		head + "1,put,k,v,1,2,ok\n":                       `kind = "put"`,
		head + "1,set,k,v,1,2,fine\n":                     `outcome = "fine"`,
		head + "1,set,k\n":                                "fields",
	} {
		_, err := Read(zip(in), ReadLimits{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want one with %q", in, err, want)
		}
	}
	if _, err := Read(strings.NewReader("not zipped"), ReadLimits{}); !errors.Is(err, ErrNotHistory) {
		t.Errorf("got %v, want %v", err, ErrNotHistory)
	}
}
