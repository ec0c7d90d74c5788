// Package loadgen is pure knowledge of load: when an operation is due, what it does, how it ended and how
// long a user would have waited. It knows no protocol and no server; a [Target] executes, a [Recorder]
// keeps.
//
//	Schedule ──due──► Generator ──Op──► Target (RESP, in process, ...)
//	const, poisson,       ▲                  │
//	step, ramp            │                  │
//	Workload ──what──►────┤                  │ done(Op)
//	get, set, incr, cas   │                  │
//	                      └── Counters ◄─────┴──► Recorder: Histograms, Trace, Tee
//
// # Smallest use
//
//	histograms := loadgen.NewHistograms()
//	g, err := loadgen.New(loadgen.Options{Rate: 5000, Duration: 10 * time.Second}, target, histograms)
//	err = g.Run(ctx)
//	fmt.Println(histograms.Stats().ResponseUs.P99)
//
// # Obligations of the caller
//
//  1. Run is called once. It returns when every operation has ended, or with [ErrStuck].
//  2. The Target stays open until Run has returned, and is closed by the caller.
//  3. Record copies what it keeps: the Op and its bytes are used again after it returned.
//
// # Invariants
//
//  1. Every operation of the schedule ends exactly once: ok, failed, unknown or shed. None is skipped.
//  2. Intended is the schedule's instant, whatever the generator, the target or the cluster did
//     meanwhile. A late operation is sent at once and its lateness counts as response time.
//  3. What operation n does is a function of the seed and n alone; so is when it is due. But a CAS expects the value
//     that the generator last saw under its key, and is a SET where it has seen none.
//  4. The measured phase starts with a fresh schedule: what the warm-up could not send is not sent after
//     it. The warm-up has the rate that the schedule begins with.
//  5. Counters and values have keys of their own: what INCR counts in is a number, and every other value written begins
//     with an id that is written once.
//
// # How latencies count
//
// Response is Done - Intended (what a user sees), service is Done - Sent (from the first attempt that was
// given to a socket, all further ones included), send lag is Dispatched - Intended (the generator's own
// lateness). Between Dispatched and Sent an operation waits in the client, for a leader or a connection
// with room. An operation that did not end ok enters the response histogram as a censored sample at its
// last known age or at its deadline, whichever is longer: its user waited at least that long for nothing.
// So errors, timeouts and shed operations can only raise a percentile. What is beyond the histogram's range
// is counted in Capped.
//
// # What it does not do
//
// It opens no sockets, writes no files, draws nothing and judges no cluster; [Stats.Invalid] judges the
// generator only: its lateness, the pauses of its collector and the steps of its clock (see [Self]).
package loadgen
