package reports

import (
	"fmt"
	"slices"
	"strconv"

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

// take follows one event. What it does not know is left out, but for the bench's own actions.
func (l *nodeLives) take(e *result.Event) {
	n := l.now[e.Node]
	if n == nil {
		l.takeBench(e)
		return
	}
	switch e.Kind {
	case "kill":
		l.become(e.Node, e.TimeUs, plot.RoleDown, 0)
		l.mark(e, plot.MarkFault, "killed")
	case "restart":
		l.mark(e, plot.MarkHeal, "started again")
	case "start":
		l.become(e.Node, e.TimeUs, plot.RoleFollower, e.Term)
		clear(n.broken)
		l.mark(e, plot.MarkHeal, "up")
	case "pre_campaign":
		l.become(e.Node, e.TimeUs, plot.RolePreCandidate, n.term)
		l.mark(e, plot.MarkEvent, "pre-vote for term %d", e.Term)
	case "campaign":
		l.become(e.Node, e.TimeUs, plot.RoleCandidate, e.Term)
		l.mark(e, plot.MarkEvent, "stands in term %d", e.Term)
	case "leader":
		l.become(e.Node, e.TimeUs, plot.RoleLeader, e.Term)
		l.mark(e, plot.MarkElected, "elected in term %d", e.Term)
	case "term_committed":
		l.mark(e, plot.MarkCommit, "first commit of term %d", e.Term)
	case "follower":
		l.takeFollower(n, e)
	case "peer_down":
		if !n.broken[e.Peer] {
			l.mark(e, plot.MarkEvent, "loses n%d", e.Peer)
		}
		n.broken[e.Peer] = true
	case "peer_up":
		delete(n.broken, e.Peer)
	case "disk_stall":
		l.mark(e, plot.MarkFault, "sees its disk hang")
	case "transfer":
		l.mark(e, plot.MarkEvent, "hands over to n%d", e.Peer)
	case "snapshot_installed":
		l.mark(e, plot.MarkEvent, "has installed a snapshot")
	case "cut-links", "break-disk", "slow-disk":
		l.mark(e, plot.MarkFault, "%s", benchWords(e))
	case "heal-links", "heal-disk":
		l.mark(e, plot.MarkHeal, "%s", benchWords(e))
	}
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

// takeBench marks what the bench did to nobody in particular.
func (l *nodeLives) takeBench(e *result.Event) {
	switch e.Kind {
	case "phase", "run", "steady":
	default:
		l.mark(e, plot.MarkFault, "%s", benchWords(e))
	}
}

// benchWords says in words what the bench did.
func benchWords(e *result.Event) string {
	text := ""
	for _, r := range e.Kind {
		if r == '-' || r == '_' {
			r = ' '
		}
		text += string(r)
	}
	if e.Peer != 0 {
		text += " n" + strconv.FormatUint(e.Peer, 10)
	}
	return text
}
