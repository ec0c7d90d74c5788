package loadgen

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// KeyDist names how keys are chosen.
type KeyDist string

// The key distributions.
const (
	KeysUniform    KeyDist = "uniform"
	KeysZipfian    KeyDist = "zipfian"    // key 0 is the hottest
	KeysSequential KeyDist = "sequential" // every write has a key of its own; reads choose among those written
)

// Filler names what follows the id in a value.
type Filler string

// The fillers, by entropy.
const (
	FillerRandom   Filler = "random"   // 8 bits a byte: does not compress
	FillerText     Filler = "text"     // 4 bits a byte
	FillerConstant Filler = "constant" // none: compresses to nothing
)

// IDBytes is the length of the id at the start of each written value: 6 hex digits of the run, 10 of the operation.
const IDBytes = 16

const (
	keyDigits   = 12
	fillerBytes = 1 << 16 // fillers are windows of one block, each at an offset of its own
)

// Workload says what the operations do.
type Workload struct {
	// Keys is the number of keys (not for sequential). Fewer means more conflicts on a key. Default 10000.
	Keys int
	// KeyDist chooses among them. Default KeysUniform.
	KeyDist KeyDist
	// ZipfS is the exponent of KeysZipfian, above 1; larger is more skewed. Default 1.01.
	ZipfS float64
	// ReadShare is the share of reads, 0 to 1. Default 0: writes only.
	ReadShare float64
	// PayloadBytes is the length of written values, the id included. Default 128.
	PayloadBytes int
	// Filler is the rest of the value. Default FillerRandom.
	Filler Filler
	// KeyPrefix begins every key. Default: the run's id and a colon, so that runs of different seeds share no key and
	// every key is missing at the start.
	KeyPrefix string
}

func (w Workload) withDefaults(seed uint64) Workload {
	w.Keys = orDefault(w.Keys, 10_000)
	w.KeyDist = orDefault(w.KeyDist, KeysUniform)
	w.ZipfS = orDefault(w.ZipfS, 1.01)
	w.PayloadBytes = orDefault(w.PayloadBytes, 128)
	w.Filler = orDefault(w.Filler, FillerRandom)
	w.KeyPrefix = orDefault(w.KeyPrefix, fmt.Sprintf("%06x:", RunID(seed)))
	return w
}

func (w Workload) validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(w.Keys > 0 && w.Keys <= KeysMax, "Keys = %d: want 1 to %d", w.Keys, KeysMax)
	fault(w.KeyDist == KeysUniform || w.KeyDist == KeysZipfian || w.KeyDist == KeysSequential,
		"KeyDist = %q: want %q, %q or %q", w.KeyDist, KeysUniform, KeysZipfian, KeysSequential)
	fault(w.ZipfS > 1 && w.ZipfS <= 10, "ZipfS = %v: want above 1 and at most 10", w.ZipfS)
	fault(w.ReadShare >= 0 && w.ReadShare <= 1, "ReadShare = %v: want 0 to 1", w.ReadShare)
	fault(w.PayloadBytes >= IDBytes && w.PayloadBytes <= PayloadMax,
		"PayloadBytes = %d: want %d (the id) to %d", w.PayloadBytes, IDBytes, PayloadMax)
	fault(w.Filler == FillerRandom || w.Filler == FillerText || w.Filler == FillerConstant,
		"Filler = %q: want %q, %q or %q", w.Filler, FillerRandom, FillerText, FillerConstant)
	fault(len(w.KeyPrefix) <= KeyPrefixBytes && !strings.ContainsAny(w.KeyPrefix, ",\"\r\n"),
		"KeyPrefix = %q: want at most %d bytes without comma, quote or line break", w.KeyPrefix, KeyPrefixBytes)
	return errors.Join(faults...)
}

// Key returns key number n.
func (w Workload) Key(n uint64) string { return string(appendKey(nil, w.KeyPrefix, n)) }

func appendKey(b []byte, prefix string, n uint64) []byte {
	b = append(b, prefix...)
	return appendDigits(b, n, keyDigits, 10)
}

func appendDigits(b []byte, n uint64, digits int, base uint64) []byte {
	at := len(b)
	for range digits {
		b = append(b, '0')
	}
	for i := at + digits - 1; i >= at && n > 0; i-- {
		b[i] = "0123456789abcdef"[n%base]
		n /= base
	}
	return b
}

func parseDigits(b []byte, base uint64) (n uint64, ok bool) {
	for _, c := range b {
		digit := uint64(strings.IndexByte("0123456789abcdef", c))
		if digit >= base {
			return 0, false
		}
		n = n*base + digit
	}
	return n, true
}

// KeyNumber returns the number of a key that Workload.Key made.
func KeyNumber(key []byte) (n uint64, ok bool) {
	if len(key) < keyDigits {
		return 0, false
	}
	return parseDigits(key[len(key)-keyDigits:], 10)
}

// RunID returns the 24 bits of a seed that begin every value of a run.
func RunID(seed uint64) uint64 { return scramble(seed) >> 40 }

// ValueID takes the id off the start of a written value: the run and the operation that wrote it.
func ValueID(value []byte) (run, seq uint64, ok bool) {
	if len(value) < IDBytes {
		return 0, 0, false
	}
	run, okRun := parseDigits(value[:6], 16)
	seq, okSeq := parseDigits(value[6:IDBytes], 16)
	return run, seq, okRun && okSeq
}

// FormatValueID is the id's text, as it stands in the value and in history files.
func FormatValueID(run, seq uint64) string { return string(appendValueID(nil, run, seq)) }

func appendValueID(b []byte, run, seq uint64) []byte {
	return appendDigits(appendDigits(b, run, 6, 16), seq, IDBytes-6, 16)
}

// scramble is the finalizer of splitmix64: neighbouring inputs give unrelated outputs.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// source makes operations: what operation seq does depends on the seed and seq alone. It is not safe for concurrent
// use.
type source struct {
	workload Workload
	run      uint64
	seed     uint64
	pcg      *rand.PCG
	random   *rand.Rand
	zipf     *rand.Zipf
	filler   []byte
}

func newSource(workload Workload, seed uint64) *source {
	s := &source{workload: workload, run: RunID(seed), seed: seed, filler: makeFiller(workload, seed)}
	return s.clone()
}

// clone returns a source of the same operations, for another goroutine.
func (s *source) clone() *source {
	other := *s
	other.pcg = rand.NewPCG(0, 0)
	other.random = rand.New(other.pcg)
	other.zipf = rand.NewZipf(other.random, s.workload.ZipfS, 1, uint64(s.workload.Keys-1))
	return &other
}

func makeFiller(workload Workload, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 0x66696c6c6572))
	block := make([]byte, fillerBytes+workload.PayloadBytes)
	for i := range block {
		switch workload.Filler {
		case FillerRandom:
			block[i] = byte(random.Uint32())
		case FillerText:
			block[i] = "etaoinshrdlu cmf"[random.Uint32()&15]
		case FillerConstant:
			block[i] = 'x'
		}
	}
	return block
}

// fill sets what op does from its Seq, in the op's own buffers.
func (s *source) fill(op *Op) {
	op.Kind = s.kind(op.Seq)
	op.Key = appendKey(op.Key[:0], s.workload.KeyPrefix, s.key(op.Kind, op.Seq))
	op.Value = op.Value[:0]
	if op.Kind == Set {
		op.Value = appendValueID(op.Value, s.run, op.Seq)
		at := s.random.IntN(fillerBytes)
		op.Value = append(op.Value, s.filler[at:at+s.workload.PayloadBytes-IDBytes]...)
	}
}

// kind reseeds the randomness for operation seq and draws its kind first.
func (s *source) kind(seq uint64) OpKind {
	s.pcg.Seed(s.seed, scramble(seq))
	if s.random.Float64() < s.workload.ReadShare {
		return Get
	}
	return Set
}

func (s *source) key(kind OpKind, seq uint64) uint64 {
	switch s.workload.KeyDist {
	case KeysZipfian:
		return s.zipf.Uint64()
	case KeysSequential:
		if kind == Set || seq == 0 {
			return seq
		}
		n := s.random.Uint64N(seq)
		for tries := 0; tries < 32 && n > 0 && s.kind(n) != Set; tries++ {
			n--
		}
		return n
	default:
		return s.random.Uint64N(uint64(s.workload.Keys))
	}
}
