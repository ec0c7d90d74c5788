// Package bench runs experiments on a Raft cluster: a steady load, a cluster that is broken on purpose, and
// records of both that a stranger can check.
//
//	Scenario ──Arms──► order (ABBA) ──► run ──► run ──► ...      each on a fresh cluster of processes
//	   YAML, -L                          │
//	                                     ├── warm-up │ steady │ trial │ trial │ ... │ drain │ checks
//	                                     │                    │ or the steps of a course │
//	                                     │       one schedule of load through all of it
//	                                     ▼
//	             loadgen.Trace + events of the nodes + actions of the bench
//	                                     │  observe, assess, timeline
//	                                     ▼
//	                    bench/result: trials, timeline, ops, events, summary
//
// Smallest use:
//
//	s, err := bench.LoadScenario("standard")
//	outcome, err := bench.Run(ctx, bench.Options{Scenario: s, Dir: "results/today"})
//
// # Goals
//
//   - The outage of a failure, seen by clients under an open loop of load, over enough trials to speak
//     of a distribution, and where its time went.
//   - A result that carries its own doubts: what did not hold is in it, and the verdict says so.
//
// # What it does not do
//
// It does not draw (reports does), and does not compare two results.
// Clients and nodes share one host: absolute numbers do not transfer to another one.
//
// # How a trial goes
//
//	settle ──► random phase ──► inject ──► took effect? ──► new leader answers ──► watch ──► heal ──► recovered
//
// The new leader is waited for when a leader was killed; a disk is broken, or the power off, for the watch.
// Settled and recovered mean the same here: every node has applied what was committed, and the
// acknowledgements of the last 400 ms look like the steady phase's. A cluster that does not settle ends the
// trials of its run. This is when the run loop goes on; the recovery that is published is read from the
// recorded operations afterwards.
//
// The phase is uniform within the heartbeat interval, from the seed (rule R10). A fault's instant is when
// it took effect (rule R11). Each wait is bounded by trial.recover; what exceeds it is an anomaly in the
// result, not a hang.
//
// # How a course goes
//
//	members             steady ──► add 4, 5 ──► caught up ──► promote ──► add 6 ──► caught up
//	                           ──► promote 6, remove 1, 2, 3 ──► stop these ──► control
//	snapshot-catch-up   steady ──► kill a follower ──► backlog ──► control ──► start it ──► caught up ──► control
//
// Each step is summed up from its order to the next one: how long it took, the longest gap between
// acknowledgements that overlaps it, the time in which nobody could commit, the latency of the operations
// that were due. Its controls hold the conditions of a steady phase, or the result is invalid. Caught up
// means: has applied what was committed at the question. The backlog is a closed loop of its own beside the
// load, with keys of its own; its writes are checked like the others. Clients are told of nodes that are
// added, when they are added: the one that leads answers a client that it was removed from under with
// CLUSTERDOWN, and not with who leads now.
//
// # How a search goes
//
//	rate ──► warm-up │ hold ──► drained, applied everywhere ──► next rate ──► ... ──► shares of the knee
//
// Each rate is an open loop of its own, with keys of its own, on the one cluster of the run. A rate is held, missed by
// the system, or invalid because the generator was late; the best of three counts where the first attempt was not held.
// The search climbs and then halves, on a grid that all runs and arms share. The knee is of a run; its interval is over
// runs. All writes of all rates are read back when the last point has ended.
//
// # The election study
//
// RunElections is apart: it simulates Figure 16 of the Raft paper with package election, in virtual time, and starts no
// process. The scenario elections-real has the processes.
//
// # Invariants
//
//  1. Outages are computed from acknowledgements only. No timeout and no latency of an operation enters
//     them (trap T12).
//  2. An operation that did not succeed never lowers a latency, a debt or an outage.
//  3. Whatever happens, no process outlives Run, and nothing that was measured is deleted. The nodes'
//     data is removed after a run that ended well and was found safe.
//  4. Runs of one number have the same seed in all arms: the same arrivals, keys, order and instants of
//     faults.
//
// # The arm's clock
//
// Records count microseconds on the arm's clock, which runs only while the arm does: see armClock. Within a
// run it is the machine's monotonic clock, which all processes share, less a constant that the run's first
// event tells.
package bench
