package replica

import (
	"github.com/raftmark/raftmark/raft"
)

// fetched is a Fetch paid.
type fetched struct {
	fetch raft.Fetch
	span  raft.Span
	err   error
}

// runFetcher reads what slow followers lack from the log, beside the loop. At most one fetch a follower is
// under way.
func (r *Replica) runFetcher() {
	defer r.running.Done()
	var fetches []raft.Fetch
	for {
		var ok bool
		if fetches, ok = r.fetches.take(fetches); !ok {
			return
		}
		for _, f := range fetches {
			span, err := r.log.Read(f.After, f.Upto, f.BytesMax)
			if err != nil {
				r.logger.Warn("read the log for a slow follower", "peer", f.To, "index", f.After, "err", err)
			}
			r.inbox.post(func(w *work) { w.fetched = append(w.fetched, fetched{fetch: f, span: span, err: err}) })
		}
	}
}
