package raft_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// roster is a configuration as the paper has it: sets.
type roster struct {
	voters, learners map[raft.NodeID]bool
	lastID           raft.NodeID
}

func (r roster) clone() roster {
	return roster{voters: maps.Clone(r.voters), learners: maps.Clone(r.learners), lastID: r.lastID}
}

// with makes changes to a copy of r, or returns the first refusal. Its checks are in the order that the
// changes are.
func (r roster) with(changes []raft.Change) (roster, error) {
	next := r.clone()
	named := map[raft.NodeID]bool{}
	for _, c := range changes {
		member := r.voters[c.ID] || r.learners[c.ID]
		switch {
		case named[c.ID]:
			return roster{}, raft.ErrBadChange
		case c.Kind == raft.AddLearner && member:
			return roster{}, raft.ErrMember
		case c.Kind == raft.AddLearner && c.ID <= r.lastID:
			return roster{}, raft.ErrIDUsed
		case c.Kind != raft.AddLearner && !member:
			return roster{}, raft.ErrNotMember
		}
		named[c.ID] = true
		switch {
		case c.Kind == raft.AddLearner:
			next.learners[c.ID] = true
			next.lastID = max(next.lastID, c.ID)
		case c.Kind == raft.Promote && r.learners[c.ID]:
			delete(next.learners, c.ID)
			next.voters[c.ID] = true
		case c.Kind == raft.Demote && r.voters[c.ID]:
			delete(next.voters, c.ID)
			next.learners[c.ID] = true
		case c.Kind == raft.Remove:
			delete(next.voters, c.ID)
			delete(next.learners, c.ID)
		case c.Kind == raft.Reprioritize:
		default:
			return roster{}, raft.ErrBadChange
		}
	}
	if len(changes) == 0 || len(next.voters) == 0 {
		return roster{}, raft.ErrBadChange
	}
	return next, nil
}

// is compares a final configuration with the sets.
func (r roster) is(c raft.Configuration) bool {
	voters, learners := map[raft.NodeID]bool{}, map[raft.NodeID]bool{}
	for _, m := range c.Members {
		if m.Voter {
			voters[m.ID] = true
		}
		if m.Learner {
			learners[m.ID] = true
		}
	}
	return maps.Equal(voters, r.voters) && maps.Equal(learners, r.learners) && c.LastID == r.lastID
}

func drawChanges(rng *rand.Rand, lastID raft.NodeID) []raft.Change {
	changes := make([]raft.Change, []int{0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4}[rng.IntN(11)])
	for i := range changes {
		changes[i] = raft.Change{Kind: raft.ChangeKind(1 + rng.IntN(5)), ID: 1 + raft.NodeID(rng.Uint64N(uint64(lastID)))}
		if rng.IntN(40) == 0 {
			changes[i].Kind = raft.ChangeKind(6 * rng.IntN(2))
		}
		if changes[i].Kind == raft.AddLearner && rng.IntN(4) > 0 {
			changes[i].ID = lastID + 1 + raft.NodeID(i)
		}
	}
	return changes
}

var refusals = []error{raft.ErrBadChange, raft.ErrMember, raft.ErrIDUsed, raft.ErrNotMember}

// TestChangesAgainstSets makes random changes, one after the other, to a configuration and to plain sets.
// What one refuses for a reason the other does; what comes of it is the same; joint exactly when more than
// one voter changes; and quorums of one step and the next always have a server in common (§6, thesis §4.1:
// no disjoint majorities).
func TestChangesAgainstSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	taken, joint := 0, 0
	for range 2000 {
		n := 1 + rng.IntN(5)
		var ids []raft.NodeID
		sets := roster{voters: map[raft.NodeID]bool{}, learners: map[raft.NodeID]bool{}, lastID: raft.NodeID(n)}
		for id := range n {
			ids = append(ids, raft.NodeID(id+1))
			sets.voters[raft.NodeID(id+1)] = true
		}
		configuration := raft.NewConfiguration(ids...)
		for range 20 {
			changes := drawChanges(rng, sets.lastID)
			next, err := configuration.With(changes)
			want, refusal := sets.with(changes)
			if refusal != nil || err != nil {
				if !errors.Is(err, refusal) || refusal == nil || len(next.Members) != 0 {
					t.Fatalf("%v with %v: got %v and %v, want %v", configuration, changes, next, err, refusal)
				}
				continue
			}
			taken++
			changed := 0
			for id := range want.lastID + 1 {
				if sets.voters[id] != want.voters[id] {
					changed++
				}
			}
			if next.Joint() != (changed > 1) {
				t.Fatalf("%v with %v: got %v; %d voters change", configuration, changes, next, changed)
			}
			quorumsMeet(t, configuration, next)
			if next.Joint() {
				joint++
				checkJoint(t, sets, want, next)
				quorumsMeet(t, next, next.Left())
				next = next.Left()
			}
			if err := next.Validate(); err != nil || !want.is(next) {
				t.Fatalf("%v with %v: got %v (%v), want %+v", configuration, changes, next, err, want)
			}
			configuration, sets = next, want
		}
	}
	if taken < 5000 || joint < 500 {
		t.Errorf("%d changes were taken, %d of them joint: the test has lost its teeth", taken, joint)
	}
}

// checkJoint compares the halves of a joint configuration with the old and the new voters.
func checkJoint(t *testing.T, old, next roster, c raft.Configuration) {
	t.Helper()
	for _, m := range c.Members {
		if m.Outgoing != old.voters[m.ID] || m.Voter != next.voters[m.ID] || m.Learner != next.learners[m.ID] {
			t.Fatalf("joint %v of %+v and %+v: member %+v", c, old, next, m)
		}
	}
	for id := range max(old.lastID, next.lastID) + 1 {
		m, ok := c.Member(id)
		if want := old.voters[id] || next.voters[id] || next.learners[id]; ok != want ||
			m.ID != map[bool]raft.NodeID{true: id}[ok] {
			t.Fatalf("joint %v of %+v and %+v: member %d is there: %v", c, old, next, id, ok)
		}
	}
}

// decides reports whether a set of servers is a quorum of a configuration, counted one by one.
func decides(c raft.Configuration, set uint64) bool {
	next, old, voters, outgoing := 0, 0, 0, 0
	for _, m := range c.Members {
		in := int(set >> m.ID & 1)
		if m.Voter {
			voters++
			next += in
		}
		if m.Outgoing {
			outgoing++
			old += in
		}
	}
	return 2*next > voters && (outgoing == 0 || 2*old > outgoing)
}

// quorumsMeet tries all quorums of two configurations against each other.
func quorumsMeet(t *testing.T, a, b raft.Configuration) {
	t.Helper()
	var ids []raft.NodeID
	for id := range raft.NodeID(64) {
		if a.IsVoter(id) || b.IsVoter(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 12 || a.LastID > 63 || b.LastID > 63 {
		return // too many to try
	}
	for bits := range uint64(1) << len(ids) {
		set, rest := uint64(0), uint64(0)
		for i, id := range ids {
			set |= bits >> i & 1 << id
			rest |= (^bits >> i & 1) << id
		}
		if decides(a, set) && decides(b, rest) {
			t.Fatalf("%b decides in %v while %b decides in %v", set, a, rest, b)
		}
	}
}

// TestChangeKeepsWhatItDoesNotName: addresses and priorities of the others stay, through the joint
// configuration too.
func TestChangeKeepsWhatItDoesNotName(t *testing.T) {
	c := raft.NewConfiguration(1, 2, 3)
	for i := range c.Members {
		c.Members[i].Address, c.Members[i].Priority = fmt.Sprintf("host%d:1", i+1), uint8(i+1)
	}
	before := c.String()
	next, err := c.With([]raft.Change{
		{Kind: raft.Remove, ID: 1}, {Kind: raft.Demote, ID: 2}, {Kind: raft.Reprioritize, ID: 3, Priority: 9},
		{Kind: raft.AddLearner, ID: 4, Address: "host4:1", Priority: 7},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := next.String(), "1 2 3 → +2 3 +4"; got != want || c.String() != before {
		t.Errorf("got %q, and the one before is now %q; want %q and %q", got, c, want, before)
	}
	want := []raft.Member{
		{ID: 2, Learner: true, Priority: 2, Address: "host2:1"}, {ID: 3, Voter: true, Priority: 9, Address: "host3:1"},
		{ID: 4, Learner: true, Priority: 7, Address: "host4:1"},
	}
	if got := next.Left(); !slices.Equal(got.Members, want) || got.LastID != 4 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if m, _ := next.Member(1); m.Address != "host1:1" || m.Priority != 1 {
		t.Errorf("the one that goes is %+v: it must still be reached", m)
	}
}

// TestChangeRefusalsNameTheirReason: each sentinel of With, with the server and the bound in its text.
func TestChangeRefusalsNameTheirReason(t *testing.T) {
	members := raft.NewConfiguration(1, 2, 3)
	members, err := members.With([]raft.Change{{Kind: raft.AddLearner, ID: 7}})
	if err != nil {
		t.Fatal(err)
	}
	members, err = members.With([]raft.Change{{Kind: raft.Remove, ID: 7}})
	if err != nil {
		t.Fatal(err)
	}
	many := raft.Configuration{}
	for id := range raft.NodeID(raft.MembersMax) {
		many.Members = append(many.Members, raft.Member{ID: id + 1, Voter: true})
	}
	many.LastID = raft.MembersMax
	joint, err := members.With([]raft.Change{{Kind: raft.Remove, ID: 1}, {Kind: raft.Remove, ID: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		of      raft.Configuration
		changes []raft.Change
		is      error
		want    string
	}{
		{"nothing", members, nil, raft.ErrBadChange, "changes nothing"},
		{"joint", joint, []raft.Change{{Kind: raft.Remove, ID: 3}}, raft.ErrChangePending, "1 2 3 → 3 is joint"},
		{"no kind", members, []raft.Change{{ID: 1}}, raft.ErrBadChange, "ChangeKind(0) 1 of 1 2 3"},
		{"kind 6", members, []raft.Change{{Kind: 6, ID: 1}}, raft.ErrBadChange, "ChangeKind(6) 1"},
		{"twice", members, []raft.Change{{Kind: raft.Demote, ID: 2}, {Kind: raft.Remove, ID: 2}}, raft.ErrBadChange,
			"server 2 twice"},
		{"member", members, []raft.Change{{Kind: raft.AddLearner, ID: 3}}, raft.ErrMember, "add learner 3"},
		{"removed before", members, []raft.Change{{Kind: raft.AddLearner, ID: 7}}, raft.ErrIDUsed, "want an ID above 7"},
		{"below one removed", members, []raft.Change{{Kind: raft.AddLearner, ID: 5}}, raft.ErrIDUsed, "add learner 5"},
		{"nobody", members, []raft.Change{{Kind: raft.AddLearner}}, raft.ErrIDUsed, "add learner 0"},
		{"not a member", members, []raft.Change{{Kind: raft.Remove, ID: 9}}, raft.ErrNotMember,
			"remove 9; the members are 1 2 3"},
		{"promote a voter", members, []raft.Change{{Kind: raft.Promote, ID: 2}}, raft.ErrBadChange, "promote 2 of 1 2 3"},
		{"no voter left", members, []raft.Change{
			{Kind: raft.Demote, ID: 1}, {Kind: raft.Remove, ID: 2}, {Kind: raft.Remove, ID: 3},
		}, raft.ErrBadChange, "voter"},
		{"a long address", members, []raft.Change{{Kind: raft.AddLearner, ID: 8, Address: strings.Repeat("x", 1025)}},
			raft.ErrBadChange, "address of 8 has 1025 bytes; want at most 1024"},
		{"too many", many, []raft.Change{{Kind: raft.AddLearner, ID: 99}}, raft.ErrBadChange, "65 servers; want at most 64"},
	} {
		_, err := c.of.With(c.changes)
		if !errors.Is(err, c.is) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %v, want %v with %q", c.name, err, c.is, c.want)
		}
		for _, other := range refusals {
			if !errors.Is(other, c.is) && errors.Is(err, other) {
				t.Errorf("%s: got %v, which is %v as well", c.name, err, other)
			}
		}
	}
}

// TestChangeLeavesNoEmptyCluster: the last member cannot be removed; nobody would be left to commit even that.
func TestChangeLeavesNoEmptyCluster(t *testing.T) {
	for _, kind := range []raft.ChangeKind{raft.Remove, raft.Demote} {
		next, err := raft.NewConfiguration(1).With([]raft.Change{{Kind: kind, ID: 1}})
		if !errors.Is(err, raft.ErrBadChange) {
			t.Errorf("%v the only member: got %q and %v, want %v", kind, next, err, raft.ErrBadChange)
		}
	}
}

func TestConfigurationTellsWhoIsWhat(t *testing.T) {
	c := raft.Configuration{LastID: 9, Members: []raft.Member{
		{ID: 2, Outgoing: true}, {ID: 3, Voter: true, Outgoing: true}, {ID: 5, Learner: true}, {ID: 8, Voter: true},
	}}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[raft.NodeID]struct{ voter, removed bool }{
		1: {false, true}, 2: {true, false}, 3: {true, false}, 5: {false, false}, 7: {false, true}, 8: {true, false},
		9: {false, true}, 10: {false, false},
	} {
		if got := c.IsVoter(id); got != want.voter {
			t.Errorf("server %d is a voter: %v, want %v", id, got, want.voter)
		}
		if got := c.Removed(id); got != want.removed {
			t.Errorf("server %d was removed: %v, want %v", id, got, want.removed)
		}
	}
	if got, want := c.String(), "2 3 → 3 +5 8"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !c.Equal(c) || c.Equal(c.Left()) || c.Equal(raft.Configuration{Members: c.Members, LastID: 10}) {
		t.Error("Equal is not equality")
	}
}

func TestConfigurationNamesEachFault(t *testing.T) {
	for want, c := range map[string]raft.Configuration{
		"0 is no server":          {LastID: 1, Members: []raft.Member{{Voter: true}}},
		"1 after 2; want them in": {LastID: 2, Members: []raft.Member{{ID: 2, Voter: true}, {ID: 1, Voter: true}}},
		"1 is named twice":        {LastID: 1, Members: []raft.Member{{ID: 1, Voter: true}, {ID: 1, Voter: true}}},
		"neither voter nor":       {LastID: 2, Members: []raft.Member{{ID: 1, Voter: true}, {ID: 2}}},
		"both voter and learner":  {LastID: 1, Members: []raft.Member{{ID: 1, Voter: true, Learner: true}}},
		"1 is below the member 2": {LastID: 1, Members: []raft.Member{{ID: 2, Voter: true}}},
		"none of the 2 is":        {LastID: 2, Members: []raft.Member{{ID: 1, Outgoing: true}, {ID: 2, Learner: true}}},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q in it", c, err, want)
		}
	}
	both := raft.Configuration{Members: []raft.Member{{Voter: true}, {ID: 7}}}
	if err := both.Validate(); err == nil || strings.Count(err.Error(), "\n") < 2 {
		t.Errorf("got %v, want all faults at once", err)
	}
}
