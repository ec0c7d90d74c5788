// Command raftmark-peers measures other Raft libraries beside raftmark and the floor, with one driver, and renders the
// ordinary report.
//
//	raftmark-peers [--proposers 1,8,64,256,1024] [--payload 128B,1KiB] [--runs 3] [--duration 1s] [--trials 10] [-o DIR]
//
// Each run goes through all systems, forwards and then backwards. For each it measures the closed loop, an open loop of
// 5,000/s and 20,000/s, and the outage after an abrupt stop of the leader. It exits as raftmark bench does: 0 ok, 1 run
// error, 2 usage, 5 invalid measurement.
package main
