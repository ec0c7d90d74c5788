package replica

import "github.com/raftmark/raftmark/raft"

// seen is what the observer was told last.
type seen struct {
	role          raft.Role
	term          raft.Term
	leader        raft.NodeID
	termCommitted bool
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

func (l *loop) observePeers() {
	for _, p := range l.work.peers {
		kind := EventPeerDown
		if p.up {
			kind = EventPeerUp
		}
		l.report(Event{Kind: kind, Term: l.core.Term(), Peer: p.id})
	}
}

func (l *loop) report(e Event) {
	e.Leader, e.Index = l.core.Leader(), l.core.CommitIndex()
	l.logger.Info(string(e.Kind), "term", e.Term, "leader", e.Leader, "index", e.Index, "peer", e.Peer)
	l.observe(e)
}
