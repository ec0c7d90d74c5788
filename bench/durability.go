package bench

import (
	"slices"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
)

// durability returns the class of the scenario's cluster: what an acknowledged write has behind it (rule R20).
func (s Scenario) durability() result.Durability {
	switch {
	case s.Exchange != nil:
		return "" // nothing is written
	case s.Log == server.StorageMem:
		return result.DurabilityMem
	case s.Sync == string(storage.SyncNone):
		return result.DurabilityNone
	default:
		return result.DurabilityFsync
	}
}

// needsFaultPorts says whether something of the scenario needs the nodes' fault ports.
func (s Scenario) needsFaultPorts() bool {
	return s.Link != Link{} || s.SyncDelay > 0 ||
		slices.ContainsFunc(s.Faults, func(p FaultPlan) bool { return fault.Of(p.Kind).FaultPorts })
}

// stampDurability notes in the manifest what the arms' durability is worth, and how the nodes are started.
func (e *experiment) stampDurability() {
	e.manifest.Durability = map[string]result.Durability{}
	for _, arm := range e.arms {
		e.manifest.Durability[arm.name] = arm.scenario.durability()
		e.manifest.FaultPorts = e.manifest.FaultPorts || arm.scenario.needsFaultPorts()
	}
}

// storageNotes says what the arm's numbers are worth when what they are about would not survive the machine: reasons to
// be invalid when the scenario requires that it does, else warnings.
func (e *experiment) storageNotes(arm *armRecord) (invalid, warnings []string) {
	var notes []string
	switch arm.scenario.durability() {
	case result.DurabilityNone:
		notes = append(notes, "DURABILITY none: no acknowledged write waited for a disk")
	case result.DurabilityMem:
		notes = append(notes, "DURABILITY mem: acknowledged writes were in the memory of the nodes only")
	case result.DurabilityFsync:
		if storage := e.calibration.Storage; !storage.Stable() {
			notes = append(notes, "STORAGE "+storage.Verdict+": what was synced may not outlive the machine's power")
		}
	}
	if !arm.scenario.RequireStable {
		for _, note := range notes {
			warnings = append(warnings, "warning: "+note)
		}
		return nil, warnings
	}
	for _, note := range notes {
		invalid = append(invalid, note+" (the scenario has require_stable)")
	}
	return invalid, nil
}
