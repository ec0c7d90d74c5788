package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/chronicle"
	"github.com/raftmark/raftmark/reports/plot"
)

// scriptRowsMax caps the rows of a drawn script: a picture that is longer shows nobody anything.
const scriptRowsMax = 400

// drawnScript turns the record of a script into a diagram with a row a step.
func drawnScript(name string, record chronicle.Record) plot.SpaceTime {
	unit := func(t time.Duration) float64 { return float64(t) }
	d := plot.SpaceTime{Name: "space-time-" + name, Scale: plot.TimeByRow, From: .4}
	cut := ""
	if len(record.Rows) > scriptRowsMax {
		record.Rows = record.Rows[:scriptRowsMax]
		record.End = record.Rows[scriptRowsMax-1].At
		cut = fmt.Sprintf(", the first %d rows", scriptRowsMax)
	}
	d.To = unit(record.End) + .6
	d.Title = fmt.Sprintf("What the servers did in the script %s, a row a step%s", name, cut)
	d.Alt = "A vertical line for each server, its colour the term and its width the role; arrows are messages."
	for _, r := range record.Rows {
		d.Rows = append(d.Rows, plot.SpaceRow{At: unit(r.At), Text: r.Text, Command: r.Command})
	}
	fillRecord(&d, record, unit)
	return d
}

// drawnSeed turns a part of a simulated run into a diagram.
func drawnSeed(record chronicle.Record, f *traceFlags) (plot.SpaceTime, error) {
	unit := func(t time.Duration) float64 { return float64(t) / float64(time.Millisecond) }
	from, to, what := f.from, f.to, "a part"
	if from == 0 && to == 0 {
		var ok bool
		if from, to, ok = longestFailover(record); ok {
			what = fmt.Sprintf("its longest failover below %v", failoverMax)
		} else {
			what, to = "the first second", time.Second
		}
	}
	if to == 0 {
		to = from + time.Second
	}
	to = min(to, record.End)
	if from >= to {
		return plot.SpaceTime{}, fmt.Errorf("--from = %v: the run ends at %v", from, record.End)
	}
	d := plot.SpaceTime{Name: fmt.Sprintf("space-time-seed-%d", f.seed), From: unit(from), To: unit(to),
		HasClients: true}
	fillRecord(&d, record, unit)
	left := thinMessages(&d, f.messages)
	d.Title = fmt.Sprintf("What the servers did in the simulated cluster of seed %d: %s, %v to %v%s", f.seed, what,
		from.Round(time.Millisecond), to.Round(time.Millisecond), left)
	d.Alt = "A vertical line for each server, its colour the term and its width the role; arrows are messages, with " +
		"their departure and arrival."
	return d, nil
}

// longestFailover returns the longest time between one leader and another one, below failoverMax, and a little before
// and after it.
func longestFailover(record chronicle.Record) (from, to time.Duration, ok bool) {
	leading := map[raft.NodeID]bool{}
	last := raft.None
	since, most := time.Duration(0), time.Duration(0)
	for _, s := range record.Steps {
		before := len(leading)
		switch s.Kind {
		case chronicle.StepRole, chronicle.StepUp:
			delete(leading, s.Node)
			if s.Role == raft.Leader {
				leading[s.Node] = true
			}
		case chronicle.StepDown:
			delete(leading, s.Node)
		default:
		}
		switch {
		case before > 0 && len(leading) == 0:
			since, last = s.At, s.Node
		case before == 0 && len(leading) > 0:
			if took := s.At - since; last != raft.None && last != s.Node && took > most && took < failoverMax {
				most, ok = took, true
				margin := max(most/10, 10*time.Millisecond)
				from, to = max(0, since-margin), s.At+margin
			}
		}
	}
	return from, to, ok
}

// failoverMax keeps times in which trouble allowed no leader for long out of a picture that nobody could read.
const failoverMax = 600 * time.Millisecond

// fillRecord adds what happened between From and To.
func fillRecord(d *plot.SpaceTime, record chronicle.Record, unit func(time.Duration) float64) {
	lives := map[raft.NodeID]plot.RoleSpan{}
	end := func(id raft.NodeID, at float64, next plot.RoleSpan) {
		if was, is := lives[id]; is && at >= d.From && was.From <= d.To {
			was.To = min(at, d.To)
			was.From = max(was.From, d.From)
			d.Roles = append(d.Roles, was)
		}
		lives[id] = next
	}
	for _, s := range record.Steps {
		at := unit(s.At)
		if at > d.To {
			break
		}
		if s.Node != raft.None && !slices.Contains(d.Nodes, uint64(s.Node)) {
			d.Nodes = append(d.Nodes, uint64(s.Node))
		}
		was := lives[s.Node]
		span := plot.RoleSpan{Node: uint64(s.Node), From: at, Role: roleName(s.Role), Term: uint64(s.Term)}
		switch s.Kind {
		case chronicle.StepRole, chronicle.StepUp:
			end(s.Node, at, span)
		case chronicle.StepDown:
			span.Role, span.Term = plot.RoleDown, 0
			end(s.Node, at, span)
		default:
		}
		if at >= d.From {
			addStep(d, s, at, was)
		}
	}
	for _, id := range slices.Sorted(func(yield func(raft.NodeID) bool) {
		for id := range lives {
			if !yield(id) {
				return
			}
		}
	}) {
		end(id, d.To, plot.RoleSpan{From: math.Inf(1)})
	}
	slices.Sort(d.Nodes)
	for i := range record.Messages {
		addMessage(d, &record.Messages[i], unit)
	}
}

// addStep marks a step.
func addStep(d *plot.SpaceTime, s chronicle.Step, at float64, was plot.RoleSpan) {
	mark := plot.SpaceMark{Node: uint64(s.Node), At: at}
	switch s.Kind {
	case chronicle.StepRole:
		mark.Kind, mark.Text = plot.MarkEvent, fmt.Sprintf("%s, t%d", s.Role, s.Term)
		if s.Role == raft.Leader {
			mark.Kind = plot.MarkElected
		}
		if s.Role == raft.Follower && was.Role == plot.RoleFollower {
			mark.Text = fmt.Sprintf("t%d", s.Term)
		}
	case chronicle.StepUp:
		if was.Role == "" { // it was not down
			return
		}
		mark.Kind, mark.Text = plot.MarkHeal, fmt.Sprintf("up, t%d", s.Term)
	case chronicle.StepDown:
		mark.Kind, mark.Text = plot.MarkFault, "crashes"
	case chronicle.StepNote:
		mark.Kind, mark.Text = plot.MarkFault, s.Text
	case chronicle.StepAnswer:
		if s.Text != "unknown" {
			d.Answers = append(d.Answers, plot.SpaceAnswer{At: at, OK: s.Text == "ok"})
		}
		return
	case chronicle.StepCommit:
		if was.Role != plot.RoleLeader {
			return
		}
		if d.Scale != plot.TimeByRow && leaderCommitted(d, s.Node, was.From) {
			return
		}
		mark.Kind, mark.Text = plot.MarkCommit, fmt.Sprintf("commits %d", s.Index)
	}
	d.Marks = append(d.Marks, mark)
}

// leaderCommitted reports whether the first commit of a leader, since an instant, is marked already.
func leaderCommitted(d *plot.SpaceTime, id raft.NodeID, since float64) bool {
	return since < d.From || slices.ContainsFunc(d.Marks, func(m plot.SpaceMark) bool {
		return m.Node == uint64(id) && m.Kind == plot.MarkCommit && m.At >= since
	})
}

func roleName(r raft.Role) string {
	return map[raft.Role]string{
		raft.Follower: plot.RoleFollower, raft.PreCandidate: plot.RolePreCandidate, raft.Candidate: plot.RoleCandidate,
		raft.Leader: plot.RoleLeader,
	}[r]
}

func addMessage(d *plot.SpaceTime, m *chronicle.Message, unit func(time.Duration) float64) {
	sent, ended := unit(m.Sent), unit(m.Ended)
	if m.Fate == chronicle.UnderWay || ended > d.To {
		ended = math.NaN()
	}
	if sent > d.To || ended < d.From || math.IsNaN(ended) && sent < d.From {
		return
	}
	family, reply := familyOf(m.Kind)
	if m.Kind == raft.MsgAppend && m.Entries == 0 {
		family = plot.FamilyHeartbeat
	}
	d.Messages = append(d.Messages, plot.SpaceMessage{
		From: uint64(m.From), To: uint64(m.To), Sent: sent, Ended: ended, Kind: m.Kind.String(), Family: family,
		Term: uint64(m.Term), Reply: reply, Reject: m.Reject, Copy: m.Copy, Lost: m.Fate == chronicle.Lost,
	})
}

func familyOf(k raft.MessageKind) (family plot.MessageFamily, reply bool) {
	switch k {
	case raft.MsgPreVote, raft.MsgVote, raft.MsgTimeoutNow:
		return plot.FamilyVote, false
	case raft.MsgPreVoteReply, raft.MsgVoteReply:
		return plot.FamilyVote, true
	case raft.MsgAppend:
		return plot.FamilyAppend, false
	case raft.MsgAppendReply:
		return plot.FamilyAppend, true
	case raft.MsgHeartbeat:
		return plot.FamilyHeartbeat, false
	case raft.MsgHeartbeatReply:
		return plot.FamilyHeartbeat, true
	case raft.MsgSnapshot:
		return plot.FamilySnapshot, false
	case raft.MsgSnapshotReply:
		return plot.FamilySnapshot, true
	case raft.MsgReadIndexReply:
		return plot.FamilyOther, true
	default:
		return plot.FamilyOther, false
	}
}

// thinMessages leaves whole families out until few enough remain, and says which.
func thinMessages(d *plot.SpaceTime, most int) string {
	var left []string
	for _, f := range []struct {
		family plot.MessageFamily
		name   string
	}{
		{plot.FamilyHeartbeat, "heartbeats"}, {plot.FamilyOther, "messages of reads"},
		{plot.FamilyAppend, "messages with entries"}, {plot.FamilySnapshot, "parts of snapshots"},
	} {
		if len(d.Messages) <= most {
			break
		}
		before := len(d.Messages)
		d.Messages = slices.DeleteFunc(d.Messages, func(m plot.SpaceMessage) bool { return m.Family == f.family })
		if gone := before - len(d.Messages); gone > 0 {
			left = append(left, fmt.Sprintf("%d %s", gone, f.name))
		}
	}
	if len(left) == 0 {
		return ""
	}
	return "; left out: " + strings.Join(left, ", ")
}
