// Package loadcommand is the load command, whatever the load is offered to: raftmark load speaks the Redis protocol,
// and raftmark-peers load the one of etcd. Flags, schedules, workloads, verdicts and what is printed are the same.
//
//	flags ──► loadgen.Options ──► loadgen.Generator ──► Target (of the Destination)
//	                                     │
//	                                     └──► Report: text or JSON, exit code; history, --verify
//
// A program gives a [Destination] and gets a command:
//
//	root.AddCommand(loadcommand.New(loadcommand.Destination{AddressFlag: "targets", ...}))
//
// The command's PreRunE checks all flags and touches nothing else, so that a test can try what a page shows.
//
// # Obligations of a Destination
//
//  1. Check finds every fault of the way and of what is asked for that Open would, without connecting.
//  2. Open returns at once; the Target connects by itself, and WaitReady says when operations would be served.
//  3. Settings are the effective ones, and can be marshalled as JSON: whoever reads the result can repeat it.
package loadcommand
