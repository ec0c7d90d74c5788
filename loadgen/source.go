package loadgen

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// fillerBytes is the length of the block that fillers are windows of, each at an offset of its own.
const fillerBytes = 1 << 16

// preloadSeq is the number of the first write of a preload; its last 40 bits are in the value's id. The load itself
// counts from 0 and gets there never.
const preloadSeq = 1 << 39

// lookBackMax bounds the search for a write before a given operation.
const lookBackMax = 2000

// source makes operations: what operation seq does depends on the seed and seq alone, but for the value that a CAS
// expects. It is not safe for concurrent use.
type source struct {
	workload Workload
	run      uint64
	seed     uint64
	pcg      *rand.PCG
	random   *rand.Rand
	zipf     *rand.Zipf
	filler   []byte
	inserts  uint64 // number of the key that operation 0 would write, when every write has its own
	lookBack int
	seen     *seen // nil without CAS; shared by clones
}

func newSource(workload Workload, seed uint64) *source {
	s := &source{workload: workload, run: RunID(seed), seed: seed, filler: makeFiller(workload, seed)}
	if workload.Preload {
		s.inserts = uint64(workload.Keys)
	}
	s.lookBack = lookBackMax // e^-20 are left where it is less
	if share := workload.SetShare(); share > 0 {
		s.lookBack = int(min(lookBackMax, math.Ceil(20/share)))
	}
	if workload.CASShare > 0 {
		s.seen = &seen{writers: make([]atomic.Uint64, workload.Keys)}
	}
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
	block := make([]byte, fillerBytes+workload.PayloadMax())
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
	key := s.key(op.Kind, op.Seq)
	op.Key = appendKey(op.Key[:0], s.workload.KeyPrefix, key)
	op.Value, op.Old = op.Value[:0], op.Old[:0]
	if op.Kind != Set && op.Kind != CAS {
		return
	}
	op.Value = s.appendValue(op.Value, op.Seq)
	if op.Kind == CAS {
		writer, known := s.seen.writer(key)
		if !known {
			op.Kind = Set
			return
		}
		op.Old = s.appendValueOf(op.Old, writer)
	}
}

// kind reseeds the randomness for operation seq and draws its kind first.
func (s *source) kind(seq uint64) OpKind {
	s.pcg.Seed(s.seed, scramble(seq))
	if seq >= preloadSeq {
		return Set
	}
	w, drawn := &s.workload, s.random.Float64()
	switch {
	case drawn < w.ReadShare:
		return Get
	case drawn < w.ReadShare+w.IncrShare:
		return Incr
	case drawn < w.ReadShare+w.IncrShare+w.CASShare:
		return CAS
	}
	return Set
}

// key draws the key's number, after the kind.
func (s *source) key(kind OpKind, seq uint64) uint64 {
	if seq >= preloadSeq {
		return seq - preloadSeq
	}
	if kind == Incr {
		return counterKeys + s.chosen()
	}
	switch s.workload.KeyDist {
	case KeysSequential:
		if kind == Set || seq == 0 {
			return s.inserts + seq
		}
		return s.inserts + s.writeBefore(s.random.Uint64N(seq))
	case KeysLatest:
		if kind == Set || seq == 0 {
			return s.inserts + seq
		}
		return s.recent(seq)
	default:
		return s.chosen()
	}
}

// chosen draws one of Workload.Keys.
func (s *source) chosen() uint64 {
	w := &s.workload
	if w.HotShare > 0 && s.random.Float64() < w.HotShare {
		return 0
	}
	if w.KeyDist == KeysZipfian {
		return s.zipf.Uint64()
	}
	return s.random.Uint64N(uint64(w.Keys))
}

// writeBefore returns the last SET from operation n down, as far as it is near. It draws from n's randomness: nothing
// may be drawn after it.
func (s *source) writeBefore(n uint64) uint64 {
	for tries := 0; tries < s.lookBack && n > 0 && s.kind(n) != Set; tries++ {
		n--
	}
	return n
}

// recent draws a key by its age: how many writes ago it was written.
func (s *source) recent(seq uint64) uint64 {
	age := s.zipf.Uint64()
	back := age
	if share := s.workload.SetShare(); share > 0 {
		back = uint64(float64(age) / share)
	}
	if back < seq {
		return s.inserts + s.writeBefore(seq-1-back)
	}
	if s.inserts == 0 { // nothing is that old
		return s.writeBefore(seq - 1)
	}
	return s.inserts - 1 - age%s.inserts
}

// appendValue appends the value that operation seq writes, after its kind and key were drawn.
func (s *source) appendValue(b []byte, seq uint64) []byte {
	length := s.workload.size(s.random)
	b = appendValueID(b, s.run, seq)
	at := s.random.IntN(fillerBytes)
	return append(b, s.filler[at:at+length-IDBytes]...)
}

// appendValueOf appends the value that another operation wrote.
func (s *source) appendValueOf(b []byte, seq uint64) []byte {
	s.key(s.kind(seq), seq)
	return s.appendValue(b, seq)
}

// seen is what the generator last saw under each key: the operation that wrote it, plus one; 0 is none.
type seen struct{ writers []atomic.Uint64 }

func (s *seen) writer(key uint64) (seq uint64, known bool) {
	n := s.writers[key].Load()
	return n - 1, n > 0
}

// learn takes what op, which has ended, says about its key.
func (s *seen) learn(op *Op, run uint64) {
	key, ok := KeyNumber(op.Key)
	if !ok || key >= uint64(len(s.writers)) || op.Outcome != OK {
		return
	}
	switch {
	case op.Kind == Set, op.Kind == CAS && op.Swapped:
		s.writers[key].Store(op.Seq + 1)
	case op.Kind == CAS:
		s.writers[key].Store(0) // it was not what was expected, and is not known
	case op.Kind == Get:
		if of, seq, ok := ValueID(op.Value); ok && of == run {
			s.writers[key].Store(seq + 1)
		}
	}
}
