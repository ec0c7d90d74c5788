package raft

import (
	"fmt"
	"slices"
)

// ChangeKind says what a [Change] does. Its values are part of no format.
type ChangeKind uint8

const (
	// AddLearner adds a server that receives the log and has no vote yet (thesis §4.2.1). Its ID must be above every
	// one that was ever used.
	AddLearner ChangeKind = iota + 1
	// Promote makes a learner a voter.
	Promote
	// Demote makes a voter a learner.
	Demote
	// Remove removes a member, for ever.
	Remove
	// Reprioritize sets a member's priority in elections.
	Reprioritize
)

// String returns the kind's name.
func (k ChangeKind) String() string {
	names := [...]string{
		AddLearner: "add learner", Promote: "promote", Demote: "demote", Remove: "remove", Reprioritize: "reprioritize",
	}
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return fmt.Sprintf("ChangeKind(%d)", uint8(k))
}

// Change is one wish of a membership change.
type Change struct {
	Kind ChangeKind
	ID   NodeID
	// Address is where a new learner can be reached; for AddLearner only.
	Address string
	// Priority is for AddLearner and Reprioritize.
	Priority uint8
}

// String returns the form "promote 4".
func (c Change) String() string { return fmt.Sprintf("%v %d", c.Kind, c.ID) }

// With returns the configuration that the changes, all at once, lead to: the joint one when more than one voter comes
// or goes (§6), else the final one (thesis §4.1). It needs a configuration that is not joint. The errors wrap
// [ErrNotMember], [ErrMember], [ErrIDUsed] or [ErrBadChange].
func (c Configuration) With(changes []Change) (Configuration, error) {
	if c.Joint() {
		return Configuration{}, fmt.Errorf("%w: %v is joint", ErrChangePending, c)
	}
	if len(changes) == 0 {
		return Configuration{}, fmt.Errorf("%w: it changes nothing", ErrBadChange)
	}
	next := Configuration{Members: slices.Clone(c.Members), LastID: c.LastID}
	for i, change := range changes {
		if slices.ContainsFunc(changes[:i], func(o Change) bool { return o.ID == change.ID }) {
			return Configuration{}, fmt.Errorf("%w: it names server %d twice", ErrBadChange, change.ID)
		}
		if err := next.apply(c, change); err != nil {
			return Configuration{}, err
		}
	}
	next = next.sorted()
	if !slices.ContainsFunc(next.Members, func(m Member) bool { return m.Voter }) {
		return Configuration{}, fmt.Errorf("%w: it leaves no voter of %v", ErrBadChange, c)
	}
	if c.votersChanged(next) > 1 {
		next = c.joined(next)
	}
	if err := next.Validate(); err != nil {
		return Configuration{}, fmt.Errorf("%w: %w", ErrBadChange, err)
	}
	return next, nil
}

// apply makes one change to c, which is a changed copy of old.
func (c *Configuration) apply(old Configuration, change Change) error {
	i := slices.IndexFunc(c.Members, func(m Member) bool { return m.ID == change.ID })
	if change.Kind == AddLearner {
		switch {
		case i >= 0:
			return fmt.Errorf("%w: %v", ErrMember, change)
		case change.ID <= old.LastID:
			return fmt.Errorf("%w: %v; want an ID above %d", ErrIDUsed, change, old.LastID)
		}
		c.Members = append(c.Members,
			Member{ID: change.ID, Learner: true, Address: change.Address, Priority: change.Priority})
		return nil
	}
	if i < 0 {
		return fmt.Errorf("%w: %v; the members are %v", ErrNotMember, change, old)
	}
	m := &c.Members[i]
	switch {
	case change.Kind == Promote && m.Learner, change.Kind == Demote && m.Voter:
		m.Voter, m.Learner = m.Learner, m.Voter
	case change.Kind == Remove:
		c.Members = slices.Delete(c.Members, i, i+1)
	case change.Kind == Reprioritize:
		m.Priority = change.Priority
	default:
		return fmt.Errorf("%w: %v of %v", ErrBadChange, change, old)
	}
	return nil
}

// votersChanged counts the servers that vote in one of the two and not in the other.
func (c Configuration) votersChanged(next Configuration) int {
	changed := 0
	for _, pair := range [2][2]Configuration{{c, next}, {next, c}} {
		for i := range pair[0].Members {
			m := &pair[0].Members[i]
			if other, _ := pair[1].Member(m.ID); m.Voter && !other.Voter {
				changed++
			}
		}
	}
	return changed
}

// joined returns C_old,new of c and next (§6).
func (c Configuration) joined(next Configuration) Configuration {
	joint := Configuration{Members: slices.Clone(next.Members), LastID: next.LastID}
	for _, m := range c.Members {
		if !m.Voter {
			continue
		}
		i := slices.IndexFunc(joint.Members, func(o Member) bool { return o.ID == m.ID })
		if i < 0 {
			m.Voter = false
			joint.Members = append(joint.Members, m)
			i = len(joint.Members) - 1
		}
		joint.Members[i].Outgoing = true
	}
	return joint.sorted()
}

// Left returns C_new of a joint configuration: what follows once that is committed (§6).
func (c Configuration) Left() Configuration {
	next := Configuration{LastID: c.LastID}
	for _, m := range c.Members {
		m.Outgoing = false
		if m.Voter || m.Learner {
			next.Members = append(next.Members, m)
		}
	}
	return next
}
