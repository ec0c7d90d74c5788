package raft

import (
	"fmt"
	"math/rand/v2"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft/progress"
)

// Role is what a server is at the moment (§5.1).
type Role uint8

// The roles. A pre-candidate asks whether it could win, before it disturbs anybody (thesis §9.6).
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

// String returns the role's name.
func (r Role) String() string {
	return [...]string{"follower", "pre-candidate", "candidate", "leader"}[r]
}

// Core decides what one server of a Raft cluster does. It is driven from outside and touches nothing: see
// the package comment. It is not safe for concurrent use.
type Core struct {
	cfg Config
	rng *rand.Rand

	// Persistent state (Figure 2). The log is tail and what storage holds below it, down to first.
	currentTerm Term
	votedFor    NodeID
	tail        tail
	first       EntryID // the log begins after it: zero, or the last compacted entry (§7)

	// Volatile state (Figure 2). Invariant: applied <= applying <= min(commitIndex, durable) <= tail.last().
	commitIndex Index
	lastApplied Index
	applying    Index // handed over to be applied
	applyBytes  int   // of the entries in (lastApplied, applying], as far as they were in memory
	applySizes  []applySize

	role   Role
	leader NodeID

	// configurations are the one as of first, and those of the entries above it; the last one counts (§6).
	configurations []ConfigurationAt
	peers          []peer // all members of it, by ID

	// termStart is the index of the no-op of this leader's term.
	termStart Index
	// verified is how far this follower's log is known to equal that of the leader of the current term.
	verified Index

	ticks            uint64
	clock            int64 // nanoseconds, as last told
	electionElapsed  int
	electionTimeout  int
	heartbeatElapsed int
	patience         int    // election timeouts that this server let pass for those of higher priority
	quietUntil       uint64 // ticks: it may have promised a lease before it was started again

	disconnect disconnect

	transfer transfer
	reads    reads
	incoming incoming
	storing  uint64 // bytes of chunks handed over to be stored, of this snapshot and of those given up
	recovery recovery
	attempts uint64 // to take a snapshot, so far

	uncommittedBytes int // of the entries above commitIndex

	deep deepChecks // with the tag invariants

	disk   disk
	outbox outbox
	debts  debts

	dropped uint64 // messages that no correct server sends
	seq     uint64
}

// peer is one member, this server or another, as this server sees it.
type peer struct {
	Member
	vote     vote
	progress progress.Progress
	stream   stream
	matchSeq uint64 // the last message sent before Match rose last
	// forgottenSeq is the last message sent before it said that it recovers; 0: never in this term.
	forgottenSeq uint64
	ackedSeq     uint64 // the last message of this term that it answered
	heardAt      uint64 // ticks + 1, when progress was last told of an answer to a heartbeat
	lost         bool   // it does not have what it acknowledged: its disk was replaced
	debts        peerDebts
}

// peerDebts counts what was asked for on behalf of a follower and is not paid, in whichever term.
type peerDebts struct {
	fetches, chunks int
}

// peerDebtsMax bounds each of peerDebts. One is the rule; more are under way when what is asked for was overtaken by an
// answer of the follower.
const peerDebtsMax = 4

type vote uint8

const (
	voteUnknown vote = iota
	voteGranted
	voteRejected
)

// New returns a core that continues from boot, as a follower.
func New(cfg Config, boot Boot) (*Core, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the core: %w", err)
	}
	if err := boot.Validate(); err != nil {
		return nil, fmt.Errorf("boot the core: %w", err)
	}
	c := &Core{
		cfg:         cfg,
		rng:         rand.New(rand.NewPCG(cfg.Seed, uint64(cfg.ID)^cfg.Incarnation<<32)),
		commitIndex: boot.commit(),
		lastApplied: boot.Applied,
		applying:    boot.Applied,
		first:       boot.Log.First,
	}
	c.currentTerm, c.votedFor = boot.term()
	c.recovery.lost = boot.Log.HardState.Recover
	c.tail = tail{prev: boot.Tail.Prev, entries: boot.Tail.Entries, bytes: entriesSize(boot.Tail.Entries)}
	c.tail.entries = c.tail.entries[:len(c.tail.entries):len(c.tail.entries)]
	c.uncommittedBytes = c.tail.bytes
	c.disk = newDisk(c.tail.last().Index, boot.Log.HardState)
	c.bootConfigurations(boot)
	c.reads.next = cfg.Incarnation << 32
	if cfg.LeaseNanos > 0 && c.currentTerm > 0 {
		c.quietUntil = uint64(cfg.ElectionTicksMin)
	}
	c.becomeFollower(c.currentTerm, None)
	c.resetElectionTimer()
	c.check()
	return c, nil
}

// Tick advances the core's time by one tick.
func (c *Core) Tick() {
	c.ticks++
	c.electionElapsed++
	switch {
	case c.role == Leader:
		c.tickLeader()
	case c.electionElapsed >= c.electionTimeout:
		c.electionTimedOut()
	default:
		c.tickDisconnected()
	}
	c.expireReads()
	c.askToRecover()
	c.check()
}

// SetClock tells the core the time of a monotonic clock, in nanoseconds from any origin. It matters for
// LeaseNanos alone, and must be read after the calls that ReadIndex is then called for were made, and
// before ReadIndex.
func (c *Core) SetClock(nanos int64) { c.clock = max(c.clock, nanos) }

func (c *Core) tickLeader() {
	if c.electionElapsed >= c.cfg.ElectionTicksMin {
		c.electionElapsed = 0
		if !c.heardQuorum() && !c.cfg.NoCheckQuorum {
			c.becomeFollower(c.currentTerm, None)
			return
		}
	}
	c.tickTransfer()
	if c.role != Leader {
		return
	}
	c.heartbeatElapsed++
	if c.heartbeatElapsed >= c.cfg.HeartbeatTicks {
		c.heartbeatElapsed = 0
		c.sendHeartbeats()
	}
}

// StepDown makes a leader a follower of nobody, in its term, as after a lost quorum. It is for a driver
// that knows what the core cannot: that this server leads and does not get on, because its disk hangs. The
// vote is kept.
func (c *Core) StepDown() {
	if c.role == Leader {
		c.becomeFollower(c.currentTerm, None)
		c.check()
	}
}

// Propose appends commands to the leader's log (§5.3) and returns how many of them it took: the first n,
// whose entries are (last before, last before + n]. It takes none when this server does not lead or hands
// leadership over, and fewer than all when the part of the log that is not committed, or not durable here,
// is at its cap. Only Data of an entry is read; entries and their data belong to the core afterwards.
func (c *Core) Propose(entries []Entry) (n int) {
	if c.role != Leader || c.transfer.active() {
		return 0
	}
	room := c.cfg.UncommittedEntriesMax - int(c.lastIndex()-min(c.commitIndex, c.disk.durable))
	bytes := max(c.uncommittedBytes, c.disk.bytes)
	for n < len(entries) && n < room && bytes < c.cfg.UncommittedBytesMax {
		bytes += entries[n].Size()
		entries[n].Kind = EntryCommand
		entries[n].Term = c.currentTerm
		n++
	}
	if n > 0 {
		c.appendAsLeader(entries[:n:n])
		c.check()
	}
	return n
}

func (c *Core) appendAsLeader(entries []Entry) {
	c.appendToLog(Span{Prev: c.tail.last(), Entries: entries})
}

// appendToLog adds a span to the end of the log and owes it to the disk.
func (c *Core) appendToLog(s Span) {
	bytes := entriesSize(s.Entries)
	c.tail.append(s)
	c.uncommittedBytes += bytes
	c.disk.append(s, bytes)
	for i := range s.Entries {
		if s.Entries[i].Kind == EntryConfig {
			c.appendConfiguration(s.Prev.Index+Index(i)+1, s.Entries[i].Data)
		}
	}
}

func (c *Core) lastIndex() Index { return c.tail.prev.Index + Index(len(c.tail.entries)) }

func (c *Core) peer(id NodeID) *peer {
	for i := range c.peers {
		if c.peers[i].ID == id {
			return &c.peers[i]
		}
	}
	return nil
}

// setCommit moves the commit index forward.
func (c *Core) setCommit(index Index) {
	invariant.Check2(index > c.commitIndex, "commit index from %d to %d", c.commitIndex, index)
	invariant.Check2(index <= c.lastIndex(), "commit index %d beyond the log's end %d", index, c.lastIndex())
	for i := c.commitIndex; i < index; i++ {
		c.uncommittedBytes -= c.tail.entries[i-c.tail.prev.Index].Size()
	}
	c.commitIndex = index
	c.maybeRecovered()
	c.forget()
}

// TermAt returns the term of the entry at index, and whether it is in memory.
func (c *Core) TermAt(index Index) (Term, bool) {
	if !c.tail.holds(index) {
		return 0, false
	}
	return c.tail.term(index), true
}

// forget drops from memory what is committed, durable, and above the caps.
func (c *Core) forget() {
	c.tail.forget(min(c.commitIndex, c.disk.durable), c.cfg.TailEntriesMax, c.cfg.TailBytesMax,
		int(c.lastIndex()-c.commitIndex), c.uncommittedBytes)
}
