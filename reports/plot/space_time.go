package plot

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// TimeScale is how a space-time diagram spends its height.
type TimeScale uint8

// The scales.
const (
	// TimeLinear draws time as it is.
	TimeLinear TimeScale = iota
	// TimeByEvent gives each instant at which something happens a place of its own and shortens the time between them:
	// an election of 5 ms and the half second after it are both seen. The instants are written beside it.
	TimeByEvent
	// TimeByRow counts the steps of a script, which has no time.
	TimeByRow
)

// SpaceTime is what the servers of a cluster did, from From to To: milliseconds, or rows.
type SpaceTime struct {
	Name, Title, Alt string
	Scale            TimeScale
	Nodes            []uint64
	From, To         float64
	Roles            []RoleSpan
	Messages         []SpaceMessage
	Marks            []SpaceMark
	// Answers are when clients were answered; HasClients says that they were watched at all.
	Answers    []SpaceAnswer
	HasClients bool
	Rows       []SpaceRow // of TimeByRow
}

// The roles of a server.
const (
	RoleFollower     = "follower"
	RolePreCandidate = "pre-candidate"
	RoleCandidate    = "candidate"
	RoleLeader       = "leader"
	RoleDown         = "down"
)

// RoleSpan is a stretch in which a server was one thing. Term is 0 when it is not known.
type RoleSpan struct {
	Node     uint64
	From, To float64
	Role     string
	Term     uint64
}

// SpaceMessage is a message whose departure and arrival are known. A lost one has Lost set, and its arrow breaks off;
// of one that is still under way at the end Ended is NaN.
type SpaceMessage struct {
	From, To      uint64
	Sent, Ended   float64
	Kind          string
	Family        MessageFamily
	Term          uint64
	Reply, Reject bool
	Copy, Lost    bool
}

// MessageFamily is what a message is for.
type MessageFamily uint8

// The families.
const (
	FamilyAppend MessageFamily = iota
	FamilyVote
	FamilyHeartbeat
	FamilySnapshot
	FamilyOther
)

// MarkKind is the look of a mark.
type MarkKind uint8

// The kinds of marks.
const (
	MarkEvent MarkKind = iota
	MarkFault
	MarkHeal
	MarkElected
	MarkCommit
	MarkAnswer
)

// SpaceMark is an instant worth a word. Node 0 is the bench or the clients: see Clients.
type SpaceMark struct {
	Node    uint64
	Clients bool // it is in the clients' lane
	At      float64
	Kind    MarkKind
	Text    string
}

// SpaceAnswer is an operation that ended.
type SpaceAnswer struct {
	At float64
	OK bool
}

// SpaceRow is the description of a row. A command is what the script says, anything else what came of it.
type SpaceRow struct {
	At      float64
	Text    string
	Command bool
}

// SpaceTimeDiagram draws one line a server, time downward.
func SpaceTimeDiagram(d SpaceTime) Figure {
	return Figure{
		Name: d.Name, Title: d.Title, Alt: d.describe(), rows: d.table(),
		compose: func(s *sheet) { composeSpaceTime(s, &d) },
	}
}

func (d *SpaceTime) describe() string {
	var b strings.Builder
	b.WriteString(d.Alt)
	for i, m := range d.Marks {
		if i == describedMax {
			fmt.Fprintf(&b, " And %d more.", len(d.Marks)-describedMax)
			break
		}
		who := "n" + strconv.FormatUint(m.Node, 10)
		switch {
		case m.Clients:
			who = "clients"
		case m.Node == 0:
			who = "all"
		}
		fmt.Fprintf(&b, " %s, %s: %s.", d.instant(m.At), who, m.Text)
	}
	return b.String()
}

// describedMax is how many marks the words for those who cannot see them are about.
const describedMax = 25

func (d *SpaceTime) instant(at float64) string {
	if d.Scale == TimeByRow {
		return "step " + strconv.FormatFloat(at, 'f', 0, 64)
	}
	return milliseconds(at)
}

// milliseconds writes an instant with as many digits as an eye can use.
func milliseconds(ms float64) string {
	digits := 1
	if math.Abs(ms) >= 10_000 {
		digits = 0
	}
	return strings.TrimSuffix(strconv.FormatFloat(ms, 'f', digits, 64), ".0") + " ms"
}

func (d *SpaceTime) table() [][]string {
	rows := [][]string{{"what", "node", "peer", "from", "to", "kind", "term", "text"}}
	id := func(n uint64) string { return strconv.FormatUint(n, 10) }
	for _, r := range d.Roles {
		rows = append(rows, []string{"role", id(r.Node), "", number(r.From), number(r.To), r.Role, id(r.Term), ""})
	}
	for _, m := range d.Messages {
		var notes []string
		for _, n := range []struct {
			is   bool
			name string
		}{{m.Reject, "rejected"}, {m.Copy, "a copy"}, {m.Lost, "lost"}} {
			if n.is {
				notes = append(notes, n.name)
			}
		}
		rows = append(rows, []string{"message", id(m.From), id(m.To), number(m.Sent), numberOrNone(m.Ended), m.Kind,
			id(m.Term), strings.Join(notes, ", ")})
	}
	for _, m := range d.Marks {
		rows = append(rows, []string{"mark", id(m.Node), "", number(m.At), "", "", "", m.Text})
	}
	for _, r := range d.Rows {
		rows = append(rows, []string{"row", "", "", number(r.At), "", "", "", r.Text})
	}
	for _, a := range d.Answers {
		rows = append(rows, []string{"answer", "", "", number(a.At), "", map[bool]string{true: "ok", false: "not ok"}[a.OK],
			"", ""})
	}
	return rows
}

// terms lists those of bars and messages, in order.
func (d *SpaceTime) terms() []uint64 {
	var all []uint64
	for _, r := range d.Roles {
		all = append(all, r.Term)
	}
	for _, m := range d.Messages {
		all = append(all, m.Term)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(t uint64) bool { return t == 0 })
}

// termTint is the colour of a term; neighbours differ.
func termTint(term uint64) tint {
	if term == 0 {
		return rule
	}
	return seriesTint(int(term - 1))
}

// Heights of a diagram, in units.
const (
	rowHeight      = 17
	linearMin      = 320
	linearMax      = 1500
	linearPerEvent = 15
	eventGap       = 17
	eventGapPerLog = 9 // for each doubling of the time between two instants, from a millisecond on
)

// places maps times to distances from the top.
type places struct{ times, units []float64 }

func (p *places) of(t float64) float64 {
	i, _ := slices.BinarySearch(p.times, t)
	switch {
	case i <= 0:
		return p.units[0]
	case i >= len(p.times):
		return p.units[len(p.units)-1]
	}
	t0, t1 := p.times[i-1], p.times[i]
	return p.units[i-1] + (p.units[i]-p.units[i-1])*(t-t0)/(t1-t0)
}

func (p *places) height() float64 { return p.units[len(p.units)-1] }

// places spends the height.
func (d *SpaceTime) places() *places {
	switch d.Scale {
	case TimeByRow:
		return &places{[]float64{d.From, d.To}, []float64{0, max(1, d.To-d.From) * rowHeight}}
	case TimeByEvent:
		return d.eventPlaces()
	default:
		high := min(max(linearMin, linearPerEvent*float64(len(d.Marks)+len(d.Messages)/2)), linearMax)
		return &places{[]float64{d.From, d.To}, []float64{0, high}}
	}
}

func (d *SpaceTime) eventPlaces() *places {
	times := []float64{d.From}
	for _, m := range d.Marks {
		times = append(times, m.At)
	}
	slices.Sort(times)
	p := &places{}
	for _, t := range append(times, d.To) {
		last := len(p.times) - 1
		switch {
		case t < d.From || t > d.To:
		case last < 0:
			p.times, p.units = append(p.times, t), append(p.units, 0)
		case t-p.times[last] > 1e-9:
			gap := eventGap + eventGapPerLog*math.Log2(1+t-p.times[last])
			p.times, p.units = append(p.times, t), append(p.units, p.units[last]+gap)
		}
	}
	if len(p.times) == 1 {
		p.times, p.units = append(p.times, d.From+1), append(p.units, linearMin)
	}
	return p
}
