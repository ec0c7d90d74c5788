// Package sweep tries every point at which a disk can fail or the power can go: it is what the tests named TestSweep*
// share. It is imported by tests only.
//
//	Start ──► Each(cases) ──► a history of operations on an FS ──► at operation k: crash clone, or a fault
//	                                   │                                             │
//	                               Ledger: what may be there now                 open again: is it?
//	Start's end ──► one row of the table: cases, clones, faults, outcomes, seconds
//
// The smallest use:
//
//	func TestSweepCrash(t *testing.T) {
//		s := sweep.Start(t, "log: crash at every change")
//		s.Each(s.Pick(20, 2000), func(i int) error { s.Clone(); s.Outcome("as acknowledged"); return nil })
//	}
//
// # How much is swept
//
// A sweep has two lengths: a sample, which make test takes, and all of it, with RAFTMARK_STORAGE=long in the
// environment, which make test-storage takes. Three more variables are read: RAFTMARK_STORAGE_ROWS names a folder
// where each sweep leaves its row of the table, RAFTMARK_STORAGE_UNTIL is the second of Unix time at which a sweep
// that is not ready fails, and RAFTMARK_STORAGE_CASE repeats a single case. What a case does follows from its number;
// what the engine's goroutines do beside it does not, so a failure repeats often and not always.
//
// # The disk
//
// [FS] is a file system that tells of each operation before it is done, one operation at a time, and lets it fail. A
// failed sync has lost what it was to write: later syncs of that path say that they succeeded, and sync nothing, as
// file systems do that mark pages clean after an error. So whoever tries again and goes on loses data here too.
//
// # What a component has to show
//
//  1. What it acknowledged is there after a crash; what is there is a state of the history, whole.
//  2. The same when it crashed again while it opened, and in its next life.
//  3. Undamaged data are never called damaged.
//  4. After a failed write it acknowledges nothing.
//  5. No path is synced again after a failed sync of it.
//
// # Obligations of the caller
//
//  1. Call Ledger.Begin before an operation can have an effect, and Ledger.Done only after it was acknowledged.
//  2. Count what was exercised: a sweep without cases or outcomes fails.
package sweep
