package loadgen

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func fillAll(t *testing.T, w Workload, seed uint64, n uint64) []Op {
	t.Helper()
	w = w.withDefaults(seed)
	if err := w.validate(); err != nil {
		t.Fatal(err)
	}
	source := newSource(w, seed)
	ops := make([]Op, n)
	for seq := range ops {
		ops[seq].Seq = uint64(seq)
		source.fill(&ops[seq])
	}
	return ops
}

func TestValuesAreUniqueAndNameTheirWriter(t *testing.T) {
	seen := map[string]bool{}
	for _, seed := range []uint64{1, 2} {
		for _, op := range fillAll(t, Workload{PayloadBytes: 40}, seed, 5000) {
			run, seq, ok := ValueID(op.Value)
			if !ok || run != RunID(seed) || seq != op.Seq || len(op.Value) != 40 {
				t.Fatalf("value %q of operation %d has id %x/%d", op.Value, op.Seq, run, seq)
			}
			if id := string(op.Value[:IDBytes]); seen[id] || id != FormatValueID(run, seq) {
				t.Fatalf("id %q seen twice, or not as formatted", id)
			} else {
				seen[id] = true
			}
		}
	}
}

func TestOperationIsAFunctionOfSeedAndNumber(t *testing.T) {
	for _, dist := range []KeyDist{KeysUniform, KeysZipfian, KeysSequential, KeysLatest} {
		w := Workload{KeyDist: dist, ReadShare: 0.5}
		ops := fillAll(t, w, 9, 200)
		source := newSource(w.withDefaults(9), 9)
		for seq := len(ops) - 1; seq >= 0; seq-- { // in another order
			op := Op{Seq: uint64(seq)}
			source.fill(&op)
			want := ops[seq]
			if op.Kind != want.Kind || !bytes.Equal(op.Key, want.Key) || !bytes.Equal(op.Value, want.Value) {
				t.Fatalf("%s: operation %d is %v %s, was %v %s", dist, seq, op.Kind, op.Key, want.Kind, want.Key)
			}
		}
	}
}

func TestSequentialWritesNeverShareAKeyAndReadsFindOne(t *testing.T) {
	written := map[string]bool{}
	reads, hits := 0, 0
	for _, op := range fillAll(t, Workload{KeyDist: KeysSequential, ReadShare: 0.3}, 3, 10_000) {
		key := string(op.Key)
		switch {
		case op.Kind == Get:
			reads++
			if written[key] {
				hits++
			}
		case written[key]:
			t.Fatalf("key %s written twice", key)
		default:
			written[key] = true
		}
	}
	if reads < 2700 || reads > 3300 || float64(hits) < 0.99*float64(reads) {
		t.Errorf("%d of %d reads hit a written key, want about 3000, nearly all", hits, reads)
	}
}

func TestKeysAreDistributedAsNamed(t *testing.T) {
	const n, keys = 100_000, 100
	counts := func(dist KeyDist) []float64 {
		c := make([]float64, keys)
		for _, op := range fillAll(t, Workload{KeyDist: dist, Keys: keys, ZipfS: 1.5, PayloadBytes: 16}, 4, n) {
			number, ok := KeyNumber(op.Key)
			if !ok || number >= keys {
				t.Fatalf("key %q has number %d", op.Key, number)
			}
			c[number]++
		}
		return c
	}
	chi := 0.0
	for _, c := range counts(KeysUniform) {
		chi += (c - n/keys) * (c - n/keys) / (n / keys)
	}
	if chi > 170 { // 99 degrees of freedom: p < 0.00001
		t.Errorf("uniform: chi-square %v", chi)
	}
	zipf := counts(KeysZipfian)
	for k := 1; k < 8; k++ { // P(k) ~ (1+k)^-s
		want := math.Pow(1/float64(k+1), 1.5)
		if got := zipf[k] / zipf[0]; math.Abs(got-want) > 0.1*want+0.005 {
			t.Errorf("zipfian: key %d has %.4f of key 0, want %.4f", k, got, want)
		}
	}
}

func TestFaultsNameFieldValueAndBound(t *testing.T) {
	opts := Options{Rate: -3, Schedule: "sometimes", Workload: Workload{PayloadBytes: 3, ReadShare: 1.5, Keys: -1}}
	err := opts.WithDefaults().Validate()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"Rate = -3", "Schedule", "PayloadBytes = 3", "ReadShare = 1.5", "Keys = -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in:\n%v", want, err)
		}
	}
	if err := (Options{}).WithDefaults().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

// The defaults go together: as many operations may be under way as their longest values leave room for.
func TestDefaultInflightHasRoomForEveryPayload(t *testing.T) {
	for text, want := range map[string]int{
		"128B": 1 << 16, "64B..4KiB": 1 << 16, "lognormal(256B,1.2,64KiB)": 1 << 15, "128B:90,4KiB:9,64KiB:1": 1 << 15,
		"64MiB": 32,
	} {
		fixed, sizes, err := ParseSizes(text)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Workload: Workload{PayloadBytes: fixed, Sizes: sizes}}.WithDefaults()
		if err := o.Validate(); err != nil || o.InflightMax != want {
			t.Errorf("%s: %d under way, %v; want %d", text, o.InflightMax, err, want)
		}
	}
	o := Options{InflightMax: 1 << 16, Workload: Workload{PayloadBytes: 1 << 20}}.WithDefaults()
	if err := o.Validate(); err == nil {
		t.Error("what was asked for, and has no room, is not refused")
	}
}
