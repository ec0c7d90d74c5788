package raft

import (
	"errors"
	"fmt"
	"slices"
)

// Config holds the knobs of one server's core. Zero fields mean their defaults.
type Config struct {
	// ID is this server; it must be one of Voters.
	ID NodeID
	// Voters are the servers of the cluster, in any order.
	Voters []NodeID
	// ElectionTicksMin and ElectionTicksMax bound the randomized election timeout, in ticks: it is drawn
	// anew, uniformly from [min, max], at each change of role or term (§5.2, §9.3). Min is also how long a
	// follower that hears a leader denies pre-votes and votes, and how often a leader checks its quorum.
	// Defaults 30 and twice the minimum. Lower: outages get shorter; elections without need get more
	// frequent. A narrow range: more split votes.
	ElectionTicksMin, ElectionTicksMax int
	// HeartbeatTicks is the time between a leader's heartbeats, in ticks; below ElectionTicksMin. Default a
	// third of ElectionTicksMin. Lower: more messages; lost ones are noticed sooner.
	HeartbeatTicks int
	// NoPreVote turns off pre-vote (thesis §9.6): a server that was cut off then disturbs when it is back.
	NoPreVote bool
	// NoCheckQuorum turns off the leader's check that it still hears a majority (thesis §6.2), and with it
	// the followers' refusal to vote while they hear a leader (thesis §4.2.3).
	NoCheckQuorum bool

	// MessageEntriesMax and MessageBytesMax bound one AppendEntries; it carries at least one entry, however
	// large. Defaults 4096 and 1 MiB. Higher: fewer messages; a longer wait behind a large one.
	MessageEntriesMax, MessageBytesMax int
	// InflightMessagesMax and InflightBytesMax bound what is on its way to one follower without an
	// acknowledgement. Defaults 64 and 16 MiB. Lower: larger batches, as entries wait for a place; at 1
	// there is no pipelining.
	InflightMessagesMax, InflightBytesMax int
	// UncommittedEntriesMax and UncommittedBytesMax bound the log above the commit index; beyond them
	// [Core.Propose] takes nothing more and a follower accepts no more commands of the current term.
	// Defaults 65536 and 64 MiB.
	UncommittedEntriesMax, UncommittedBytesMax int
	// TailEntriesMax and TailBytesMax bound the committed entries that are kept in memory for slow
	// followers and for applying; what is below is fetched from storage. Defaults 65536 and 64 MiB.
	TailEntriesMax, TailBytesMax int
	// ApplyBytesMax bounds the entries handed over to be applied and not yet applied. Default 4 MiB.
	ApplyBytesMax int
	// Seed starts the source of the election timeouts. Servers with the same seed and different IDs draw
	// differently.
	Seed uint64
}

// WithDefaults returns a copy with the zero fields set.
func (c Config) WithDefaults() Config {
	c.Voters = slices.Clone(c.Voters)
	slices.Sort(c.Voters)
	setDefault(&c.ElectionTicksMin, 30)
	setDefault(&c.ElectionTicksMax, 2*c.ElectionTicksMin)
	setDefault(&c.HeartbeatTicks, max(1, c.ElectionTicksMin/3))
	setDefault(&c.MessageEntriesMax, 4096)
	setDefault(&c.MessageBytesMax, 1<<20)
	setDefault(&c.InflightMessagesMax, 64)
	setDefault(&c.InflightBytesMax, 16<<20)
	setDefault(&c.UncommittedEntriesMax, 1<<16)
	setDefault(&c.UncommittedBytesMax, 64<<20)
	setDefault(&c.TailEntriesMax, 1<<16)
	setDefault(&c.TailBytesMax, 64<<20)
	setDefault(&c.ApplyBytesMax, 4<<20)
	return c
}

func setDefault(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}

// Validate returns all faults of a configuration whose defaults are set.
func (c Config) Validate() error {
	var errs []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fault(c.ID != None, "ID: %d is no server; want at least 1", c.ID)
	fault(slices.Contains(c.Voters, c.ID), "ID: %d is not one of the voters %v", c.ID, c.Voters)
	for i, v := range c.Voters {
		fault(v != None, "Voters: %d is no server; want at least 1", v)
		fault(!slices.Contains(c.Voters[:i], v), "Voters: %d is named twice", v)
	}
	fault(c.ElectionTicksMin >= 2, "ElectionTicksMin: %d; want at least 2", c.ElectionTicksMin)
	fault(c.ElectionTicksMax >= c.ElectionTicksMin,
		"ElectionTicksMax: %d is below ElectionTicksMin %d", c.ElectionTicksMax, c.ElectionTicksMin)
	fault(c.HeartbeatTicks < c.ElectionTicksMin,
		"HeartbeatTicks: %d; want below ElectionTicksMin %d", c.HeartbeatTicks, c.ElectionTicksMin)
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"HeartbeatTicks", c.HeartbeatTicks}, {"MessageEntriesMax", c.MessageEntriesMax},
		{"MessageBytesMax", c.MessageBytesMax}, {"InflightMessagesMax", c.InflightMessagesMax},
		{"InflightBytesMax", c.InflightBytesMax}, {"UncommittedEntriesMax", c.UncommittedEntriesMax},
		{"UncommittedBytesMax", c.UncommittedBytesMax}, {"TailEntriesMax", c.TailEntriesMax},
		{"TailBytesMax", c.TailBytesMax}, {"ApplyBytesMax", c.ApplyBytesMax},
	} {
		fault(limit.value >= 1, "%s: %d; want at least 1", limit.name, limit.value)
	}
	return errors.Join(errs...)
}

// Boot is what a server remembers when it starts.
type Boot struct {
	Log LogState
	// Tail holds the entries above the commit index that stable storage knows: it begins at
	// max(Log.HardState.Commit, Applied, Log.First.Index) and ends in Log.Last.
	Tail Span
	// Applied is the last index that the state machine holds.
	Applied Index
}

func (b Boot) commit() Index { return max(b.Log.HardState.Commit, b.Applied, b.Log.First.Index) }

// Validate returns what is wrong with b: the storage that it was read from contradicts itself.
func (b Boot) Validate() error {
	hs := b.Log.HardState
	switch {
	case b.Applied > b.Log.Last.Index:
		return fmt.Errorf("state machine applied up to %d, but the log ends at %v", b.Applied, b.Log.Last)
	case hs.Commit > b.Log.Last.Index:
		return fmt.Errorf("commit index %d, but the log ends at %v", hs.Commit, b.Log.Last)
	case b.Log.Last.Term > hs.Term:
		return fmt.Errorf("term %d, but the log ends at %v", hs.Term, b.Log.Last)
	case b.Tail.Prev.Index != b.commit():
		return fmt.Errorf("tail begins after %d, want the commit index %d", b.Tail.Prev.Index, b.commit())
	case b.Tail.Last() != b.Log.Last:
		return fmt.Errorf("tail ends at %v, want %v", b.Tail.Last(), b.Log.Last)
	}
	return nil
}
