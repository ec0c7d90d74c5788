// Command raftmark-peers measures other Raft libraries beside raftmark and the floor, with one driver, and renders the
// ordinary report.
//
//	raftmark-peers [--proposers 1,8,64,256,1024] [--payload 128B,1KiB] [--runs 3] [--duration 1s] [--trials 10] [-o DIR]
//
// Each run goes through all systems, forwards and then backwards. For each it measures the closed loop, an open loop of
// 5,000/s and 20,000/s, and the outage after an abrupt stop of the leader. It exits as raftmark bench does: 0 ok, 1 run
// error, 2 usage, 5 invalid measurement.
//
// It also offers load to an etcd cluster that runs, as raftmark load does to a server of the Redis protocol, and prints
// the same:
//
//	$ raftmark-peers load --etcd 127.0.0.1:2379,127.0.0.1:22379,127.0.0.1:32379 -r 5000/s -d 10s
package main
