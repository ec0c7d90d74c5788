// Package progress is what a leader knows of one follower: how far their logs agree, what to send next, and
// how much is on its way.
//
//	          accepted                     rejected
//	Probe ───────────────▶ Replicate ─────────────────▶ Probe
//	one message at a time    pipelined, bounded by the Window
//
// In Probe the leader looks for the point where the logs agree (§5.3) and has one message in flight. In
// Replicate it advances Next as it sends, without waiting (pipelining, thesis §10.2.1); a lost message
// shows as a rejection of the one after it.
//
// Positions are plain numbers here, so that this package knows nothing of terms and entries.
//
// Invariant: Match < Next. (Log Matching, §5.3)
//
// Invariant: Window.Last() < Next; the window is empty in Probe.
package progress
