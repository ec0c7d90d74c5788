// Package calibrate measures what a machine can do at all, before a cluster is measured on it: a report divides by
// these numbers, and refuses to compare what was made on different ones (rule R15).
//
//		Run(ctx, Options) ──► fsync ──► loopback round trip ──► timer ──► generator ──► result.Calibration
//
//	  - fsync: a write of 512 B and an fdatasync, into a preallocated file of the data folder, one after the other.
//	  - rtt: an echo of 256 B through a loopback TCP connection, one after the other.
//	  - timer late: how late a sleep of 1 ms wakes, by the generator's own way to sleep.
//	  - generator: the operations a second of the generator and its client against a server in this process that
//	    answers at once: what no measured rate can exceed.
//
// The honesty probe: a disk whose median fsync takes under 20 µs does not wait for stable storage. The durability
// class of everything measured on it is then "volatile" (rule R20).
//
// It does not judge a result; the bench does.
package calibrate
