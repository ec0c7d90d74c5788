package sim

import (
	"fmt"
	"io"
	"time"
)

// Coverage counts what runs have exercised: a run that never met its own trouble proves nothing.
type Coverage struct {
	Seeds     uint64
	Simulated time.Duration
	Classes   map[Class]uint64 // how many runs had them; looked up only

	Events, Ticks, Messages, Dropped, Duplicates, Replays, Resets, Refused                                        uint64
	Operations, Shed, Proposals, Committed, Applied                                                               uint64
	Outcomes                                                                                                      [3]uint64 // unknown, ok, failed
	Elections, LeaderChanges, Starts, Crashes, CrashesAll, TornWrites, LostWrites                                 uint64
	Syncs, DiskErrors, Stalls, Wipes, Freezes, Drifts, Clogs, Cuts, Partitions, Flaps                             uint64
	Fetches, Compactions, SnapshotsMade, SnapshotsInstalled, ChunksRead, ChunksStored, CrashesInInstall, Persists uint64
	ChangesSimple, ChangesJoint, ChangesRefused, Servers, Transfers, TransfersDone                                uint64
	ReadsLog, ReadsLeader, ReadsFollower, ReadsLease, ReadsRefused, Repeated, Sessions, Checks, CrashPoints       uint64
}

func (c *Coverage) init(p *plan) {
	c.Seeds = 1
	c.Classes = map[Class]uint64{}
	for _, one := range p.classes.List() {
		c.Classes[one]++
	}
}

// counter is one line of a summary. A needed one must not be zero.
type counter struct {
	name   string
	value  uint64
	needed bool
}

func (c *Coverage) counters() []counter {
	return []counter{
		{"events", c.Events, true}, {"ticks", c.Ticks, true}, {"operations", c.Operations, true},
		{"operations answered", c.Outcomes[ok], true}, {"operations failed", c.Outcomes[failed], true},
		{"operations shed", c.Shed, false}, {"operations unknown", c.Outcomes[unknown], false}, {"entries committed", c.Committed, true},
		{"entries applied", c.Applied, true},
		{"messages", c.Messages, true}, {"messages lost", c.Dropped, true}, {"messages duplicated", c.Duplicates, true},
		{"messages replayed", c.Replays, true}, {"messages refused", c.Refused, false},
		{"connections reset", c.Resets, true}, {"links clogged", c.Clogs, true}, {"one-way cuts", c.Cuts, true},
		{"partitions", c.Partitions, true}, {"flapping links", c.Flaps, true},
		{"elections", c.Elections, true}, {"starts", c.Starts, true}, {"crashes", c.Crashes, true},
		{"crashes of all", c.CrashesAll, true}, {"writes lost", c.LostWrites, true}, {"writes torn", c.TornWrites, true},
		{"syncs", c.Syncs, true}, {"syncs failed", c.DiskErrors, true}, {"disk stalls", c.Stalls, true},
		{"disks lost", c.Wipes, true}, {"freezes", c.Freezes, true}, {"clock drifts", c.Drifts, true},
		{"reads of old entries", c.Fetches, true}, {"compactions", c.Compactions, true},
		{"snapshots made", c.SnapshotsMade, true}, {"snapshots installed", c.SnapshotsInstalled, true},
		{"chunks read", c.ChunksRead, true}, {"chunks stored", c.ChunksStored, true},
		{"crashes during an install", c.CrashesInInstall, true}, {"states persisted", c.Persists, true},
		{"simple changes", c.ChangesSimple, true}, {"joint changes", c.ChangesJoint, true},
		{"changes refused", c.ChangesRefused, true}, {"servers added", c.Servers, true},
		{"transfers", c.Transfers, true}, {"transfers done", c.TransfersDone, true},
		{"reads at the leader", c.ReadsLeader, true}, {"reads at followers", c.ReadsFollower, true},
		{"reads by lease", c.ReadsLease, true}, {"reads refused", c.ReadsRefused, true},
		{"sessions", c.Sessions, true}, {"commands repeated", c.Repeated, true}, {"checks", c.Checks, true},
	}
}

// Add adds the counts of other runs.
func (c *Coverage) Add(o *Coverage) {
	if c.Classes == nil {
		c.Classes = map[Class]uint64{}
	}
	for _, one := range classesAll.List() {
		c.Classes[one] += o.Classes[one]
	}
	c.Simulated += o.Simulated
	for _, pair := range c.pairs(o) {
		*pair[0] += *pair[1]
	}
	for i := range c.Outcomes {
		c.Outcomes[i] += o.Outcomes[i]
	}
}

// pairs returns each count with that of another.
func (c *Coverage) pairs(o *Coverage) [][2]*uint64 {
	a, b := c.all(), o.all()
	pairs := make([][2]*uint64, len(a))
	for i := range a {
		pairs[i] = [2]*uint64{a[i], b[i]}
	}
	return pairs
}

func (c *Coverage) all() []*uint64 {
	return []*uint64{
		&c.Seeds, &c.Events, &c.Ticks, &c.Messages, &c.Dropped, &c.Duplicates, &c.Replays, &c.Resets, &c.Refused,
		&c.Operations, &c.Shed, &c.Proposals, &c.Committed, &c.Applied,
		&c.Elections, &c.LeaderChanges, &c.Starts, &c.Crashes, &c.CrashesAll, &c.TornWrites, &c.LostWrites,
		&c.Syncs, &c.DiskErrors, &c.Stalls, &c.Wipes, &c.Freezes, &c.Drifts, &c.Clogs, &c.Cuts, &c.Partitions, &c.Flaps,
		&c.Fetches, &c.Compactions, &c.SnapshotsMade, &c.SnapshotsInstalled, &c.ChunksRead, &c.ChunksStored, &c.CrashesInInstall, &c.Persists,
		&c.ChangesSimple, &c.ChangesJoint, &c.ChangesRefused, &c.Servers, &c.Transfers, &c.TransfersDone,
		&c.ReadsLog, &c.ReadsLeader, &c.ReadsFollower, &c.ReadsLease, &c.ReadsRefused, &c.Repeated, &c.Sessions, &c.Checks, &c.CrashPoints,
	}
}

// Missing returns the names of what was never exercised.
func (c *Coverage) Missing() []string {
	var names []string
	for _, x := range c.counters() {
		if x.needed && x.value == 0 {
			names = append(names, x.name)
		}
	}
	for _, one := range classesAll.List() {
		if c.Classes[one] == 0 {
			names = append(names, "class "+className(one))
		}
	}
	return names
}

// Print writes the counts as a table.
func (c *Coverage) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%-28s %14d\n%-28s %14.2f\n", "seeds", c.Seeds, "simulated hours", c.Simulated.Hours())
	for _, x := range c.counters() {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-28s %14d\n", x.name, x.value)
		}
	}
	return err
}
