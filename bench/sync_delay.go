package bench

import (
	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
)

// diskRules returns what each node's disk does from the start.
func (s Scenario) diskRules() []faultfs.Rule {
	if s.SyncDelay == 0 {
		return nil
	}
	return []faultfs.Rule{{
		Op: faultfs.Sync, Path: storage.LogDir("") + "/", Action: faultfs.Delay, Delay: faultfs.Duration(s.SyncDelay),
	}}
}

func (s Scenario) validateSyncDelay(f *faults) {
	d := s.SyncDelay
	f.need(d >= 0 && d <= s.Election.Min/4, "sync_delay", d, "0s to a quarter of election.min (%s)", s.Election.Min/4)
	f.need(d == 0 || s.Log != "mem" && s.Sync != string(storage.SyncNone), "sync_delay", d,
		"left out with log mem or sync none: nothing is synced")
	f.need(d == 0 || s.System == SystemRaftmark && s.Exchange == nil, "sync_delay", d,
		"left out with system %s, or with an exchange: no disk of theirs is slowed", s.System)
	for _, plan := range s.Faults { // the end of such a trial heals the disk, of this, too
		disk := fault.Of(plan.Kind).Disk || plan.Kind == fault.Chaos // which draws from them
		f.need(d == 0 || !disk, "sync_delay", d, "left out with the fault %s", plan.Kind)
	}
}
