// Package election measures how long a cluster is without a leader after its leader has crashed, in virtual time:
// Figure 16 of the Raft paper made runnable, and what that figure leaves out.
//
//	Options ──► Arms: timeouts, protocol, load ──► trials, hours   each from a seed of its own
//	                                                 │
//	     five real cores (package raft) ─ ticks ─ network ─ disks ─ pauses, in one heap of events
//	                                                 │
//	                        Trial: detect, elect, commit          Hour: elections that nobody needed
//
// Smallest use:
//
//	study, err := election.Run(ctx, election.Options{Seed: 1})
//	for i, arm := range study.Arms { fmt.Println(arm.Name, len(study.Trials[i])) }
//
// # A trial of the paper's set-up (§9.3)
//
//	server 1 is elected, and all logs get different lengths ──► heartbeats to all at once ──► crash ──► new leader
//	(real cores; no time passes)                                  │◄─── uniform ───►│◄──── measured ────►│
//
// The crash is uniform within the heartbeat interval after a broadcast, which is half of the minimum election timeout:
// so the least outage is about half of that. The logs are the worst that Raft allows: two of the four that are left
// hold everything that was committed and can be elected, two cannot.
//
// # What is simulated
//
//   - The core is the one of the product, ticked every Options.Tick; the driver around it is modelled: messages before
//     ticks, votes and acknowledgements after their sync, one sync at a time for all that waits.
//   - A message takes a uniform time and keeps the order of its lane. A sync takes a uniform time. The sum of both
//     ways and two syncs is the broadcast time: the paper's was "roughly 15 ms", and how it was made up is not
//     published. Options.Models has other ways to spend the same 15 ms.
//   - A server that is paused does nothing and its clock stands still, as the driver's ticker does.
//
// # Invariants
//
//  1. The same options give the same results on a processor architecture, bit by bit, however many workers there
//     are: each trial and each hour draws from its own seed, made from Options.Seed, the arm's name and its number.
//  2. Election Safety (§5.2) is checked at each victory, and that the new leader has what was committed (Leader
//     Completeness, §5.4). A breach ends the study with an error.
//  3. A trial that has no leader after Options.TrialMax is kept, as one that took longer than that.
//
// # What it does not do
//
// It does not run processes, sockets or disks: scenario elections-real does. It says nothing about throughput.
package election
