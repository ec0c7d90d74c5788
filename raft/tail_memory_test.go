//go:build !race

package raft_test

import (
	"runtime"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func heapInUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestForgottenEntriesAreReleased: what the tail holds in memory is what it counts and little more (L7), whenever one
// looks: while it fills, while entries go through it, and when nothing comes any more. An array that only loses its
// front would keep the data of all that ever were in it.
func TestForgottenEntriesAreReleased(t *testing.T) {
	const kept, batch = 8192, 500 // no divisor of kept: the samples are at all places of an array
	l := leading(t, raft.Config{TailEntriesMax: kept})
	before := heapInUse()
	for round := range 4 * kept / batch {
		l.core.Propose(commands(batch, 1024))
		l.pay()
		l.base, l.log, l.sent = l.id(l.core.LastIndex()), nil, nil // the disk's and the network's, not the core's
		if round%3 != 0 {
			continue
		}
		held, counted := heapInUse()-before, l.core.Status().TailBytes
		// A quarter may be forgotten and not released, see raft.Config; the rest is the array itself.
		if limit := counted + counted/4 + counted/10 + 128<<10; held > limit {
			t.Fatalf("round %d: %d KiB are held for %d KiB counted, at most %d", round, held>>10, counted>>10, limit>>10)
		}
	}
	if s := l.core.Status(); s.TailEntries != kept {
		t.Fatalf("the tail has %d entries, want %d: nothing was forgotten", s.TailEntries, kept)
	}
}
