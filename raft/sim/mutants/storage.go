package mutants

// storageMutants break what lies around the core: the driver as the simulator has it, the snapshot store, the state
// machine.
func storageMutants() []Mutant {
	return []Mutant{
		{Name: "M25", Rule: "a received snapshot has its name before its data are durable", Scripted: true, Edits: []Edit{{
			"storage/snapshot/folder.go", "\tif err := in.file.Sync(); err != nil {\n\t\treturn err\n\t}\n\tif err := f.fs.rename",
			"\tif err := f.fs.rename",
		}}, Tests: []string{"./storage/snapshot"}},
		{Name: "M26", Rule: "compacts the log before the state machine is durable", Edits: []Edit{{
			"raft/sim/snapshots.go", "\tw.persistMachine(n)\n\tif w.crashAt(n) {\n\t\treturn\n\t}\n\ts, can := n.core.Compact(n.log.id(m.durableIndex))",
			"\ts, can := n.core.Compact(n.log.id(m.applied))",
		}}},
		{Name: "M30", Rule: "leases by a clock that is set back", Edits: []Edit{{
			"raft/sim/node.go", "n.core.SetClock(int64(n.monotonic(w.now)))",
			"n.core.SetClock(int64(n.monotonic(w.now) - w.now/(20*time.Second)%2*time.Hour))",
		}}},
		{Name: "M33", Rule: "a snapshot is without the client sessions", Edits: []Edit{{
			"kv/stream.go", "\tif err := s.sessions.add(key, value); err != nil {", "\tif err := error(nil); err != nil {",
		}}},
	}
}
