package bench

import (
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/server"
)

// worker is a System that knows what its nodes did beside serving.
type worker interface {
	// Work returns the sum over the nodes that run.
	Work() server.Work
}

// workOf returns what the nodes of a system did until now, or false when it does not say.
func workOf(system System) (server.Work, bool) {
	w, ok := system.(worker)
	if !ok {
		return server.Work{}, false
	}
	return w.Work(), true
}

// openWork returns what the nodes did between two readings; nil when the system does not say.
func openWork(before server.Work, system System) *result.OpenWork {
	after, ok := workOf(system)
	if !ok {
		return nil
	}
	since := func(was, is uint64) int64 { return int64(is - min(is, was)) }
	return &result.OpenWork{
		LogFlushes: since(before.Log.Flushes, after.Log.Flushes), LogMerges: since(before.Log.Merges, after.Log.Merges),
		StateFlushes:   since(before.Machine.Flushes, after.Machine.Flushes),
		StateMerges:    since(before.Machine.Merges, after.Machine.Merges),
		LogCompactions: since(before.LogCompactions, after.LogCompactions),
		SnapshotsSent:  since(before.SnapshotsSent, after.SnapshotsSent),
	}
}
