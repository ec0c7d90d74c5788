// Package etcd runs whole etcd servers in this process, and puts through clientv3.
//
//	Propose ──► one of 16 clients ──gRPC, loopback──► the leader's server ──► raft, WAL ──► bbolt (MVCC) ──► answer
//
// It is the only peer that is measured as a product: gRPC, authentication hooks, leases, MVCC and a B+ tree are in its
// figures, and in nobody else's. See docs/peers/etcd.md.
package etcd
