package bench

import (
	"slices"
	"sync"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// recentMax bounds what recent keeps.
const recentMax = 1 << 15

// recent is the Recorder that remembers the latest acknowledgements, so that the run loop can see when a cluster serves
// again. What is published is computed from the full trace afterwards.
type recent struct {
	mu   sync.Mutex
	ring [recentMax]acknowledgement
	n    int // recorded so far
}

type acknowledgement struct {
	done, response time.Duration
	write          bool
}

// Record implements loadgen.Recorder.
func (r *recent) Record(op *loadgen.Op) {
	if op.Outcome != loadgen.OK {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.n%recentMax] = acknowledgement{done: op.Done, response: op.Done - op.Intended, write: op.Kind == loadgen.Set}
	r.n++
}

// wroteSince says whether a write was acknowledged at or after t.
func (r *recent) wroteSince(t time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := r.n - 1; i >= max(0, r.n-recentMax); i-- {
		a := &r.ring[i%recentMax]
		if a.done < t-time.Second { // completions are only nearly in order
			return false
		}
		if a.write && a.done >= t {
			return true
		}
	}
	return false
}

// window returns the number of acknowledgements at or after t, and the 99th percentile of their response times.
func (r *recent) window(t time.Duration) (n int, p99 time.Duration) {
	r.mu.Lock()
	var responses []time.Duration
	for i := r.n - 1; i >= max(0, r.n-recentMax); i-- {
		a := &r.ring[i%recentMax]
		if a.done < t-time.Second {
			break
		}
		if a.done >= t {
			responses = append(responses, a.response)
		}
	}
	r.mu.Unlock()
	if len(responses) == 0 {
		return 0, 0
	}
	slices.Sort(responses)
	return len(responses), responses[rank(len(responses), 0.99)]
}
