package raft

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MembersMax bounds the servers of a configuration, learners included.
const MembersMax = 64

// AddressBytesMax bounds [Member.Address].
const AddressBytesMax = 1 << 10

// Configuration is the set of servers that take part (§6). During a change of more than one voter it is joint:
// C_old,new, in which every decision needs a majority of the old voters and one of the new. It is a value: nobody
// writes to the members of one that exists.
type Configuration struct {
	// Members are the servers, by ID.
	Members []Member
	// LastID is the greatest ID that a member ever had. An ID at or below it that is not a member's was removed, and
	// is never given again: whoever comes back with an empty disk must not be taken for who it was.
	LastID NodeID
}

// Member is one server of a configuration. At least one of Voter, Outgoing and Learner is set.
type Member struct {
	ID NodeID
	// Voter says that it counts in the configuration, or in C_new while that is joint.
	Voter bool
	// Outgoing says that it counts in C_old; only while the configuration is joint.
	Outgoing bool
	// Learner says that it receives the log and counts nowhere (thesis §4.2.1); with Outgoing, that it will once the
	// joint configuration is left. Never together with Voter.
	Learner bool
	// Priority orders the servers in elections: one below the highest lets so many more election timeouts pass,
	// before it campaigns, as there are higher priorities in use.
	Priority uint8
	// Address says where the server can be reached. It means nothing here; at most AddressBytesMax bytes.
	Address string
}

// ConfigurationAt is a configuration and the index of the entry that brought it.
type ConfigurationAt struct {
	Index         Index
	Configuration Configuration
}

// counts reports whether the member's vote counts anywhere.
func (m *Member) counts() bool { return m.Voter || m.Outgoing }

// NewConfiguration returns a configuration of voters without addresses, in any order.
func NewConfiguration(voters ...NodeID) Configuration {
	var c Configuration
	for _, id := range voters {
		c.Members = append(c.Members, Member{ID: id, Voter: true})
	}
	return c.sorted()
}

// sorted returns c with its members in order and LastID at least the greatest of their IDs.
func (c Configuration) sorted() Configuration {
	slices.SortFunc(c.Members, func(a, b Member) int { return compareIDs(a.ID, b.ID) })
	if n := len(c.Members); n > 0 {
		c.LastID = max(c.LastID, c.Members[n-1].ID)
	}
	return c
}

func compareIDs(a, b NodeID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// IsZero reports whether there is no configuration yet: a server that waits to be added.
func (c Configuration) IsZero() bool { return len(c.Members) == 0 }

// Joint reports whether this is C_old,new (§6).
func (c Configuration) Joint() bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.Outgoing })
}

// Member returns the member with an ID.
func (c Configuration) Member(id NodeID) (Member, bool) {
	i, ok := slices.BinarySearchFunc(c.Members, id, func(m Member, id NodeID) int { return compareIDs(m.ID, id) })
	if !ok {
		return Member{}, false
	}
	return c.Members[i], true
}

// IsVoter reports whether the vote of id counts, in C_old or in C_new.
func (c Configuration) IsVoter(id NodeID) bool {
	m, ok := c.Member(id)
	return ok && m.counts()
}

// Removed reports whether id was a member once and is none now.
func (c Configuration) Removed(id NodeID) bool {
	_, ok := c.Member(id)
	return !ok && id <= c.LastID
}

// Equal reports whether both are the same.
func (c Configuration) Equal(other Configuration) bool {
	return c.LastID == other.LastID && slices.Equal(c.Members, other.Members)
}

// String returns the form "1 2 3", "1 2 +4" with a learner, or "1 2 3 → 1 4 5" when joint.
func (c Configuration) String() string {
	var now, next []string
	for i := range c.Members {
		m := &c.Members[i]
		name := fmt.Sprint(uint64(m.ID))
		if m.Outgoing {
			now = append(now, name)
		}
		if m.Voter {
			next = append(next, name)
		} else if m.Learner {
			next = append(next, "+"+name)
		}
	}
	if len(now) > 0 {
		return strings.Join(now, " ") + " → " + strings.Join(next, " ")
	}
	return strings.Join(next, " ")
}

// Validate returns all faults of a configuration.
func (c Configuration) Validate() error {
	var errs []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	voters := 0
	for i := range c.Members {
		m := &c.Members[i]
		fault(m.ID != None, "Members: %d is no server; want at least 1", m.ID)
		fault(i == 0 || c.Members[i-1].ID <= m.ID, "Members: %d after %d; want them in order", m.ID,
			c.Members[max(i-1, 0)].ID)
		fault(i == 0 || c.Members[i-1].ID != m.ID, "Members: %d is named twice", m.ID)
		fault(m.counts() || m.Learner, "Members: %d is neither voter nor learner", m.ID)
		fault(!m.Voter || !m.Learner, "Members: %d is both voter and learner", m.ID)
		fault(m.ID <= c.LastID, "LastID: %d is below the member %d", c.LastID, m.ID)
		fault(len(m.Address) <= AddressBytesMax, "Members: address of %d has %d bytes; want at most %d",
			m.ID, len(m.Address), AddressBytesMax)
		if m.Voter {
			voters++
		}
	}
	fault(len(c.Members) <= MembersMax, "Members: %d servers; want at most %d", len(c.Members), MembersMax)
	fault(voters > 0 || len(c.Members) == 0, "Members: none of the %d is a voter", len(c.Members))
	return errors.Join(errs...)
}
