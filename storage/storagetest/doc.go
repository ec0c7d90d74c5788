// Package storagetest is the conformance suite of raft logs: whatever implements replica.Log passes it in
// three lines.
//
//	func TestConformance(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storagetest.Disk { return newDisk(t) })
//	}
//
// A [Disk] is what a log is opened on, and what survives when the log is closed or the power fails. A disk
// that can crash runs the crash cases too:
//
//	Open ──► Append, wait, Append ──► Crash ──► Open ──► Load
//
// The suite keeps a model of the log, as dumb as possible, beside the log under test.
//
// # What a log has to show
//
//  1. What a wait has returned for survives a crash; what survives beside it is a prefix of the appends,
//     each whole.
//  2. Truncation removes exactly the entries above the span's Prev.Index, in the same batch as what
//     replaces them.
//  3. Read returns what was appended, at least one entry and no more than fit, and says ErrCompacted and
//     ErrOutOfRange.
//  4. A compaction moves the first entry and the configuration as of it, together, and keeps what
//     follows; a snapshot that the log does not hold takes the place of all of it. Both are whole or not
//     there after a crash, durable when Compact returns, and ordered after every earlier append. To at or
//     below the first entry it is nothing; against committed entries, or with a bad configuration, it is
//     refused.
//  5. Load says the same again.
//  6. A failed write or sync is the answer to everything after it.
//  7. Calls after Close say ErrClosed, and waits that were outstanding end.
//
// # What it does not do
//
// It does not damage stored bytes: what a log does about that depends on its layout, and is tested beside
// it.
package storagetest
