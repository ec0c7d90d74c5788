package replica

import (
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func TestKeptEntriesAreFewWhenTheyAreLarge(t *testing.T) {
	trigger := newCompactionTrigger(Options{SnapshotLogBytes: 1 << 20}.WithDefaults())
	for _, c := range []struct {
		size logSize
		want raft.Index
	}{
		{logSize{}, 4096},
		{logSize{entries: 100_000, bytes: 6_400_000}, 4096},
		{logSize{entries: 1000, bytes: 1000 << 10}, 512},
		{logSize{entries: 2, bytes: 32 << 20}, 0},
	} {
		if got := trigger.kept(c.size); got != c.want {
			t.Errorf("%+v: %d entries are kept, want %d", c.size, got, c.want)
		}
	}
	off := newCompactionTrigger(Options{SnapshotLogBytes: SnapshotOff, SnapshotKeepEntries: SnapshotKeepNone})
	if !off.off || off.kept(logSize{entries: 1, bytes: 1}) != 0 {
		t.Errorf("got %+v, want it off and nothing kept", off)
	}
}
