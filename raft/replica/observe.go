package replica

import "github.com/raftmark/raftmark/raft"

// seen is what the observer was told last of this server's role.
type seen struct {
	role          raft.Role
	term          raft.Term
	leader        raft.NodeID
	termCommitted bool
}

// members is the configuration that the observer was told last.
type members struct {
	configuration raft.Configuration
	index         raft.Index
}

// observeRole reports how the core's role, term and leader changed since the last call.
func (l *loop) observeRole() {
	now := seen{
		role: l.core.Role(), term: l.core.Term(), leader: l.core.Leader(), termCommitted: l.core.TermCommitted(),
	}
	was := l.seen
	if now == was {
		return
	}
	l.seen = now
	if now.role != was.role || now.term != was.term || now.leader != was.leader {
		l.reportRole(now)
	}
	if now.termCommitted && (!was.termCommitted || now.term != was.term) {
		l.report(Event{Kind: EventTermCommitted, Term: now.term})
	}
}

func (l *loop) reportRole(now seen) {
	switch now.role {
	case raft.Follower:
		l.report(Event{Kind: EventFollower, Term: now.term})
	case raft.PreCandidate:
		l.report(Event{Kind: EventPreCampaign, Term: now.term + 1})
	case raft.Candidate:
		l.meter.elections.Add(1)
		l.report(Event{Kind: EventCampaign, Term: now.term})
	case raft.Leader:
		l.report(Event{Kind: EventLeader, Term: now.term})
	}
}

// observePeers reports connections that were made or broke, and tells the core of a peer whose last one broke: a lane
// that breaks alone, by its own time limit, says nothing of the others.
func (l *loop) observePeers() {
	for _, p := range l.work.peers {
		kind := EventPeerDown
		if p.up {
			kind = EventPeerUp
			l.connections[p.id]++
		} else if l.connections[p.id] > 0 {
			l.connections[p.id]--
		}
		l.report(Event{Kind: kind, Term: l.core.Term(), Peer: p.id})
		if l.connections[p.id] == 0 {
			delete(l.connections, p.id)
			l.core.Disconnected(p.id)
		}
	}
}

// observeConfiguration reports the configuration that counts, whenever that is another one, and at the start.
func (l *loop) observeConfiguration() {
	configuration, index := l.core.Configuration()
	if index == l.members.index && len(configuration.Members) == len(l.members.configuration.Members) &&
		(len(configuration.Members) == 0 || &configuration.Members[0] == &l.members.configuration.Members[0]) {
		return // the very same: a configuration that exists is never written to
	}
	if index == l.members.index && configuration.Equal(l.members.configuration) {
		l.members.configuration = configuration
		return
	}
	l.members = members{configuration: configuration, index: index}
	l.report(Event{Kind: EventConfig, Term: l.core.Term(), Configuration: configuration, ConfigurationIndex: index})
}

// noteChunkSent counts a part of a snapshot that leaves, and reports the last one.
func (l *loop) noteChunkSent(m *raft.Message) {
	l.meter.snapshotBytesSent.Add(uint64(len(m.Chunk.Data)))
	if m.Chunk.Done {
		l.meter.snapshotsSent.Add(1)
		l.report(Event{Kind: EventSnapshotSent, Term: m.Term, Peer: m.To, Snapshot: m.Chunk.Snapshot.Last})
	}
}

func (l *loop) report(e Event) {
	e.Leader, e.Index = l.core.Leader(), l.core.CommitIndex()
	attrs := []any{"term", e.Term, "leader", e.Leader, "index", e.Index, "peer", e.Peer}
	if e.Snapshot != (raft.EntryID{}) {
		attrs = append(attrs, "snapshot", e.Snapshot)
	}
	if !e.Configuration.IsZero() {
		attrs = append(attrs, "configuration", e.Configuration.String())
	}
	l.logger.Info(string(e.Kind), attrs...)
	l.observe(e)
}
