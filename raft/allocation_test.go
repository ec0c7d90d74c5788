//go:build !race

package raft_test

import (
	"runtime"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The race detector allocates too, so these tests are run apart from the others (make test does).

// TestReplicationAllocatesNothingPerEntry guards what the benchmark measures: all slices of the way are
// used again.
func TestReplicationAllocatesNothingPerEntry(t *testing.T) {
	n := newTrio(t, raft.Config{TailEntriesMax: 64})
	entries, data := make([]raft.Entry, 1), make([]byte, 128)
	step := func() {
		entries[0] = raft.Entry{Data: data}
		n.cores[0].Propose(entries)
		n.settle(t)
	}
	for range 1000 {
		step()
	}
	if got := testing.AllocsPerRun(5000, step); got > 0 {
		t.Errorf("%v allocations for each entry in three cores, want 0", got)
	}
}

// TestDecodeConfigurationAllocatesWithItsInput: what is allocated is bounded by what came, not by what it says.
func TestDecodeConfigurationAllocatesWithItsInput(t *testing.T) {
	for name, src := range map[string][]byte{
		"64 members": {1, 64, 64}, "an endless address": {1, 1, 1, 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"endless members": {1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const runs = 1000
		for range runs {
			if _, err := raft.DecodeConfiguration(src); err == nil {
				t.Fatalf("%s: decoded", name)
			}
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > uint64(2*len(src)+4096) {
			t.Errorf("%s: %d bytes are allocated for %d", name, got, len(src))
		}
	}
}
