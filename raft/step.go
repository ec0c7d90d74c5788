package raft

import "fmt"

// Step takes a message from another server. An error says that the message was dropped because no correct
// member of this cluster sends it; the core is unchanged.
func (c *Core) Step(m Message) error {
	if err := c.vet(m); err != nil {
		c.dropped++
		return err
	}
	if c.diskIsFull() && c.needsDisk(m) {
		if m.Term > c.currentTerm && leads(m) {
			c.StepDown() // somebody else leads: to know that much, nothing has to be written
		}
		return nil // lost, as any message may be
	}
	switch {
	case m.Term > c.currentTerm:
		if !c.meetNewerTerm(m) {
			c.check()
			return nil
		}
	case m.Term < c.currentTerm:
		c.answerOlderTerm(m)
		c.check()
		return nil
	}
	c.dispatch(m)
	c.check()
	return nil
}

// vet drops what is malformed or not from a member.
func (c *Core) vet(m Message) error {
	switch {
	case m.To != c.cfg.ID:
		return fmt.Errorf("message for %d delivered to %d", m.To, c.cfg.ID)
	case m.Kind < MsgPreVote || m.Kind > MsgRecover:
		return fmt.Errorf("message of kind %v", m.Kind)
	case m.Term == 0 || m.Term > termMax:
		return fmt.Errorf("%v with term %d; want 1 to %d", m.Kind, m.Term, termMax)
	case m.Kind == MsgSnapshotReply && m.Chunk == nil:
		return fmt.Errorf("%v without a chunk", m.Kind)
	}
	if err := c.vetSender(m); err != nil {
		return err
	}
	switch m.Kind {
	case MsgAppend, MsgHeartbeat, MsgSnapshot, MsgTimeoutNow:
		return c.vetLeader(m)
	default:
		return nil
	}
}

// vetSender drops messages from servers that cannot have a part. Requests are taken from servers that this one has not
// heard of: its configuration may be older than theirs (thesis §4.1), and it may be needed. A server that is known to
// have been removed is never heard again, except as the leader that tells of its own removal (thesis §4.2.3).
func (c *Core) vetSender(m Message) error {
	known := c.peer(m.From) != nil
	leads := m.From == c.leader && m.Term == c.currentTerm
	switch m.Kind {
	case MsgPreVote, MsgVote, MsgAppend, MsgHeartbeat, MsgSnapshot, MsgTimeoutNow:
		known = known || leads || !c.committedConfiguration().Removed(m.From)
	default: // replies, and reads
		known = known || (leads && m.Kind == MsgReadIndexReply)
	}
	if !known || m.From == c.cfg.ID || m.From == None {
		return fmt.Errorf("%v from %d, which is no other server of %v", m.Kind, m.From, c.configuration())
	}
	return nil
}

// vetLeader drops messages of leaders that contradict what this server knows.
func (c *Core) vetLeader(m Message) error {
	if m.Term == c.currentTerm && (c.role == Leader || (c.leader != None && c.leader != m.From)) {
		return fmt.Errorf("%v from %d in term %d, which %d leads", m.Kind, m.From, m.Term, c.leader)
	}
	switch m.Kind {
	case MsgAppend:
		return c.vetSpan(m)
	case MsgSnapshot:
		return vetChunk(m)
	default:
		return nil
	}
}

func vetChunk(m Message) error {
	if m.Chunk == nil {
		return fmt.Errorf("%v without a chunk", m.Kind)
	}
	s := &m.Chunk.Snapshot
	switch {
	case s.Last.Index == 0 || s.Last.Index > indexMax || s.Last.Term == 0 || s.Last.Term > m.Term ||
		s.ConfigurationIndex > s.Last.Index:
		return fmt.Errorf("%v of term %d with a snapshot up to %v and its configuration from %d",
			m.Kind, m.Term, s.Last, s.ConfigurationIndex)
	case m.Chunk.Offset+uint64(len(m.Chunk.Data)) < m.Chunk.Offset:
		return fmt.Errorf("%v with %d bytes at %d overflows", m.Kind, len(m.Chunk.Data), m.Chunk.Offset)
	case s.Configuration.IsZero():
		return fmt.Errorf("%v without a configuration", m.Kind)
	}
	return s.Configuration.Validate()
}

// termMax bounds the terms that are believed, far above any that elections lead to, so that counting on from it
// never begins again at zero.
const termMax Term = 1 << 62

// indexMax bounds the indexes that are believed, for the same reason.
const indexMax Index = 1 << 62

// vetSpan checks that the terms of a span never fall and never exceed the sender's (Log Matching, §5.3), and
// that a leader agrees about what is committed here (Leader Completeness, §5.4.3), as far as it can be seen.
func (c *Core) vetSpan(m Message) error {
	if m.Span.Prev.Index > indexMax {
		return fmt.Errorf("%v after %v; want an index up to %d", m.Kind, m.Span.Prev, indexMax)
	}
	term := m.Span.Prev.Term
	for i := range m.Span.Entries {
		if m.Span.Entries[i].Term < term || m.Span.Entries[i].Term == 0 {
			return fmt.Errorf("%v with term %d after term %d", m.Kind, m.Span.Entries[i].Term, term)
		}
		term = m.Span.Entries[i].Term
		if m.Span.Entries[i].Kind == EntryConfig {
			next, err := DecodeConfiguration(m.Span.Entries[i].Data)
			if err == nil && next.IsZero() {
				err = fmt.Errorf("%w: without members", ErrConfigurationEncoding)
			}
			if err != nil {
				return fmt.Errorf("%v with entry %d: %w", m.Kind, m.Span.Prev.Index+Index(i)+1, err)
			}
		}
	}
	if term > m.Term {
		return fmt.Errorf("%v of term %d with an entry of term %d", m.Kind, m.Term, term)
	}
	if s := m.Span; m.Term >= c.currentTerm && s.Prev.Index < c.commitIndex && c.commitIndex <= s.LastIndex() {
		if got, want := s.After(c.commitIndex).Prev, c.tail.id(c.commitIndex); got != want {
			return fmt.Errorf("%v with %v where %v is committed", m.Kind, got, want)
		}
	}
	return nil
}

// meetNewerTerm applies "if RPC request or response contains term T > currentTerm: set currentTerm = T,
// convert to follower" (Figure 2), with the exceptions of pre-vote and of the leader's lease. It reports
// whether m is to be processed further.
//
// A server that hears a leader takes a newer term from no server that it does not know: a member that was added lately,
// and leads or stands already, will be known soon, or the leader will be heard no more. Anybody else would disturb
// (thesis §4.2.3).
func (c *Core) meetNewerTerm(m Message) bool {
	if m.Kind != MsgPreVote && c.hearsLeader() && c.peer(m.From) == nil {
		return false
	}
	switch m.Kind {
	case MsgPreVote:
		return true // nobody's term changes
	case MsgPreVoteReply:
		if m.Reject {
			c.adoptTerm(m.Term)
			return false
		}
		return true // granted: the term is the one that was asked for
	case MsgVote:
		if c.hearsLeader() && !m.Transfer {
			// thesis §4.2.3: a server that hears a leader neither votes nor moves to the new term.
			return false
		}
		c.becomeFollower(m.Term, None)
	case MsgAppend, MsgHeartbeat, MsgSnapshot:
		c.becomeFollower(m.Term, m.From)
	default:
		c.adoptTerm(m.Term)
		return false // a reply to what was never asked in that term, or a request that this server cannot meet
	}
	return true
}

// adoptTerm moves to a newer term that a message without a claim in it names. A follower that hears a leader stays:
// it has promised to (thesis §4.2.3), waits for no reply, and whoever leads the newer term will say so.
func (c *Core) adoptTerm(term Term) {
	if c.role != Follower || !c.hearsLeader() {
		c.becomeFollower(term, None)
	}
}

// answerOlderTerm replies to a request of an older term with the current one, so that its sender steps down
// or gives up (Figure 2). It also frees a server that is stuck in a newer term: the leader of the older one
// hears of it.
func (c *Core) answerOlderTerm(m Message) {
	switch m.Kind {
	case MsgPreVote:
		c.reply(m, Message{Kind: MsgPreVoteReply, Reject: true})
	case MsgVote:
		c.reply(m, Message{Kind: MsgVoteReply, Reject: true})
	case MsgAppend, MsgHeartbeat, MsgSnapshot:
		// Without Seq: the number is of another term's message, and this term's leader counts its own.
		c.reply(m, Message{Kind: MsgAppendReply, Reject: true})
	default: // what needs no answer
	}
}

// diskIsFull reports whether so much waits for the own disk that nothing may be added: a disk that hangs must not hold
// on to what others send for as long as it does.
func (c *Core) diskIsFull() bool {
	most := max(c.cfg.UncommittedEntriesMax, diskWaitingMin)
	return len(c.disk.pending) >= most || c.disk.sends >= most
}

// leads reports whether m is of a leader, or of whom a leader gives way to.
func leads(m Message) bool {
	switch m.Kind {
	case MsgAppend, MsgHeartbeat, MsgSnapshot:
		return true
	case MsgVote:
		return m.Transfer
	default:
		return false
	}
}

// diskWaitingMin is how many writes, and messages that wait for them, may always be under way.
const diskWaitingMin = 256

// needsDisk reports whether a message may lead to a write, or to a message that waits for one.
func (c *Core) needsDisk(m Message) bool {
	switch m.Kind {
	case MsgPreVoteReply, MsgVoteReply, MsgAppendReply, MsgHeartbeatReply, MsgSnapshotReply, MsgReadIndex,
		MsgReadIndexReply, MsgRecover:
		return m.Term > c.currentTerm
	case MsgHeartbeat:
		return m.Term != c.currentTerm || (c.cfg.LeaseNanos > 0 && c.disk.term != c.currentTerm)
	default:
		return true
	}
}

func (c *Core) dispatch(m Message) {
	switch m.Kind {
	case MsgPreVote:
		c.handlePreVote(m)
	case MsgPreVoteReply:
		c.handlePreVoteReply(m)
	case MsgVote:
		c.handleVote(m)
	case MsgVoteReply:
		c.handleVoteReply(m)
	case MsgAppend:
		c.followLeader(m)
		c.handleAppend(m)
	case MsgHeartbeat:
		c.followLeader(m)
		c.handleHeartbeat(m)
	case MsgAppendReply:
		c.handleAppendReply(m)
	case MsgHeartbeatReply:
		c.handleHeartbeatReply(m)
	case MsgSnapshot:
		c.followLeader(m)
		c.handleSnapshot(m)
	case MsgSnapshotReply:
		c.handleSnapshotReply(m)
	case MsgTimeoutNow:
		c.handleTimeoutNow(m)
	case MsgReadIndex:
		c.handleReadIndex(m)
	case MsgReadIndexReply:
		c.handleReadIndexReply(m)
	case MsgRecover:
		c.handleRecover(m)
	default: // vet dropped what this server does not know
	}
}

// reply queues an answer to m, to be sent when all that the core decided so far is durable.
func (c *Core) reply(m, answer Message) {
	answer.From, answer.To = c.cfg.ID, m.From
	if answer.Term == 0 {
		answer.Term = c.currentTerm
	}
	c.outbox.afterSync = append(c.outbox.afterSync, answer)
}

// send queues a message that makes no promise about this server's disk.
func (c *Core) send(to NodeID, m Message) {
	m.From, m.To = c.cfg.ID, to
	if m.Term == 0 {
		m.Term = c.currentTerm
	}
	c.outbox.now = append(c.outbox.now, m)
}
