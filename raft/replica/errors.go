package replica

import (
	"errors"
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// Sentinels, matched with errors.Is.
var (
	// ErrBusy says that a proposal was refused because a queue is at its cap; it was definitely not applied.
	ErrBusy = errors.New("proposal queue full")
	// ErrUnknown says that the outcome of a proposal is not known: it may still be applied, or never.
	ErrUnknown = errors.New("proposal outcome unknown")
	// ErrTooLarge says that a proposal exceeds the largest entry; it was definitely not applied.
	ErrTooLarge = errors.New("proposal too large")
)

// ErrNotLeader says that a proposal was refused because this node does not lead; it was definitely not applied.
type ErrNotLeader struct {
	// Leader is who leads as far as this node knows, or raft.None.
	Leader raft.NodeID
}

// Error implements error.
func (e ErrNotLeader) Error() string {
	if e.Leader == raft.None {
		return "not the leader; no leader known"
	}
	return fmt.Sprintf("not the leader; node %d is", e.Leader)
}

// Definite reports whether err says that the proposal was definitely not applied.
func Definite(err error) bool {
	var notLeader ErrNotLeader
	return errors.As(err, &notLeader) || errors.Is(err, ErrBusy) || errors.Is(err, ErrTooLarge) ||
		errors.Is(err, raft.ErrClosed)
}
