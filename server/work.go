package server

import "github.com/raftmark/raftmark/storage"

// Work is what a node did beside serving since its start.
type Work struct {
	Log, Machine   storage.TableWork // of engines that have tables
	LogCompactions uint64            // each after the state machine was made durable
	SnapshotsSent  uint64            // to followers that needed what was compacted
}

// Add returns the sum.
func (w Work) Add(other Work) Work {
	return Work{
		Log: w.Log.Add(other.Log), Machine: w.Machine.Add(other.Machine),
		LogCompactions: w.LogCompactions + other.LogCompactions, SnapshotsSent: w.SnapshotsSent + other.SnapshotsSent,
	}
}

// Work returns what the node did since its start.
func (n *Node) Work() Work {
	m := n.replica.Metrics()
	w := Work{LogCompactions: m.Compactions, SnapshotsSent: m.SnapshotsSent}
	type tables interface{ Tables() storage.TableWork }
	if engine, ok := n.log.(tables); ok {
		w.Log = engine.Tables()
	}
	if engine, ok := n.machine.(tables); ok {
		w.Machine = engine.Tables()
	}
	return w
}
