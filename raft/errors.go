package raft

import "errors"

// Sentinels of the ports that carry and store raft's types, matched with errors.Is.
var (
	// ErrCompacted says that entries were asked for that are no longer in the log.
	ErrCompacted = errors.New("entries compacted")
	// ErrOutOfRange says that entries were asked for that the log does not have.
	ErrOutOfRange = errors.New("entries out of range")
	// ErrClosed says that the object was closed before the call.
	ErrClosed = errors.New("closed")
)

// Refusals of [Core.ChangeConfig], [Core.Transfer] and [Core.ReadIndex], matched with errors.Is. Nothing has happened
// when one is returned.
var (
	// ErrNotLeader says that this server does not lead.
	ErrNotLeader = errors.New("not the leader")
	// ErrTermNotCommitted says that the no-op of this leader's term is not committed yet: ask again soon.
	ErrTermNotCommitted = errors.New("no entry of this term is committed yet")
	// ErrTransferring says that leadership is being handed over.
	ErrTransferring = errors.New("leadership is being transferred")
	// ErrChangePending says that a membership change is under way: one at a time.
	ErrChangePending = errors.New("another membership change is under way")
	// ErrNotMember says that a server is not a member of the cluster.
	ErrNotMember = errors.New("not a member")
	// ErrMember says that a server to be added is a member already.
	ErrMember = errors.New("already a member")
	// ErrIDUsed says that an ID belonged to a server that was removed, or is below one that did.
	ErrIDUsed = errors.New("id was used before")
	// ErrBadChange says that a change makes no sense by itself, or leaves no voter.
	ErrBadChange = errors.New("impossible membership change")
	// ErrNotCaughtUp says that a learner's log is too far behind for it to be a voter.
	ErrNotCaughtUp = errors.New("learner has not caught up")
	// ErrNoQuorum says that the voters that would be left, and that this leader hears, are no majority.
	ErrNoQuorum = errors.New("too few of the voters that would be left can be heard")
	// ErrNotVoter says that leadership cannot go to a server without a vote.
	ErrNotVoter = errors.New("not a voter")
	// ErrBusy says that too much of the kind is under way.
	ErrBusy = errors.New("too many under way")
)
