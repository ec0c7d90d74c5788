package bench

import (
	"slices"
	"sort"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// recoveryWindow is how long clients must be served as before for a recovery to have begun; recoveryStep is its
// resolution.
const (
	recoveryWindow = 100 * time.Millisecond
	recoveryStep   = 5 * time.Millisecond
)

// recovery returns the first instant from which on the clients were served as in the steady phase, or never: the 99th
// percentile of the operations due in the window that begins there is near the steady one's, and nothing that is
// answered later has been waiting for longer than that. It is made of the recorded operations of [since, to] alone, and
// does not depend on when the bench looked.
//
// Note: what was given up is no backlog. It has its place in the tally, and in the percentile of its own window.
func (o observations) recovery(since, from, to time.Duration) time.Duration {
	limit := o.baseline.limit()
	index := func(t time.Duration) int {
		return sort.Search(len(o.entries), func(i int) bool { return o.entries[i].Intended >= t })
	}
	var slow []*loadgen.Entry
	for i, end := index(since), index(to); i < end; i++ {
		if e := &o.entries[i]; e.Outcome == loadgen.OK && e.Done-e.Intended > limit {
			slow = append(slow, e)
		}
	}
	for at := from; at+recoveryWindow <= to; at += recoveryStep {
		if slices.ContainsFunc(slow, func(e *loadgen.Entry) bool { return e.Intended+limit < at && e.Done > at }) {
			continue
		}
		var responses []time.Duration
		for i, end := index(at), index(at+recoveryWindow); i < end; i++ {
			responses = append(responses, responseOf(&o.entries[i]))
		}
		slices.Sort(responses)
		if n := len(responses); n > 0 && responses[rank(n, 0.99)] <= limit {
			return at
		}
	}
	return never
}
