package sim

import "github.com/raftmark/raftmark/raft"

type readQueue struct{}

func (w *world) takeReads(*node, *raft.Ready) {}

func (w *world) serveRead(*node, *op, int) bool { return false }

func (w *world) setClock(*node, int64) {}

func (w *world) takeSnapshots(*node, *raft.Ready) {}

func (w *world) elected(*node) {}
