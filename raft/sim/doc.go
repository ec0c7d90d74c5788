// Package sim proves the Raft core in a simulated world: a cluster of real cores and real state machines,
// on a network, disks and clocks that misbehave as badly as they may, in virtual time, on one goroutine,
// from one seed.
//
//	            seed ──► plan: size, limits, classes of trouble
//	                       │
//	clients ──► server ────▼─── core ◄──► network        every event ──► checker: I1 to I20
//	   │          disk, snapshots, machine, clock          │
//	   ▼                                                   ▼
//	history ──► linearizable?     one heap of events by (time, order) ──► coverage, trace, hash
//
// The smallest use:
//
//	result, err := sim.Run(sim.Options{Seed: 7})
//	if result.Violation != nil { fmt.Println(result.Violation, result.Options.Command()) }
//
//	$ raftmark sim --seeds 1000
//
// # A run
//
//  1. Trouble, for 60 virtual seconds: clients ask 200 times a second, classes of trouble strike at random,
//     an operator adds, promotes, demotes and removes servers and hands leadership over.
//  2. All trouble ends: every disk works, every link carries, every server that still exists starts. Within
//     bounds there must be a leader, an answer to each client, and agreement of all members, in log and
//     state (I19).
//  3. What the clients saw must be linearizable (porcupine, and an exact rule for counters), and executed
//     once.
//
// A failing run is made smaller by Shrink: without classes, for half the time. What is left is a file of a few lines in
// testdata/regressions, which is run for ever.
//
// # Reading it
//
//	class.go plan.go         what a seed draws
//	schedule.go world.go     events, time, who does what
//	run.go                   the phases of a run
//	node.go                  a server: pays the debts of a raft.Ready, as replica does
//	disk.go chain_log.go     the log on the disk: synced in order, each write whole or not at all, sums over prefixes
//	snapshots.go machine.go  the state machine, lazily durable; snapshots, their installation, compaction
//	network.go topology.go   links, lanes, connections or datagrams; shapes of partitions
//	trouble.go members.go    what goes wrong; who changes the cluster
//	client.go reads.go       open-loop clients with sessions; reads beside the log
//	checker.go               the invariants by name; how a core is observed
//	ledger.go                I1 to I8, I12: all logs together, what is committed
//	promises.go              I9, I10, I13, I18, I20: what a message promises, what a leader believes
//	configurations.go        I14
//	history.go               I15, I16
//	campaign.go shrink.go    many seeds, and one small one
//	crash_point.go           the systematic part: a crash wherever something becomes durable
//
// # Obligations
//
//  1. One stream of chance a purpose, and nothing else that differs from run to run: no clock, no goroutine,
//     no order of a map. The same options give the same hash.
//  2. Trouble stays within what Raft promises to survive: a lost disk is lost for ever, and no more of them
//     than the rest still has a quorum of everything for; with leases, clocks drift no more than leases allow.
//  3. A checker looks only at what an event has changed. What costs more runs at a tick, or at the end.
//  4. Runs that have not exercised a class prove nothing about it: [Coverage.Missing] names it, and a
//     campaign with such a name is refused.
//
// # What it does not do
//
// It drives the core as package replica does, but is not package replica: goroutines, sockets and Pebble have tests of
// their own. Damage to what is durable (flipped bits, lost sectors) is the business of storage. Servers do not lie. The
// hash of a run is that of one processor architecture: floating point draws times.
package sim
