package bench

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
)

// durabilityAxis sets the log and its sync from the class of what an acknowledged write has behind it: fsync, none or
// mem.
type durabilityAxis struct{ scenario *Scenario }

// UnmarshalText sets both.
func (d durabilityAxis) UnmarshalText(text []byte) error {
	switch result.Durability(text) {
	case result.DurabilityFsync:
		d.scenario.Log, d.scenario.Sync = server.StoragePebble, string(storage.SyncFsync)
	case result.DurabilityNone:
		d.scenario.Log, d.scenario.Sync = server.StoragePebble, string(storage.SyncNone)
	case result.DurabilityMem:
		d.scenario.Log, d.scenario.Sync = server.StorageMem, string(storage.SyncFsync)
	default:
		return fmt.Errorf("%q is not a class such as fsync, none or mem", text)
	}
	return nil
}
