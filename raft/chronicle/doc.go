// Package chronicle keeps what happens in a cluster whose servers, network and time are in one hand: who was what when,
// and which message left and arrived when. Space-time diagrams are drawn from it.
//
//	raft/sim, raft/rafttest ──► Recorder ──► Record{Messages, Steps, Rows}
//
// Smallest use:
//
//	r := &chronicle.Recorder{}
//	r.At(5 * time.Millisecond)
//	id := r.Send(&m)
//	r.At(6 * time.Millisecond)
//	r.Receive(id)
//	record := r.Record()
//
// What holds:
//
//  1. A nil Recorder takes everything and keeps nothing, so that what is watched has no branch for it.
//  2. Time never goes back. In a simulation it is the simulated one; in a script, where there is none, each step is a
//     row and takes one nanosecond.
//  3. At most MessagesMax messages and StepsMax steps are kept; what comes later is counted in Record.Left.
//
// It records what it is told, and does not judge it: the checkers do.
package chronicle
