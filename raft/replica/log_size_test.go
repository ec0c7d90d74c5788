package replica

import (
	"math/rand/v2"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The meter is compared with a log that remembers each entry, through appends, truncations and compactions.
func TestLogMeterAgreesWithALogThatCountsEachEntry(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var m logMeter
		var sizes []int // of (first, first+len]
		first := raft.Index(0)
		for step := range 5_000 {
			last := first + raft.Index(len(sizes))
			switch rng.IntN(20) {
			case 0:
				if len(sizes) > 1 {
					upto := first + raft.Index(rng.IntN(len(sizes)))
					m.compact(upto)
					sizes, first = append([]int(nil), sizes[upto-first:]...), upto
				}
			case 1:
				last -= raft.Index(rng.IntN(min(len(sizes), 50) + 1))
				fallthrough
			default:
				n, total := 1+rng.IntN(40), 0
				sizes = sizes[:last-first]
				for range n {
					size := 100 + rng.IntN(10)
					sizes, total = append(sizes, size), total+size
				}
				m.append(last, last+raft.Index(n), total)
			}
			want := 0
			for _, size := range sizes {
				want += size
			}
			if off := m.bytes - want; off > want/20+1000 || -off > want/20+1000 {
				t.Fatalf("seed %d, step %d: got %d bytes, want about %d", seed, step, m.bytes, want)
			}
		}
	}
}

func TestLogMeterIsBounded(t *testing.T) {
	var m logMeter
	const size = 1 << 20
	for i := range raft.Index(20_000) {
		m.append(i, i+1, size)
	}
	if len(m.runs) > sizeRunsMax || m.bytes != 20_000*size {
		t.Errorf("got %d runs and %d bytes, want at most %d, and %d", len(m.runs), m.bytes, sizeRunsMax, 20_000*size)
	}
	m.compact(20_000)
	if m.bytes != 0 || len(m.runs) != 0 {
		t.Errorf("an empty log has %d bytes in %d runs", m.bytes, len(m.runs))
	}
}
