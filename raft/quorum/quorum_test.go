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
	for range 200_000 {
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

// half is one half of a joint configuration: bit i says that server i votes in it.
type half uint

func drawHalf(rng *rand.Rand, servers int) half { return half(rng.Uint64N(1 << servers)) }

// wins reports whether the servers of a set are more than half of those of h, counted one by one. Nobody is asked in an
// empty half.
func (h half) wins(set uint) bool {
	in, all := 0, 0
	for i := range 16 {
		if h>>i&1 == 1 {
			all++
			in += int(set >> i & 1)
		}
	}
	return all == 0 || 2*in > all
}

func (h half) count(set uint) int {
	n := 0
	for i := range 16 {
		n += int(uint(h) & set >> i & 1)
	}
	return n
}

// outcome is the definition of a joint vote (§6), by trying all answers of those who have not answered: won when it is
// won already, lost when no answers win it.
func outcome(old, next half, servers int, yes, no uint) Result {
	wins := func(set uint) bool { return old.wins(set) && next.wins(set) }
	if wins(yes) {
		return Won
	}
	for set := range uint(1 << servers) {
		if set&yes == yes && set&no == 0 && wins(set) {
			return Pending
		}
	}
	return Lost
}

// TestJointVoteEqualsItsDefinition: every pair of halves of up to seven servers that was drawn, and every answer.
func TestJointVoteEqualsItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 200_000 {
		servers := 1 + rng.IntN(7)
		old, next := drawHalf(rng, servers), drawHalf(rng, servers)
		yes := uint(rng.Uint64N(1 << servers))
		no := uint(rng.Uint64N(1<<servers)) &^ yes
		tally := func(h half) Result { return Tally(h.count(yes), h.count(no), h.count(^uint(0))) }
		if got, want := Joint(tally(old), tally(next)), outcome(old, next, servers, yes, no); got != want {
			t.Fatalf("old %b, new %b, yes %b, no %b: got %v, want %v", old, next, yes, no, got, want)
		}
	}
}

// TestJointCommittedEqualsItsDefinition: the largest position that more than half of each half has reached.
func TestJointCommittedEqualsItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 200_000 {
		servers := 1 + rng.IntN(9)
		positions := make([]uint64, servers)
		for i := range positions {
			positions[i] = rng.Uint64N(8)
		}
		old, next := drawHalf(rng, servers), drawHalf(rng, servers)|1
		reached := func(h half) uint64 {
			var of []uint64
			for i, p := range positions {
				if h>>i&1 == 1 {
					of = append(of, p)
				}
			}
			return Committed(of)
		}
		want := uint64(0)
		for p := range uint64(8) {
			set := uint(0)
			for i := range positions {
				if positions[i] >= p {
					set |= 1 << i
				}
			}
			if old.wins(set) && next.wins(set) {
				want = p
			}
		}
		if got := JointCommitted(reached(old), reached(next)); got != want {
			t.Fatalf("old %b, new %b, positions %v: got %d, want %d", old, next, positions, got, want)
		}
	}
}
