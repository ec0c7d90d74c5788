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

	Events, Ticks, Checks                         uint64
	Messages, Dropped, Duplicates, Replays        uint64
	Resets, Clogs, Cuts, Partitions, Flaps        uint64
	Refused                                       uint64 // messages, by a core
	Operations, Shed, Proposals, Repeated         uint64
	Outcomes                                      [3]uint64 // unknown, ok, failed
	Sessions, Committed, Applied                  uint64
	ReadsLog, ReadsLeader, ReadsFollower          uint64
	ReadsLease, ReadsRefused                      uint64
	Elections, Transfers, TransfersDone           uint64
	ChangesSimple, ChangesJoint, ChangesRefused   uint64
	Servers                                       uint64 // that were added
	Starts, Crashes, CrashesAll, CrashPoints      uint64
	Syncs, LostWrites, TornWrites                 uint64
	Stalls, DiskErrors, Wipes, Freezes, Drifts    uint64
	Damages, Recoveries                           uint64
	Hints, HintsFollowed                          uint64
	Fetches, Persists, Compactions, SnapshotsMade uint64
	SnapshotsInstalled, ChunksRead, ChunksStored  uint64
	InstallsFinished                              uint64 // at a start, after a crash
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
	value  *uint64
	needed bool
}

// counters lists all counts, in the order of the table.
func (c *Coverage) counters() []counter {
	return []counter{
		{"runs", &c.Seeds, true}, {"events", &c.Events, true}, {"ticks", &c.Ticks, true}, {"checks", &c.Checks, true},
		{"messages", &c.Messages, true}, {"messages lost", &c.Dropped, true},
		{"messages duplicated", &c.Duplicates, true}, {"messages replayed", &c.Replays, true},
		{"messages refused", &c.Refused, false}, {"connections reset", &c.Resets, true},
		{"links clogged", &c.Clogs, true}, {"one-way cuts", &c.Cuts, true}, {"partitions", &c.Partitions, true},
		{"flapping links", &c.Flaps, true},
		{"operations", &c.Operations, true}, {"operations answered", &c.Outcomes[ok], true},
		{"operations failed", &c.Outcomes[failed], true}, {"operations unknown", &c.Outcomes[unknown], true},
		{"operations shed", &c.Shed, false}, {"commands proposed", &c.Proposals, true},
		{"commands repeated", &c.Repeated, true}, {"sessions", &c.Sessions, true},
		{"entries committed", &c.Committed, true}, {"entries applied", &c.Applied, true},
		{"reads through the log", &c.ReadsLog, true}, {"reads at the leader", &c.ReadsLeader, true},
		{"reads at followers", &c.ReadsFollower, true}, {"reads by lease", &c.ReadsLease, true},
		{"reads refused", &c.ReadsRefused, true},
		{"elections", &c.Elections, true}, {"transfers", &c.Transfers, true}, {"transfers done", &c.TransfersDone, true},
		{"simple changes", &c.ChangesSimple, true}, {"joint changes", &c.ChangesJoint, true},
		{"changes refused", &c.ChangesRefused, true}, {"servers added", &c.Servers, true},
		{"starts", &c.Starts, true}, {"crashes", &c.Crashes, true}, {"crashes of all", &c.CrashesAll, true},
		{"crashes at a chosen point", &c.CrashPoints, false},
		{"syncs", &c.Syncs, true}, {"writes lost", &c.LostWrites, true}, {"writes torn", &c.TornWrites, true},
		{"disk stalls", &c.Stalls, true}, {"syncs failed", &c.DiskErrors, true}, {"disks lost", &c.Wipes, true},
		{"logs damaged", &c.Damages, true}, {"damaged logs recovered", &c.Recoveries, true},
		{"broken connections seen", &c.Hints, true}, {"pre-votes at once for them", &c.HintsFollowed, true},
		{"freezes", &c.Freezes, true}, {"clock drifts", &c.Drifts, true},
		{"reads of old entries", &c.Fetches, true}, {"states persisted", &c.Persists, true},
		{"compactions", &c.Compactions, true}, {"snapshots made", &c.SnapshotsMade, true},
		{"chunks read", &c.ChunksRead, true}, {"chunks stored", &c.ChunksStored, true},
		{"snapshots installed", &c.SnapshotsInstalled, true}, {"installs finished at start", &c.InstallsFinished, true},
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
	other := o.counters()
	for i, x := range c.counters() {
		*x.value += *other[i].value
	}
}

// Missing returns the names of what was never exercised.
func (c *Coverage) Missing() []string {
	var names []string
	for _, x := range c.counters() {
		if x.needed && *x.value == 0 {
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
	_, err := fmt.Fprintf(w, "%-28s %14.2f\n", "simulated hours", c.Simulated.Hours())
	for _, x := range c.counters() {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-28s %14d\n", x.name, *x.value)
		}
	}
	return err
}
