package replica

import (
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Disk is what a replica is told of the file system that its log and its machine are on: see [Replica.SetDisk].
type Disk struct {
	// Low says that there is too little room to take anything more. Whoever says so decides when that is over.
	Low bool
	// FreeBytes are what is left, and ReserveBytes what should be.
	FreeBytes, ReserveBytes uint64
}

// space is what a server does about a disk that is nearly full, or a log that has outgrown its budget. It takes no
// more commands: proposals are refused before anything is appended, entries and snapshots of a leader are dropped, as a
// transport may, and its answers to heartbeats say so (raft.Message.Reject, which the core does not look at). Votes,
// heartbeats and reads go on, and what frees room: the log is compacted without regard to followers. A leader gives
// leadership to a server that has room, if with that the cluster goes on; and one that has room itself refuses
// proposals as long as too few others have.
type space struct {
	disk Disk
	over bool  // the log, its budget; until it is well below
	own  error // why this server has no room, or nil

	// Of a leader.
	refusal error // why it refuses proposals, or nil
	term    raft.Term
	full    map[raft.NodeID]bool // the voters that answered a heartbeat of term, and whether they have no room

	refused     raft.Term     // of the leader whose entries were not taken last
	lastRoom    bool          // as hasLastRoom said last
	grace       int           // bytes of commands that are taken yet, see takesMessage
	compactAt   time.Duration // when the log may be compacted for the room, again, if that did nothing
	compactFrom raft.Index    // where it began at the last attempt
	handOverAt  time.Duration // when leadership may be handed over for want of room
	handsOver   bool          // it was, and that is not decided
	standsBack  time.Duration // until when others are let go first in elections
}

const (
	// handOverForRoomEvery keeps servers without room from passing leadership around.
	handOverForRoomEvery = 30 * time.Second
	// handOverForBudgetAfter is how long the log must have been above its budget before that is a reason to hand
	// over: a compaction that is under way may end it.
	handOverForBudgetAfter = 2 * time.Second
	// compactForRoomEvery is the time between two compactions for the room, of which the first did nothing.
	compactForRoomEvery = time.Second
	// gracePart is which part of the reserve, or of the budget, is for what was on its way when the room ended.
	gracePart = 8
	// keepForRoomBytes bounds what stays then for followers that are a little behind.
	keepForRoomBytes = 16 << 20
)

// SetDisk tells the replica how much room there is. With Low it refuses proposals with ErrDiskFull, which is definite,
// takes no entries from a leader, and does not lead a cluster that could go on without it; without, all that goes on by
// itself.
func (r *Replica) SetDisk(d Disk) {
	r.inbox.post(func(w *work) { w.disk = &d })
}

// Room returns nil, or an error that wraps ErrDiskFull and says why this server takes no commands.
func (r *Replica) Room() error {
	if why := r.noRoom.Load(); why != nil {
		return *why
	}
	return nil
}

// watchRoom notices how the room changed, once a turn before messages are taken.
func (l *loop) watchRoom() {
	s := &l.space
	if told := l.work.disk; told != nil {
		s.disk = *told
	}
	l.logBytes.Store(int64(l.size.bytes))
	over := l.logBytesMax != LogBytesUnbounded &&
		(l.size.bytes > l.logBytesMax || s.over && l.size.bytes > l.logBytesMax/8*7)
	if l.work.disk == nil && over == s.over {
		return
	}
	had := s.own == nil
	s.over = over
	if last := l.hasLastRoom(); last != s.lastRoom {
		s.lastRoom, s.refused = last, 0 // let the leader ask
	}
	switch {
	case s.disk.Low:
		s.own = fmt.Errorf("%w: %d bytes free, reserve %d", ErrDiskFull, s.disk.FreeBytes, s.disk.ReserveBytes)
	case over:
		s.own = fmt.Errorf("%w: the log has %d bytes, budget %d, and could not be compacted so far",
			ErrDiskFull, l.size.bytes, l.logBytesMax)
	default:
		s.own = nil
	}
	if why := s.own; why == nil {
		l.noRoom.Store(nil)
	} else {
		l.noRoom.Store(&why)
	}
	if has := s.own == nil; has != had {
		l.reportRoom(has)
	}
}

func (l *loop) reportRoom(has bool) {
	s := &l.space
	s.refusal, s.refused = s.own, 0
	if has {
		l.report(Event{Kind: EventDiskRoom, Term: l.core.Term()})
		return
	}
	s.grace = int(min(s.disk.ReserveBytes, 1<<40)) / gracePart
	if !s.disk.Low {
		s.grace = l.logBytesMax / gracePart
	}
	clear(s.full) // the disk may be the same one: only answers from now on count
	if !s.disk.Low {
		s.handOverAt = max(s.handOverAt, l.clock()+handOverForBudgetAfter)
	}
	l.logger.Warn("no room", "err", s.own)
	l.report(Event{Kind: EventDiskFull, Term: l.core.Term()})
}

// takesMessage reports whether m may go to the core. Without room no commands are taken, but for three kinds, the last
// two of them as long as the last part of the room is not touched:
//
//   - entries that are none (the no-op of a new term, a change of the members) are small, and may be what the cluster
//     waits for;
//   - commands of older terms: a new leader commits them with its no-op (§5.4.2), and their own leader kept them to its
//     cap on what is not committed;
//   - so many bytes that were on their way when the room ended: their callers would not hear what became of them.
//
// When entries were dropped, so is the question whether they arrived: its answer would have them sent again.
func (l *loop) takesMessage(m *raft.Message) bool {
	s := &l.space
	if s.own == nil || m.Term < l.core.Term() {
		return true
	}
	takes := true
	switch m.Kind {
	case raft.MsgSnapshot:
		takes = false
	case raft.MsgAppend:
		takes = s.refused != m.Term || len(m.Span.Entries) > 0
		if bytes, some := l.commandBytes(m); some {
			takes = s.lastRoom && bytes <= s.grace
			s.grace -= bytes
			if !takes {
				s.refused = m.Term
			}
		}
	default:
	}
	if !takes {
		l.meter.messagesNoRoom.Add(1)
	}
	return takes
}

// commandBytes returns the bytes of the commands of its sender's term that m brings, or of any when the last part of
// the room is touched, and whether there are some.
func (l *loop) commandBytes(m *raft.Message) (bytes int, some bool) {
	for i := range m.Span.Entries {
		e := &m.Span.Entries[i]
		if e.Kind == raft.EntryCommand && (e.Term == m.Term || !l.space.lastRoom) {
			bytes, some = bytes+e.Size(), true
		}
	}
	return bytes, some
}

// hasLastRoom reports whether the half of the reserve, and a quarter above the budget, are left.
func (l *loop) hasLastRoom() bool {
	d := &l.space.disk
	return (!d.Low || d.FreeBytes >= d.ReserveBytes/2) &&
		(l.logBytesMax == LogBytesUnbounded || l.size.bytes < l.logBytesMax/4*5)
}

// noteRoomOf remembers what an answer to a heartbeat says of its sender's room.
func (l *loop) noteRoomOf(m *raft.Message) {
	s := &l.space
	if m.Kind != raft.MsgHeartbeatReply || l.core.Role() != raft.Leader || m.Term != l.core.Term() {
		return
	}
	if s.term != m.Term {
		s.term, s.full = m.Term, map[raft.NodeID]bool{}
	}
	if configuration, _ := l.core.Configuration(); configuration.IsVoter(m.From) {
		s.full[m.From] = m.Reject
	}
}

// sayRoom makes an answer to a heartbeat say that this server has no room.
func (l *loop) sayRoom(m *raft.Message) {
	if m.Kind == raft.MsgHeartbeatReply {
		m.Reject = l.space.own != nil
	}
}

// tickRoom does what is to be done about too little room.
func (l *loop) tickRoom() {
	s := &l.space
	if s.own != nil || l.overSoon() {
		l.compactForRoom()
	}
	if l.core.Role() != raft.Leader {
		s.refusal, s.handsOver = s.own, false
		return
	}
	if s.refusal = s.own; s.own != nil {
		l.yield()
		return
	}
	s.handsOver = false
	s.refusal = l.noRoomAtQuorum()
}

// overSoon reports whether the log is at three quarters of its budget: from there on compactions wait for nobody.
func (l *loop) overSoon() bool {
	return l.logBytesMax != LogBytesUnbounded && l.size.bytes > l.logBytesMax/4*3
}

// compactForRoom compacts the log without regard to followers, unless that is under way or would do nothing.
func (l *loop) compactForRoom() {
	s := &l.space
	keep := l.keptForRoom()
	first := l.core.FirstIndex()
	if first == s.compactFrom && l.clock() < s.compactAt || l.appliedIndex <= first+keep {
		return
	}
	select {
	case l.compacting <- struct{}{}:
	default:
		return
	}
	s.compactFrom, s.compactAt = first, l.clock()+compactForRoomEvery
	c := &compaction{keep: keep, force: true}
	l.handOverApply(applyTask{view: func(view raft.View, last raft.EntryID, err error) {
		l.beginCompaction(c, view, last, err)
	}})
}

// keptForRoom returns how many entries stay in a log that is compacted for the room: half of the budget as long as
// there is room, which spares followers that are a little behind a snapshot, and little when there is none.
func (l *loop) keptForRoom() raft.Index {
	bytes := keepForRoomBytes
	switch {
	case l.space.own == nil:
		bytes = l.logBytesMax / 2
	case l.logBytesMax != LogBytesUnbounded:
		bytes = min(bytes, l.logBytesMax/4)
	}
	entries := max(1, int(l.core.LastIndex()-l.core.FirstIndex()))
	return raft.Index(min(l.trigger.keep, bytes/max(1, l.size.bytes/entries)))
}

// yield hands leadership to a server with room, if with that a majority can go on. If that fails, somebody else may
// win an election.
func (l *loop) yield() {
	s := &l.space
	if s.handsOver {
		if l.core.TransferTo() == raft.None {
			s.handsOver = false
			s.standsBack = l.clock() + l.standBackFor
			l.core.StepDown()
		}
		return
	}
	if l.core.TransferTo() != raft.None || l.clock() < s.handOverAt {
		return
	}
	to := l.successorWithRoom()
	if to == raft.None {
		return
	}
	s.handOverAt = l.clock() + handOverForRoomEvery
	if err := l.transfer(to); err != nil {
		l.logger.Debug("no room, and no successor", "peer", to, "err", err)
		return
	}
	s.handsOver = true
}

// standsBack reports whether this server does not stand for election for the moment: it gave leadership up because
// others have room.
func (l *loop) standsBack() bool {
	return l.space.own != nil && l.core.Leader() == raft.None && l.clock() < l.space.standsBack
}

// successorWithRoom returns the voter with room whose log matches farthest, or None when those with room are no
// majority.
func (l *loop) successorWithRoom() raft.NodeID {
	status := l.core.Status()
	known := l.knownRoom(&status)
	if !majority(status.Configuration, func(id raft.NodeID) bool { return id != l.id && known[id] }) {
		return raft.None
	}
	var best raft.PeerStatus
	var priority uint8
	for _, p := range status.Peers {
		m, _ := status.Configuration.Member(p.ID)
		if !known[p.ID] || !m.Voter {
			continue
		}
		if best.ID == raft.None || p.Match > best.Match || p.Match == best.Match && m.Priority > priority {
			best, priority = p, m.Priority
		}
	}
	return best.ID
}

// knownRoom returns the servers that were heard from lately and said that they have room.
func (l *loop) knownRoom(status *raft.Status) map[raft.NodeID]bool {
	known := map[raft.NodeID]bool{}
	if l.space.term != status.Term {
		return known
	}
	for _, p := range status.Peers {
		full, told := l.space.full[p.ID]
		known[p.ID] = told && !full && p.Active && !p.Lost
	}
	return known
}

// noRoomAtQuorum returns why proposals are refused by a leader that has room: others have none, and without them there
// is no majority. What it appended could not be committed.
func (l *loop) noRoomAtQuorum() error {
	s := &l.space
	if s.term != l.core.Term() {
		return nil
	}
	var full []raft.NodeID
	for id, is := range s.full {
		if is {
			full = append(full, id)
		}
	}
	if len(full) == 0 {
		return nil
	}
	status := l.core.Status()
	known := l.knownRoom(&status)
	if majority(status.Configuration, func(id raft.NodeID) bool { return id == l.id || known[id] }) {
		return nil
	}
	slices.Sort(full)
	return fmt.Errorf("%w: nodes %v have no room, and without them there is no majority", ErrDiskFull, full)
}

// majority reports whether those that can are a majority of the configuration, and of both halves of a joint one (§6).
func majority(c raft.Configuration, can func(raft.NodeID) bool) bool {
	var now, outgoing, nowCan, outgoingCan int
	for i := range c.Members {
		m := &c.Members[i]
		if m.Voter {
			now++
		}
		if m.Outgoing {
			outgoing++
		}
		if !can(m.ID) {
			continue
		}
		if m.Voter {
			nowCan++
		}
		if m.Outgoing {
			outgoingCan++
		}
	}
	return nowCan > now/2 && (outgoing == 0 || outgoingCan > outgoing/2)
}
