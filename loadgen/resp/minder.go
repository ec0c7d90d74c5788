package resp

import (
	"time"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/loadgen"
)

// mindInterval is the minder's pace while a leader serves: deadlines are met to within it.
const mindInterval = 10 * time.Millisecond

// mind gives up what is too late, lets go what was delayed, and finds the leader.
func (t *Target) mind() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-t.kick:
		case <-timer.C:
		}
		now := t.clock.Now()
		nodes := t.known()
		for _, n := range nodes {
			for _, c := range n.conns {
				c.expire(now)
			}
		}
		t.expireWaiting(now)
		delayed := t.releaseDelayed(now)
		searching := t.search(nodes, now)
		t.drainWaiting()
		pace := mindInterval
		if delayed || searching {
			pace = t.opts.ProbeInterval
		}
		timer.Reset(pace)
	}
}

// kickMinder makes the minder look at once.
func (t *Target) kickMinder() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// pause sleeps for d, or until the target closes.
func (t *Target) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}

// expireWaiting ends what waited to its deadline: it was never applied.
func (t *Target) expireWaiting(now time.Duration) {
	if t.waitingN.Load() == 0 {
		return
	}
	t.mu.Lock()
	var expired []*call
	kept := t.waiting[:0]
	for _, c := range t.waiting {
		if c.op.Deadline <= now {
			t.waitingBytes -= c.bytes()
			expired = append(expired, c)
			continue
		}
		kept = append(kept, c)
	}
	clear(t.waiting[len(kept):])
	t.waiting = kept
	t.waitingN.Store(int64(len(kept)))
	t.mu.Unlock()
	for _, c := range expired {
		t.end(c, loadgen.Failed, late(c.op), now)
	}
}

// releaseDelayed moves calls whose back-off is over to those that wait. It returns whether any is left.
func (t *Target) releaseDelayed(now time.Duration) bool {
	t.mu.Lock()
	var due []*call
	kept := t.delayed[:0]
	for _, c := range t.delayed {
		if c.retryAt <= now || c.op.Deadline <= now {
			due = append(due, c)
			continue
		}
		kept = append(kept, c)
	}
	clear(t.delayed[len(kept):])
	t.delayed = kept
	t.mu.Unlock()
	for _, c := range due {
		t.again(c, now)
	}
	return len(kept) > 0
}

// search asks the nodes who leads, when that is not known or in doubt. It returns whether it is.
func (t *Target) search(nodes []*node, now time.Duration) bool {
	leader := t.leader.Load()
	if leader != nil {
		var silent time.Duration
		for _, c := range leader.conns {
			silent = max(silent, c.silentFor(now))
		}
		t.suspect.Store(silent > t.opts.SuspectAfter)
		if silent <= t.opts.SuspectAfter {
			return false
		}
	}
	for _, n := range nodes {
		if n != leader {
			t.probe(n, now)
		}
	}
	return true
}

// probe asks n for a key, unless it owes the answer already or was asked less than the probe interval ago.
func (t *Target) probe(n *node, now time.Duration) {
	if now-time.Duration(n.probedAt.Load()) < t.opts.ProbeInterval || !n.probing.CompareAndSwap(false, true) {
		return
	}
	n.probedAt.Store(int64(now))
	if !n.push(new(call), now) {
		n.probing.Store(false)
	}
}

// probed takes the answer of n to a probe.
func (t *Target) probed(n *node, reply redcon.RESP, now time.Duration) {
	n.probing.Store(false)
	switch classify(reply) {
	case served, refused: // refused: then the operations shall say so
		t.follow(n, now)
	case moved:
		if addr := movedTo(reply.Data, n.addr); addr != "" {
			t.nodeAt(addr)
		}
	case leaderless, tryAgain, unknown:
	}
}

// follow makes n the leader, unless another serves already.
func (t *Target) follow(n *node, now time.Duration) {
	old := t.leader.Load()
	if old == n || old != nil && !t.suspect.Load() || !t.leader.CompareAndSwap(old, n) {
		return
	}
	if old != nil {
		t.suspect.Store(false)
		for _, c := range old.conns {
			c.reclaimReads(now)
		}
	}
	t.drainWaiting()
}

// letGo ends the leadership of n, if it is the one followed, and starts the search.
func (t *Target) letGo(n *node) {
	if t.leader.CompareAndSwap(n, nil) {
		t.kickMinder()
	}
}
