package raft

import (
	"errors"
	"fmt"
	"slices"
)

// Config holds the knobs of one server's core. Zero fields mean their defaults.
type Config struct {
	// ID is this server.
	ID NodeID
	// Bootstrap is the configuration that the cluster begins with, the same at all of its servers, this one
	// among them. It counts as long as the log has none. Empty for a server that joins a cluster: it waits
	// for a leader, and finds its configuration in the log. Voters is the short form of one without
	// addresses, in any order.
	Bootstrap Configuration
	Voters    []NodeID
	// Incarnation counts the starts of this server: it makes the draws and the read contexts of each start
	// differ. Required to grow by whoever uses ReadIndex on followers. Default 0.
	Incarnation uint64
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
	// DisconnectHints has a follower ask for an election at once when its connections to the leader break (see
	// [Core.Disconnected]), rather than wait for the timeout. Others agree only if they have lost the leader too. A
	// crash of the leader's process is over in milliseconds; a connection that breaks for another reason costs a
	// round of messages. It needs pre-vote and the check of the quorum, and no leases at any server: who was promised
	// to keep still would not.
	DisconnectHints bool

	// MessageEntriesMax and MessageBytesMax bound one AppendEntries; it carries at least one entry, however
	// large. The first is at most MessageEntriesLimit. Defaults 4096 and 1 MiB. Higher: fewer messages; a
	// longer wait behind a large one.
	MessageEntriesMax, MessageBytesMax int
	// InflightMessagesMax and InflightBytesMax bound what is on its way to one follower without an
	// acknowledgement. Defaults 64 and 8 MiB. Lower: larger batches, as entries wait for a place; at 1
	// there is no pipelining.
	InflightMessagesMax, InflightBytesMax int
	// AdaptiveWindow lets the window of each follower move between 4 messages and InflightMessagesMax:
	// narrow, and so with larger batches, while it keeps pace with the fastest follower, and wide while it
	// lags. Default: fixed at the maximum.
	AdaptiveWindow bool
	// UncommittedEntriesMax and UncommittedBytesMax bound the log that is not committed or not durable
	// here; beyond them [Core.Propose] takes nothing more and a follower accepts no more commands of the
	// current term. Defaults 65536 and 16 MiB. Lower: less memory; proposals are refused sooner when the
	// quorum is slow.
	// A log that was filled under caps four times as high, and above four times the defaults, is never committed: lower
	// high caps in steps.
	UncommittedEntriesMax, UncommittedBytesMax int
	// TailEntriesMax and TailBytesMax bound the committed entries that are kept in memory for slow
	// followers and for applying; what is below is fetched from storage. Defaults 65536 and 32 MiB. Memory is
	// released in steps: entries of up to a quarter of what is kept, or of 64 KiB if that is more, are forgotten and
	// still held.
	TailEntriesMax, TailBytesMax int
	// ApplyBytesMax bounds the entries handed over to be applied and not yet applied. Default 4 MiB. Lower:
	// smaller batches for the state machine; higher: more memory.
	ApplyBytesMax int

	// SnapshotChunkBytes is the size of a part of a snapshot on its way to a follower, and
	// SnapshotInflightBytes bounds the parts of which it has not confirmed that they are stored. Defaults
	// 256 KiB and 2 MiB. Lower: less memory and bandwidth taken from the entries; a slower transfer.
	SnapshotChunkBytes, SnapshotInflightBytes int
	// PromoteLagMax is how many entries a learner's log may be behind when it is promoted (thesis §4.2.1).
	// Default 4096. Higher: a new voter may hold up commits for longer while it catches up.
	PromoteLagMax int
	// ReadsMax bounds the reads that wait for their index, here and for followers together; beyond it they
	// fail with ErrBusy. Default 4096.
	ReadsMax int
	// LeaseNanos, when not 0, lets a leader answer reads without a round of heartbeats for so many
	// nanoseconds of its monotonic clock after the sending of one that a majority answered (thesis §6.4.1).
	// It must be below two ticks less than the minimum election timeout, by more than clocks drift apart in
	// that time; all servers need the same choice, because they deny votes after a start for the minimum
	// election timeout. Default 0: reads never trust a clock.
	LeaseNanos int64
	// Seed starts the source of the election timeouts. Servers with the same seed and different IDs draw
	// differently.
	Seed uint64
}

// The defaults of the caps of what is not committed.
const (
	uncommittedEntriesDefault = 1 << 16
	uncommittedBytesDefault   = 16 << 20
)

// MessageEntriesLimit bounds MessageEntriesMax: receivers refuse messages with more entries, which take more memory
// than bytes on the wire.
const MessageEntriesLimit = 1 << 16

// WithDefaults returns a copy with the zero fields set.
func (c Config) WithDefaults() Config {
	if c.Bootstrap.IsZero() && len(c.Voters) > 0 {
		c.Bootstrap = NewConfiguration(c.Voters...)
	}
	c.Voters = slices.Clone(c.Voters)
	slices.Sort(c.Voters)
	setDefault(&c.ElectionTicksMin, 30)
	setDefault(&c.ElectionTicksMax, 2*c.ElectionTicksMin)
	setDefault(&c.HeartbeatTicks, max(1, c.ElectionTicksMin/3))
	setDefault(&c.MessageEntriesMax, 4096)
	setDefault(&c.MessageBytesMax, 1<<20)
	setDefault(&c.InflightMessagesMax, 64)
	setDefault(&c.InflightBytesMax, 8<<20)
	setDefault(&c.UncommittedEntriesMax, uncommittedEntriesDefault)
	setDefault(&c.UncommittedBytesMax, uncommittedBytesDefault)
	setDefault(&c.TailEntriesMax, 1<<16)
	setDefault(&c.TailBytesMax, 32<<20)
	setDefault(&c.ApplyBytesMax, 4<<20)
	setDefault(&c.SnapshotChunkBytes, 256<<10)
	setDefault(&c.SnapshotInflightBytes, 2<<20)
	setDefault(&c.PromoteLagMax, 4096)
	setDefault(&c.ReadsMax, 4096)
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
	if !c.Bootstrap.IsZero() {
		_, member := c.Bootstrap.Member(c.ID)
		fault(member, "ID: %d is not one of the servers %v", c.ID, c.Bootstrap)
		if err := c.Bootstrap.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("Bootstrap: %w", err))
		}
	}
	fault(c.LeaseNanos >= 0, "LeaseNanos: %d; want at least 0", c.LeaseNanos)
	fault(c.LeaseNanos == 0 || !c.NoCheckQuorum, "LeaseNanos: %d with NoCheckQuorum; followers must deny votes",
		c.LeaseNanos)
	fault(!c.DisconnectHints || (!c.NoPreVote && !c.NoCheckQuorum && c.LeaseNanos == 0),
		"DisconnectHints: true with NoPreVote %v, NoCheckQuorum %v, LeaseNanos %d; want none of them",
		c.NoPreVote, c.NoCheckQuorum, c.LeaseNanos)
	fault(c.ElectionTicksMin >= 2, "ElectionTicksMin: %d; want at least 2", c.ElectionTicksMin)
	fault(c.ElectionTicksMax >= c.ElectionTicksMin,
		"ElectionTicksMax: %d is below ElectionTicksMin %d", c.ElectionTicksMax, c.ElectionTicksMin)
	fault(c.MessageEntriesMax <= MessageEntriesLimit, "MessageEntriesMax: %d; want at most %d",
		c.MessageEntriesMax, MessageEntriesLimit)
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
		{"SnapshotChunkBytes", c.SnapshotChunkBytes}, {"SnapshotInflightBytes", c.SnapshotInflightBytes},
		{"PromoteLagMax", c.PromoteLagMax}, {"ReadsMax", c.ReadsMax},
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
	// Configurations are those of all EntryConfig entries in (Log.First.Index, Log.Last.Index], in order.
	Configurations []ConfigurationAt
	// Applied is the last index that the state machine holds.
	Applied Index
}

// term returns the term to begin in, and the vote in it. A snapshot may have been stored before the term
// that it came in: this server was in that term, and has not voted in it, which would have been stored
// first.
func (b Boot) term() (Term, NodeID) {
	if hs := b.Log.HardState; hs.Term >= b.Log.First.Term {
		return hs.Term, hs.Vote
	}
	return b.Log.First.Term, None
}

func (b Boot) commit() Index { return max(b.Log.HardState.Commit, b.Applied, b.Log.First.Index) }

// Validate returns what is wrong with b: the storage that it was read from contradicts itself.
func (b Boot) Validate() error {
	hs := b.Log.HardState
	term, _ := b.term()
	switch {
	case b.Applied < b.Log.First.Index:
		return fmt.Errorf("state machine applied up to %d, but the log begins after %v", b.Applied, b.Log.First)
	case b.Applied > b.Log.Last.Index:
		return fmt.Errorf("state machine applied up to %d, but the log ends at %v", b.Applied, b.Log.Last)
	case hs.Commit > b.Log.Last.Index:
		return fmt.Errorf("commit index %d, but the log ends at %v", hs.Commit, b.Log.Last)
	case b.Log.Last.Term > term:
		return fmt.Errorf("term %d, but the log ends at %v", term, b.Log.Last)
	case b.Tail.Prev.Index != b.commit():
		return fmt.Errorf("tail begins after %d, want the commit index %d", b.Tail.Prev.Index, b.commit())
	case b.Tail.Last() != b.Log.Last:
		return fmt.Errorf("tail ends at %v, want %v", b.Tail.Last(), b.Log.Last)
	}
	return nil
}
