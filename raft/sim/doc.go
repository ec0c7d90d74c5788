// Package sim proves the Raft core in a simulated world: a cluster of real cores and real state machines, on a network,
// disks and clocks that misbehave as badly as they may, in virtual time, on one goroutine, from one seed.
//
//	          seed ──► plan: size, limits, classes of trouble
//	                     │
//	clients ──► server ──▼── core ◄──► network      every event ──► checker: I1 to I20
//	   │          │  disk, machine, clock             │
//	   ▼          ▼                                   ▼
//	history     one heap of events by (time, order)  coverage, trace, hash
//
// The smallest use:
//
//	result, err := sim.Run(sim.Options{Seed: 7})
//	if result.Violation != nil { ... }
package sim
