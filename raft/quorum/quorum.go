package quorum

import (
	"math"
	"slices"
)

// Size returns how many of n voters are a majority.
func Size(n int) int { return n/2 + 1 }

// Committed returns the largest position that a majority of the voters has reached; positions holds one
// value a voter and is reordered. Without voters it returns the largest uint64.
func Committed(positions []uint64) uint64 {
	if len(positions) == 0 {
		return math.MaxUint64
	}
	slices.Sort(positions)
	return positions[len(positions)-Size(len(positions))]
}

// Result is the state of a vote.
type Result uint8

// The results: a vote is Pending while the voters who did not answer can still decide it.
const (
	Pending Result = iota
	Won
	Lost
)

// String returns the result's name.
func (r Result) String() string { return [...]string{"pending", "won", "lost"}[r] }

// Tally returns the state of a vote among voters, of whom granted said yes and rejected no.
// It needs granted+rejected <= voters.
func Tally(granted, rejected, voters int) Result {
	switch need := Size(voters); {
	case voters == 0 || granted >= need:
		return Won
	case voters-rejected < need:
		return Lost
	default:
		return Pending
	}
}

// Joint combines the votes of the two halves of a joint configuration: won when both are, lost as soon as
// one is.
func Joint(old, next Result) Result {
	switch {
	case old == Lost || next == Lost:
		return Lost
	case old == Won && next == Won:
		return Won
	default:
		return Pending
	}
}

// JointCommitted combines the committed positions of the two halves of a joint configuration.
func JointCommitted(old, next uint64) uint64 { return min(old, next) }
