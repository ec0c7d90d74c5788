// Package check decides from what clients saw whether a cluster kept its word.
//
//	loadgen.Trace ──► History ──► LostWrites      no acknowledged write is missing at the end
//	      final reads ──►│   └───► Linearizable    every key behaved like one register (porcupine), or like one counter
//	                     └───► history file (csv.gz) ──► raftmark check
//
//	history := check.FromTrace(trace, workload)
//	history.AddFinal(finalReads, workload)
//	if report := check.LostWrites(history); report.Lost > 0 { ... }
//	result := check.Linearizable(history, time.Minute)
//
// # What the outcomes mean
//
//   - ok: it took effect at one instant between Sent and Done.
//   - unknown: a write took effect at one instant after Sent, perhaps long after Done, or never. So did an INCR, whose
//     number nobody was told, and a CAS, which may also have come and found another value than it expected.
//   - failed, shed: it never takes effect. Its value in a read is a violation.
//
// # Obligations of the caller
//
//  1. The history is complete: every write of the keys in it is there, warm-up included. Dropped says otherwise, and
//     then no check finds "ok".
//  2. Every value written is written once, counters are written by INCR only, and keys are missing at the start
//     (loadgen's keys carry the run's id).
//  3. Final reads begin after every other operation has ended or was given up.
//  4. All instants are of one clock.
//
// # Invariants
//
//  1. A check never reports a fault that a correct register could show: doubt counts for the cluster, except that a
//     check which could not be finished says unknown, not ok.
//  2. The verdict depends on the operations, not on their order in the history.
//
// What it does not do: it cannot see a write that was lost and then written over; only the linearizability of reads
// in between can. LostReport.Checkable counts those whose loss it would see: all, when every key is written once. It
// does not look into the nodes' logs.
package check
