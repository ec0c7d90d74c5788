package election

import (
	"fmt"
	"time"
)

// Timeouts are the bounds of an election timeout.
type Timeouts struct{ Min, Max time.Duration }

// String returns the paper's way to write them.
func (t Timeouts) String() string {
	return fmt.Sprintf("%d–%d ms", t.Min.Milliseconds(), t.Max.Milliseconds())
}

// Heartbeat is the interval of heartbeats: half of the minimum timeout, as in the paper.
func (t Timeouts) Heartbeat() time.Duration { return t.Min / 2 }

func ms(low, high int) Timeouts {
	return Timeouts{Min: time.Duration(low) * time.Millisecond, Max: time.Duration(high) * time.Millisecond}
}

// Randomness returns the lines of the paper's first panel.
func Randomness() []Timeouts {
	return []Timeouts{ms(150, 150), ms(150, 151), ms(150, 155), ms(150, 175), ms(150, 200), ms(150, 300)}
}

// Scale returns the lines of the paper's second panel.
func Scale() []Timeouts {
	return []Timeouts{ms(12, 24), ms(25, 50), ms(50, 100), ms(100, 200), ms(150, 300)}
}

// Protocol says which rules of an election are on.
type Protocol struct {
	PreVote     bool // thesis §9.6
	CheckQuorum bool // thesis §6.2, §4.2.3
}

// paper is the protocol of the paper, product that of the product.
func paper() Protocol   { return Protocol{} }
func product() Protocol { return Protocol{PreVote: true, CheckQuorum: true} }

// String names the protocol.
func (p Protocol) String() string {
	switch {
	case p.PreVote && p.CheckQuorum:
		return "pre-vote and check-quorum"
	case p.PreVote:
		return "pre-vote"
	case p.CheckQuorum:
		return "check-quorum"
	default:
		return "paper"
	}
}

// Ending is how the leader goes.
type Ending string

// The endings.
const (
	Crash    Ending = "crash"
	Shutdown Ending = "shutdown" // it hands leadership over first (thesis §3.10)
)

// Priorities says who is preferred as a leader.
type Priorities string

// The priorities.
const (
	Equal         Priorities = "equal"
	LeaderFirst   Priorities = "leader first"   // the leader that goes is the preferred one
	FollowerFirst Priorities = "follower first" // one of the others is
)

// Group is what an arm is compared with.
type Group string

// The groups.
const (
	GroupRandomness  Group = "randomness"  // the paper's first panel
	GroupScale       Group = "scale"       // the paper's second panel
	GroupProtocol    Group = "protocol"    // rules on and off, in the paper's set-up
	GroupOperations  Group = "operations"  // under load, with priorities, with a shutdown in order
	GroupSensitivity Group = "sensitivity" // other ways to spend the broadcast time
	// GroupProductRandomness and GroupProductScale are the two panels with pre-vote and check-quorum.
	GroupProductRandomness Group = "product randomness"
	GroupProductScale      Group = "product scale"
)

// Arm is one setting.
type Arm struct {
	Name       string
	Groups     []Group
	Timeouts   Timeouts
	Protocol   Protocol
	Ending     Ending
	Priorities Priorities
	Load       bool  // logs differ by what is on its way; else by the worst that Raft allows
	Model      Model // of messages and disks
}

// arms returns those of a study that crash leaders.
func (o Options) arms() []Arm {
	var all []Arm
	add := func(a Arm, groups ...Group) {
		a.Groups, a.Name = groups, a.name()
		for i := range all {
			if all[i].Name == a.Name {
				all[i].Groups = append(all[i].Groups, groups...)
				return
			}
		}
		all = append(all, a)
	}
	base := Arm{Ending: Crash, Priorities: Equal, Model: o.Model}
	of := func(t Timeouts, p Protocol, change ...func(*Arm)) Arm {
		a := base
		a.Timeouts, a.Protocol = t, p
		for _, f := range change {
			f(&a)
		}
		return a
	}
	for _, t := range Randomness() {
		add(of(t, paper()), GroupRandomness)
	}
	for _, t := range Scale() {
		add(of(t, paper()), GroupScale)
	}
	for _, p := range []Protocol{paper(), {PreVote: true}, {CheckQuorum: true}, product()} {
		add(of(ms(150, 300), p), GroupProtocol)
	}
	for _, t := range Randomness() {
		add(of(t, product()), GroupProductRandomness)
	}
	for _, t := range Scale() {
		add(of(t, product()), GroupProductScale)
	}
	load := func(a *Arm) { a.Load = true }
	add(of(ms(150, 300), paper(), load), GroupOperations)
	add(of(ms(150, 300), product(), load), GroupOperations)
	for _, p := range []Priorities{LeaderFirst, FollowerFirst} {
		add(of(ms(150, 300), product(), load, func(a *Arm) { a.Priorities = p }), GroupOperations)
	}
	add(of(ms(150, 300), product(), load, func(a *Arm) { a.Ending = Shutdown }), GroupOperations)
	for _, m := range append([]Model{o.Model}, Models()...) {
		for _, t := range []Timeouts{ms(12, 24), ms(150, 155), ms(150, 300)} {
			add(of(t, paper(), func(a *Arm) { a.Model = m }), GroupSensitivity)
		}
	}
	return all
}

// steadyArms returns those in which no leader crashes.
func (o Options) steadyArms() []Arm {
	var all []Arm
	for _, p := range []Protocol{paper(), product()} {
		for _, t := range Scale() {
			a := Arm{Timeouts: t, Protocol: p, Ending: Crash, Priorities: Equal, Model: o.Model}
			a.Name = a.name()
			all = append(all, a)
		}
	}
	return all
}

// name tells the arm from all others.
func (a Arm) name() string {
	name := fmt.Sprintf("election=%v..%v,protocol=%s", a.Timeouts.Min, a.Timeouts.Max, a.Protocol)
	if a.Load {
		name += ",load=yes"
	}
	if a.Priorities != Equal && a.Priorities != "" {
		name += ",priority=" + string(a.Priorities)
	}
	if a.Ending != Crash {
		name += ",ending=" + string(a.Ending)
	}
	if a.Model.Name != PaperModel().Name {
		name += ",model=" + a.Model.Name
	}
	return name
}
