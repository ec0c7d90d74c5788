package kv

import "github.com/raftmark/raftmark/storage"

// Tables returns what the engine did since it was opened, by OpenPebble or by Restore; nothing after Close.
func (m *Pebble) Tables() (work storage.TableWork) {
	if m.enter() != nil {
		return work
	}
	defer m.mu.RUnlock()
	_ = m.engine(func() error { // which keeps its error
		metrics := m.db.Metrics()
		work = storage.TableWork{Flushes: uint64(metrics.Flush.Count), Merges: uint64(metrics.Compact.Count)}
		return nil
	})
	return work
}
