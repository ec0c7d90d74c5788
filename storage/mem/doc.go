// Package mem is a raft log in memory that can crash: it implements replica.Log by its shape.
//
//	Append ──► now: what reads see          ──► Crash: durable, and a prefix of
//	       └─► pending batches ── sync ──► durable     the pending batches
//
// The smallest use:
//
//	log, err := mem.New(mem.Options{})
//
// With Options.ManualSync nothing becomes durable by itself: waits block until [Log.Sync], so that a test
// decides what a crash loses. [Log.Fail] makes the disk fail.
//
// # Obligations of the caller
//
//  1. Those of replica.Log.
//  2. After Crash, stop using the log that crashed, except to close it.
//
// # Invariants
//
//  1. durable is now without the pending batches; batches become durable in the order of the appends.
//  2. A wait returns nil only when its batch is in durable.
//  3. A compaction is a batch of its own. It is durable when Compact returns, and with it everything
//     appended before, as if it were written to the same disk; that is so with ManualSync too.
//
// # What it does not do
//
// It keeps the whole log in memory and has no cap of its own; compaction frees entries. It is not for
// production.
package mem
