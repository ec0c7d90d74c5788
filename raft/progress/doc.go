// Package progress is what a leader knows of one follower: how far their logs agree, what to send next, and
// how much is on its way.
//
//	          accepted                     rejected
//	Probe ───────────────▶ Replicate ─────────────────▶ Probe ──────────▶ Snapshot
//	one message at a time    pipelined, bounded by the Window   fell behind the log
//
// In Probe the leader looks for the point where the logs agree (§5.3) and has one message in flight. In
// Replicate it advances Next as it sends, without waiting (pipelining, thesis §10.2.1); a lost message
// shows as a rejection of the one after it.
//
// In Snapshot the follower needs entries that are no longer in the log (§7); package raft streams it a
// snapshot, and the state ends with an acknowledgement that the log reaches again.
//
// An adaptive window (an option) holds fewer messages for a follower that keeps pace, which makes larger
// batches, and more for one that lags (rabbitmq/ra does so).
//
// Positions are plain numbers here, so that this package knows nothing of terms and entries.
//
// Invariant: Match < Next. (Log Matching, §5.3)
//
// Invariant: Window.Last() < Next; the window is empty in Probe and Snapshot.
package progress
