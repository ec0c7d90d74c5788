package quorum

import (
	"math"
	"math/rand/v2"
	"testing"
)

// committedByCounting is the definition, word for word: the largest position p such that more than half of the
// voters have reached p.
func committedByCounting(positions []uint64) uint64 {
	best := uint64(0)
	for _, p := range positions {
		reached := 0
		for _, q := range positions {
			if q >= p {
				reached++
			}
		}
		if 2*reached > len(positions) {
			best = max(best, p)
		}
	}
	return best
}

func TestCommittedEqualsItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		positions := make([]uint64, 1+rng.IntN(9))
		for i := range positions {
			positions[i] = rng.Uint64N(8)
		}
		want := committedByCounting(positions)
		if got := Committed(append([]uint64(nil), positions...)); got != want {
			t.Fatalf("Committed(%v) = %d, want %d", positions, got, want)
		}
	}
}

func TestTallyIsDecidedWhenNothingCanChangeIt(t *testing.T) {
	for voters := 1; voters <= 9; voters++ {
		for granted := 0; granted <= voters; granted++ {
			for rejected := 0; granted+rejected <= voters; rejected++ {
				want := Pending
				switch {
				case 2*granted > voters:
					want = Won
				case 2*(voters-rejected) <= voters: // even if all the others said yes
					want = Lost
				}
				if got := Tally(granted, rejected, voters); got != want {
					t.Errorf("Tally(%d, %d, %d) = %v, want %v", granted, rejected, voters, got, want)
				}
			}
		}
	}
}

func TestTwoMajoritiesShareAVoter(t *testing.T) {
	for n := 1; n < 100; n++ {
		if 2*Size(n) <= n {
			t.Errorf("two quorums of %d among %d voters need not intersect", Size(n), n)
		}
	}
}

func TestEmptyHalfNeverDecides(t *testing.T) {
	if got := Committed(nil); got != math.MaxUint64 {
		t.Errorf("Committed(nil) = %d, want the largest", got)
	}
	if got := JointCommitted(Committed(nil), 7); got != 7 {
		t.Errorf("an empty half moved the commit index to %d, want 7", got)
	}
	for _, r := range []Result{Pending, Won, Lost} {
		if got := Joint(Tally(0, 0, 0), r); got != r {
			t.Errorf("an empty half turned %v into %v", r, got)
		}
	}
}

func TestJointNeedsBothHalves(t *testing.T) {
	for _, c := range []struct{ old, next, want Result }{
		{Won, Won, Won}, {Won, Pending, Pending}, {Pending, Won, Pending}, {Lost, Won, Lost}, {Won, Lost, Lost},
		{Pending, Lost, Lost}, {Pending, Pending, Pending},
	} {
		if got := Joint(c.old, c.next); got != c.want {
			t.Errorf("Joint(%v, %v) = %v, want %v", c.old, c.next, got, c.want)
		}
	}
}
