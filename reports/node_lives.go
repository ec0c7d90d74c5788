package reports

import (
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/plot"
)

// nodeLives follows what each node was, by its events.
type nodeLives struct {
	from, to, zero int64 // of the picture, and the instant that is 0
	nodes          []uint64
	now            map[uint64]*life
	spans          []plot.RoleSpan
	marks          []plot.SpaceMark
}

// life is what a node is since an instant.
type life struct {
	since  int64
	role   string
	term   uint64
	leader uint64
	broken map[uint64]bool // peers it has said it lost
}

func newNodeLives(events []result.Event, from, to, zero int64) *nodeLives {
	l := &nodeLives{from: from, to: to, zero: zero, now: map[uint64]*life{}}
	for _, e := range events {
		if e.Node != 0 && !slices.Contains(l.nodes, e.Node) {
			l.nodes = append(l.nodes, e.Node)
		}
	}
	slices.Sort(l.nodes)
	for _, id := range l.nodes {
		l.now[id] = &life{since: from, broken: map[uint64]bool{}}
	}
	for i := range events {
		if e := &events[i]; e.TimeUs <= to {
			l.take(e)
		}
	}
	for _, id := range l.nodes {
		l.become(id, to, "", 0)
	}
	return l
}

func (l *nodeLives) ms(us int64) float64 { return float64(us-l.zero) / 1e3 }

// become ends what a node was.
func (l *nodeLives) become(id uint64, at int64, role string, term uint64) {
	n := l.now[id]
	if n.role == role && n.term == term {
		return
	}
	if at > l.from && n.role != "" {
		l.spans = append(l.spans, plot.RoleSpan{
			Node: id, From: l.ms(max(n.since, l.from)), To: l.ms(at), Role: n.role, Term: n.term,
		})
	}
	n.since, n.role, n.term = at, role, term
}

func (l *nodeLives) mark(e *result.Event, kind plot.MarkKind, format string, args ...any) {
	if e.TimeUs >= l.from {
		l.marks = append(l.marks, plot.SpaceMark{Node: e.Node, At: l.ms(e.TimeUs), Kind: kind,
			Text: fmt.Sprintf(format, args...)})
	}
}

// take follows one event of a node, or something that was done to one, and says whether it knows its kind.
func (l *nodeLives) take(e *result.Event) bool {
	n := l.now[e.Node]
	if n == nil {
		return false
	}
	switch e.Kind {
	case result.EventPreCampaign:
		l.become(e.Node, e.TimeUs, plot.RolePreCandidate, n.term)
		l.mark(e, plot.MarkEvent, "pre-vote for term %d", e.Term)
	case result.EventCampaign:
		l.become(e.Node, e.TimeUs, plot.RoleCandidate, e.Term)
		l.mark(e, plot.MarkEvent, "stands in term %d", e.Term)
	case result.EventLeader:
		l.become(e.Node, e.TimeUs, plot.RoleLeader, e.Term)
		l.mark(e, plot.MarkElected, "elected in term %d", e.Term)
	case result.EventTermCommitted:
		l.mark(e, plot.MarkCommit, "first commit of term %d", e.Term)
	case result.EventFollower:
		l.takeFollower(n, e)
	case result.EventPeerDown:
		if !n.broken[e.Peer] {
			l.mark(e, plot.MarkEvent, "loses n%d", e.Peer)
		}
		n.broken[e.Peer] = true
	case result.EventPeerUp:
		delete(n.broken, e.Peer)
	case result.EventTransfer:
		l.mark(e, plot.MarkEvent, "hands over to n%d", e.Peer)
	case result.EventSnapshotInstalled:
		l.mark(e, plot.MarkEvent, "has installed a snapshot")
	case result.EventConfig, result.EventCompacted, result.EventSnapshotSent: // of no failover
	default:
		return l.takeProcess(n, e) || l.takeHarm(e)
	}
	return true
}

// takeProcess follows the beginnings and ends of a process.
func (l *nodeLives) takeProcess(n *life, e *result.Event) bool {
	kind, text := plot.MarkFault, ""
	switch e.Kind {
	case result.EventStart:
		l.become(e.Node, e.TimeUs, plot.RoleFollower, e.Term)
		clear(n.broken)
		l.mark(e, plot.MarkHeal, "up")
		return true
	case result.EventRestart:
		l.mark(e, plot.MarkHeal, "started again")
		return true
	case result.EventOrderStop:
		l.mark(e, plot.MarkFault, "told to end")
		return true
	case result.EventKill:
		text = "killed"
	case result.EventStop:
		kind, text = plot.MarkEvent, "stops"
	case result.EventFail:
		text = "ends with an error"
	case result.EventStorageFailed:
		text = "ends: its disk failed"
	default:
		return false
	}
	l.become(e.Node, e.TimeUs, plot.RoleDown, 0)
	l.mark(e, kind, "%s", text)
	return true
}

// takeHarm marks what makes a node worse, and what ends that.
func (l *nodeLives) takeHarm(e *result.Event) bool {
	kind, text := plot.MarkFault, ""
	switch e.Kind {
	case result.EventBreakDisk:
		text = "disk broken"
	case result.EventCutLinks:
		text = "links cut"
	case result.EventSlow:
		text = "slowed down"
	case result.EventPause:
		text = "stands still"
	case result.EventOrderTransfer:
		text = "told to hand over"
	case result.EventDiskStall:
		text = "sees its disk hang"
	case result.EventDiskFull:
		text = "disk full: takes no commands"
	case result.EventSilenced:
		text = "is refused, and silent"
	case result.EventHealDisk:
		kind, text = plot.MarkHeal, "disk healed"
	case result.EventHealLinks:
		kind, text = plot.MarkHeal, "links healed"
	case result.EventDiskRoom:
		kind, text = plot.MarkHeal, "has room again"
	case result.EventResume:
		kind, text = plot.MarkHeal, "goes on"
	case result.EventEndSlow:
		kind, text = plot.MarkHeal, "slow no more"
	case result.EventCaughtUp:
		kind, text = plot.MarkEvent, "all have caught up"
	default:
		return false
	}
	l.mark(e, kind, "%s", text)
	return true
}

func (l *nodeLives) takeFollower(n *life, e *result.Event) {
	new := n.role != plot.RoleFollower || n.term != e.Term
	l.become(e.Node, e.TimeUs, plot.RoleFollower, e.Term)
	switch {
	case e.Leader != 0 && e.Leader != n.leader || e.Leader != 0 && new:
		l.mark(e, plot.MarkEvent, "follows n%d", e.Leader)
	case new && e.Leader == 0:
		l.mark(e, plot.MarkEvent, "hears of term %d", e.Term)
	}
	n.leader = e.Leader
}
