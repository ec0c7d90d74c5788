// Package floor is a replicated log with nothing but physics: the denominator of every figure of a system that is more.
//
//	Propose ──► batch of what waits ──┬──► own file, one sync for all that waits ──┐
//	                                  └──► TCP ──► a follower's file, the same ────┴──► a majority has it: done
//
// Smallest use:
//
//	log, err := floor.Start(floor.Options{Dir: dir})
//	err = log.Propose(ctx, data) // durable on a majority
//	err = log.Close()
//
// What it does is what every log that promises as much must do: each node writes what it is given to a file that was
// written before (so that a sync has no metadata to write), with one sync for all that came during the one before; the
// three disks work at the same time; loopback TCP carries the batches; a command is done when the files of a majority
// have it.
//
// What it leaves out is the rest: terms, elections, votes, checks, an index, a log that can be read, one that ends. The
// file is written round and round. So it cannot lose a leader, and nothing may be built on it. A system at 0.9 of this
// floor spends a tenth on being a system.
//
// It does not pace, measure or report: the bench's closed loop does, as with any other system.
package floor
