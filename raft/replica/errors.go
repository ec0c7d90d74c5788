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
	// ErrDiskFull says that a proposal was refused for want of room: on this server's disk, in its log's budget, or at so
	// many others that there is no majority. Nothing was appended: it was definitely not applied.
	ErrDiskFull = errors.New("disk full")
	// ErrUnknown says that the outcome of a proposal, or of a membership change, which is one, is not known: it may
	// still be applied, or never.
	ErrUnknown = errors.New("proposal outcome unknown")
	// ErrTooLarge says that a proposal exceeds the largest entry; it was definitely not applied.
	ErrTooLarge = errors.New("proposal too large")
	// ErrUnconfirmed says that no leader confirmed a read in time. A read has no effect, so it is definite.
	ErrUnconfirmed = errors.New("read not confirmed in time")
	// ErrRolledBack says that another leader's entry took the place of a membership change: it definitely did not
	// happen.
	ErrRolledBack = errors.New("membership change was rolled back")
	// ErrNotTransferred says that leadership did not go where it was to go.
	ErrNotTransferred = errors.New("leadership was not transferred")
)

// ErrNotLeader says that this node does not lead, so that what was asked for was refused; it definitely did not happen.
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

// Is makes it match raft.ErrNotLeader.
func (e ErrNotLeader) Is(target error) bool { return target == raft.ErrNotLeader }

// Definite reports whether err says that what was asked for (a proposal, a membership change, a read) definitely did
// not happen and will not. Proposals are refused with raft.ErrTransferring while leadership is handed over.
func Definite(err error) bool {
	if errors.Is(err, ErrUnknown) {
		return false
	}
	for _, definite := range [...]error{
		ErrBusy, ErrDiskFull, ErrTooLarge, ErrUnconfirmed, ErrRolledBack, ErrNotTransferred,
		raft.ErrClosed, raft.ErrNotLeader, raft.ErrTermNotCommitted, raft.ErrTransferring, raft.ErrChangePending,
		raft.ErrNotMember, raft.ErrMember, raft.ErrIDUsed, raft.ErrBadChange, raft.ErrNotCaughtUp, raft.ErrNoQuorum,
		raft.ErrNotVoter, raft.ErrBusy,
	} {
		if errors.Is(err, definite) {
			return true
		}
	}
	return false
}
