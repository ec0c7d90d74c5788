package loadgen

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

func TestMixHasItsSharesAndHotKeys(t *testing.T) {
	const n = 100_000
	w := Workload{ReadShare: 0.4, IncrShare: 0.2, CASShare: 0.1, HotShare: 0.5, Keys: 1000, PayloadBytes: 16}
	kinds, hot := map[OpKind]int{}, 0
	for _, op := range fillAll(t, w, 5, n) {
		number, ok := KeyNumber(op.Key)
		if !ok || IsCounter(number) != (op.Kind == Incr) {
			t.Fatalf("operation %d: %v of key %s", op.Seq, op.Kind, op.Key)
		}
		if kinds[op.Kind]++; number%counterKeys == 0 {
			hot++
		}
	}
	// Nothing was ever seen: every CAS is a SET.
	for kind, want := range map[OpKind]float64{Get: 0.4, Incr: 0.2, Set: 0.4} {
		if got := float64(kinds[kind]) / n; math.Abs(got-want) > 0.01 {
			t.Errorf("%v: share %v, want %v", kind, got, want)
		}
	}
	if got := float64(hot) / n; math.Abs(got-0.5) > 0.02 {
		t.Errorf("the hot key has %v of all operations, want half", got)
	}
}

// A CAS expects, byte for byte, what the operation that the generator last saw had written, whatever its length.
func TestCASExpectsWhatWasSeen(t *testing.T) {
	w := Workload{
		CASShare: 0.5, Keys: 50, Preload: true, KeyDist: KeysZipfian, Sizes: Sizes{Dist: SizesUniform, Min: 16, Max: 300},
	}.withDefaults(8)
	source := newSource(w, 8)
	state := map[string][]byte{}
	apply := func(op *Op) {
		key := string(op.Key)
		switch {
		case op.Kind == CAS && !bytes.Equal(state[key], op.Old):
			t.Fatalf("operation %d expects %q of key %s, which has %q", op.Seq, op.Old, op.Key, state[key])
		case op.Kind == CAS:
			op.Swapped = true
		}
		state[key] = bytes.Clone(op.Value)
		source.seen.learn(op, source.run)
	}
	for n := range uint64(w.Keys) {
		op := Op{Seq: preloadSeq + n}
		if source.fill(&op); op.Kind != Set || string(op.Key) != w.Key(n) {
			t.Fatalf("write %d of the preload: %v %s", n, op.Kind, op.Key)
		}
		apply(&op)
	}
	cas := 0
	for seq := range uint64(5000) {
		op := Op{Seq: seq}
		if source.fill(&op); op.Kind == CAS {
			cas++
		}
		apply(&op)
	}
	if cas < 2300 || cas > 2700 {
		t.Errorf("%d of 5000 are CAS, want half", cas)
	}
	// One that comes too late knows nothing until somebody tells.
	late := Op{Kind: CAS, Key: []byte(w.Key(3)), Outcome: OK}
	source.seen.learn(&late, source.run)
	if _, known := source.seen.writer(3); known {
		t.Error("a value that was not there is still expected")
	}
	read := Op{Kind: Get, Key: late.Key, Value: source.appendValueOf(nil, 77)}
	source.seen.learn(&read, source.run)
	if writer, known := source.seen.writer(3); !known || writer != 77 {
		t.Errorf("after a read: writer %d, %v, want 77", writer, known)
	}
}

func TestLengthsAreDistributedAsNamed(t *testing.T) {
	const n = 20_000
	for text, check := range map[string]func(sorted []int) string{
		"100B": func(s []int) string { return wantInts(s[0], 100, s[n-1], 100) },
		"100B..300B": func(s []int) string {
			return wantNear(s[0], 100, s[n/4], 150, s[n/2], 200, s[3*n/4], 250, s[n-1], 300)
		},
		// The quantiles of a lognormal law are median·e^(sigma·z): z of 84.13 % is 1, of 97.72 % 2.
		"lognormal(256B,0.5,100KiB)": func(s []int) string {
			return wantNear(s[n*1587/10_000], 155, s[n/2], 256, s[n*8413/10_000], 422, s[n*9772/10_000], 696)
		},
		"lognormal(256B,2,1000B)": func(s []int) string { return wantInts(s[0], IDBytes, s[n-1], 1000) },
		"64B:90,1KiB:9,8KiB:1": func(s []int) string {
			return wantInts(s[0], 64, s[n*88/100], 64, s[n*92/100], 1024, s[n*98/100], 1024, s[n-1], 8192)
		},
	} {
		fixed, sizes, err := ParseSizes(text)
		if err != nil {
			t.Fatal(err)
		}
		w := Workload{PayloadBytes: fixed, Sizes: sizes, Filler: FillerConstant}
		lengths := make([]int, 0, n)
		for _, op := range fillAll(t, w, 4, n) {
			lengths = append(lengths, len(op.Value))
		}
		slices.Sort(lengths)
		if fault := check(lengths); fault != "" {
			t.Errorf("%s: %s", text, fault)
		}
		if lengths[n-1] > w.PayloadMax() {
			t.Errorf("%s: %d bytes, above the maximum of %d", text, lengths[n-1], w.PayloadMax())
		}
		again, sizesAgain, err := ParseSizes(w.withDefaults(1).PayloadText())
		if err != nil || again != fixed || sizesAgain.String() != sizes.String() {
			t.Errorf("%s: written as %s", text, w.PayloadText())
		}
	}
}

func wantInts(pairs ...int) string { return wantWithin(0, pairs) }
func wantNear(pairs ...int) string { return wantWithin(0.03, pairs) }

func wantWithin(share float64, pairs []int) string {
	for i := 0; i < len(pairs); i += 2 {
		if got, want := float64(pairs[i]), float64(pairs[i+1]); math.Abs(got-want) > share*want {
			return fmt.Sprintf("quantile %d is %v, want %v ± %v %%", i/2, got, want, share*100)
		}
	}
	return ""
}

func TestLatestReadsPreferWhatWasWrittenLast(t *testing.T) {
	for _, preload := range []bool{false, true} {
		const keys = 1000
		w := Workload{KeyDist: KeysLatest, ReadShare: 0.9, Keys: keys, ZipfS: 1.2, PayloadBytes: 16, Preload: preload}
		written := map[uint64]int{} // key to its place in the order of writes
		if preload {
			for n := range uint64(keys) {
				written[n] = len(written)
			}
		}
		reads, hits, newest := 0, 0, 0
		for _, op := range fillAll(t, w, 6, 50_000) {
			key, _ := KeyNumber(op.Key)
			if op.Kind == Set {
				if _, again := written[key]; again {
					t.Fatalf("key %d is written twice", key)
				}
				written[key] = len(written)
				continue
			}
			reads++
			if place, ok := written[key]; ok {
				hits++
				if age := len(written) - 1 - place; age < 10 {
					newest++
				}
			}
		}
		// The law: the sum of k^-1.2 to 10 is 2.47, to 1000 4.34. A write is where it is expected to within the spread of the
		// mix.
		if float64(hits) < 0.99*float64(reads) || math.Abs(float64(newest)/float64(reads)-0.57) > 0.03 {
			t.Errorf("preload %v: of %d reads %d found something and %d one of the last ten", preload, reads, hits, newest)
		}
	}
}

// storeTarget is a map behind a lock: what every kind of operation does, at once.
type storeTarget struct {
	clock clock.Clock
	mu    sync.Mutex
	store map[string]string
}

func (s *storeTarget) Submit(op *Op, done func(*Op)) {
	s.mu.Lock()
	op.Sent, op.Attempts, op.Outcome = s.clock.Now(), 1, OK
	key := string(op.Key)
	value, ok := s.store[key]
	switch op.Kind {
	case Get:
		op.Value = append(op.Value[:0], value...)
		if !ok {
			op.Value = nil
		}
	case Set:
		s.store[key] = string(op.Value)
	case Incr:
		n, err := strconv.ParseInt("0"+value, 10, 64)
		if err != nil {
			op.Outcome, op.Err = Failed, err
			break
		}
		op.Number = n + 1
		s.store[key] = strconv.FormatInt(op.Number, 10)
	case CAS:
		if op.Swapped = ok && value == string(op.Old); op.Swapped {
			s.store[key] = string(op.Value)
		}
	}
	s.mu.Unlock()
	op.Done = s.clock.Now()
	done(op)
}

func (*storeTarget) Close() error { return nil }

// One client after the other: every CAS finds what it expects, every INCR counts, no read finds nothing, and the
// preload is outside of the figures.
func TestPreloadThenAllKinds(t *testing.T) {
	clk := clock.New()
	target := &storeTarget{clock: clk, store: map[string]string{}}
	h, trace := NewHistograms(), NewTrace(1, 0)
	opts := Options{
		Rate: 5000, Duration: 200 * time.Millisecond, Clock: clk,
		Workload: Workload{Preload: true, Keys: 100, ReadShare: 0.25, IncrShare: 0.25, CASShare: 0.25},
	}
	g, err := New(opts, target, Tee(h, trace))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := h.Stats(); s.Offered != 1000 || s.OK != 1000 || trace.Len() != 1100 {
		t.Errorf("offered %d, ok %d, recorded %d, want 1000, 1000 and 1100", s.Offered, s.OK, trace.Len())
	}
	kinds := map[OpKind]int{}
	for _, e := range trace.Entries() {
		kinds[e.Kind]++
		switch {
		case e.Kind == Get && e.Value < 0, e.Kind == CAS && (!e.Swapped || e.Old < 0), e.Kind == Incr && e.Value < 1:
			t.Fatalf("%+v", e)
		}
	}
	for kind, least := range map[OpKind]int{Get: 200, Set: 300, Incr: 200, CAS: 200} {
		if kinds[kind] < least {
			t.Errorf("%d of %v, want at least %d", kinds[kind], kind, least)
		}
	}
}

// A preload that could not write everything is not one.
func TestPreloadThatFailsEndsTheRun(t *testing.T) {
	clk := clock.New()
	opts := Options{Rate: 10, Duration: time.Second, Timeout: time.Second, Clock: clk, Workload: Workload{Preload: true}}
	g, err := New(opts, refusingTarget{clk}, NewHistograms())
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "ended failed") {
		t.Errorf("got %v, want the first failure", err)
	}
	g, err = New(opts, delayTarget{clock: clk}, NewHistograms())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Run(ctx); err == nil {
		t.Error("an interrupted preload is no error")
	}
}

type refusingTarget struct{ clock clock.Clock }

func (r refusingTarget) Submit(op *Op, done func(*Op)) {
	op.Sent, op.Attempts = r.clock.Now(), 1
	op.Done, op.Outcome, op.Err = op.Sent, Failed, fmt.Errorf("no")
	done(op)
}

func (refusingTarget) Close() error { return nil }
