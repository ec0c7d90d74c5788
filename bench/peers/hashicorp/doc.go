// Package hashicorp puts github.com/hashicorp/raft with raft-wal behind bench.System.
//
//	Propose ──► Raft.Apply ──► WAL (one segment write, one sync a batch) ──► NetworkTransport, TCP ──► FSM.ApplyBatch
//
// Each node has a log on files with the cache in front of it that the products of its makers have, and a state machine
// that keeps nothing. See docs/peers/hashicorp-raft.md for each setting and why.
package hashicorp
