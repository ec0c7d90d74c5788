// Package calibrate measures what a machine can do at all, before a cluster is measured on it: a report divides by
// these numbers, and refuses to compare what was made on different ones (rule R15).
//
//		Run(ctx, Options) ──► storage ──► fsync ──► round trips ──► timer ──► generator ──► result.Calibration
//
//	  - storage: the honesty probe, see below.
//	  - fsync: a write of 512 B and an fdatasync, into a preallocated file of the data folder, one after the other.
//	  - rtt: an echo of 256 B through a loopback TCP connection, one after the other.
//	  - transports: an entry sent by the transport that the nodes have, between two ends of it in this process, and the
//	    acknowledgement back; beside it a heartbeat and its answer. It is from Send to delivery, one message under way.
//	  - timer late: how late a sleep of 1 ms wakes, by the generator's own way to sleep.
//	  - generator: the operations a second of the generator and its client against a server in this process that
//	    answers at once: what no measured rate can exceed.
//
// # The honesty probe
//
// Does a sync in the data folder keep what was written, when the power goes (rule R20)? The verdict is the first
// of these that holds:
//
//	no stable storage: why   the kernel says that it is memory: tmpfs or ramfs, by statfs's number; an overlay whose
//	                         upper layer is, or that is mounted with volatile; a RAM disk; a file system in a file
//	                         on one of these
//	suspicious: why          it is mounted with nobarrier; or an overwrite of 4 KiB and its fdatasync take less than
//	                         20 µs at the median
//	honest                   nothing speaks against it
//
// Where the 20 µs come from: of the disks whose figures we found published, the fastest, an Optane P4800X under ext4,
// takes 50 µs for a sync, and 47 µs with O_DIRECT (percona.com, "Update on fsync Performance", 2019). Any disk must be
// given a command, work on it and interrupt, to which the system calls, the page cache and the block layer come. What
// does not leave memory takes a few µs: the probe measures it beside, as the overwrite without its sync, and tmpfs
// stays below 1 µs. The bound is between the two. Persistent memory, mapped by the file system, may be faster
// and honest all the same: the verdict is then wrong, and the page shows the figures.
//
// The write cache of the device is told as the kernel sees it (queue/write_cache in sysfs): "write back" is
// flushed by each sync; with "write through" the kernel sends no flush at all and relies on the device. It decides
// nothing: both are right on the right device.
//
// What the probe cannot see: a disk that acknowledges a flush and does not do it, slowly; a hypervisor that
// ignores flushes, behind a device that takes as long as a disk would; what a network file system does at its
// other end. Honest means not caught.
//
// It does not judge a result; the bench does.
package calibrate
