package resp

import (
	"sync"

	"github.com/raftmark/raftmark/internal/invariant"
)

// Footprint says which part of the state a late call reads: enough to know who must wait for it. The zero Footprint is
// all of it.
type Footprint struct {
	one    bool
	bucket uint8
}

// FootprintOf returns the footprint of one key.
func FootprintOf(key []byte) Footprint {
	h := uint32(2166136261) // FNV-1a
	for _, b := range key {
		h = (h ^ uint32(b)) * 16777619
	}
	return Footprint{one: true, bucket: uint8(h ^ h>>8 ^ h>>16 ^ h>>24)}
}

// lateCalls counts the late calls that are not rendered yet, by footprint. It is guarded by the connection's mutex.
type lateCalls struct {
	rendered sync.Cond // there are fewer, or the connection is gone
	all      int
	whole    int // of all, those of the zero Footprint
	buckets  [256]uint32
}

func (l *lateCalls) add(call *Call) {
	if !call.late {
		return
	}
	l.all++
	if call.reads.one {
		l.buckets[call.reads.bucket]++
	} else {
		l.whole++
	}
}

func (l *lateCalls) remove(call *Call) {
	if !call.late {
		return
	}
	call.late = false
	l.all--
	if call.reads.one {
		l.buckets[call.reads.bucket]--
	} else {
		l.whole--
	}
}

func (l *lateCalls) overlaps(f Footprint) bool {
	if !f.one {
		return l.all > 0
	}
	return l.whole > 0 || l.buckets[f.bucket] > 0
}

// BeginLate is Begin for a request whose reply is made when its turn has come: after Complete, and when all replies
// before it were rendered. So it sees what the requests before it did. That it does not see what those after it do is
// for [Conn.AwaitLate]. Its reply takes no room before.
func (c *Conn) BeginLate(call *Call, r Replier, bytes int, reads Footprint) bool {
	invariant.Check(call.conn == nil, "a call was begun twice")
	call.late, call.reads = true, reads
	return c.begin(call, r, bytes)
}

// AwaitLate blocks until the replies of all late calls that overlap with changes are rendered: what begins then is not
// seen by them. It returns at once when there are none, and when the connection is gone.
func (c *Conn) AwaitLate(changes Footprint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.broken && c.late.overlaps(changes) {
		c.late.rendered.Wait()
	}
}

// rendered says that the replies of calls exist, though they may not be written yet.
func (c *Conn) rendered(calls []*Call) {
	late := false
	for _, call := range calls {
		late = late || call.late
	}
	if !late {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range calls {
		c.late.remove(call)
	}
	c.late.rendered.Broadcast()
}
