package pebble

import "github.com/raftmark/raftmark/storage"

// Tables returns what the engine did since the log was opened; nothing after Close.
func (l *Log) Tables() storage.TableWork {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed || l.panicked {
		return storage.TableWork{}
	}
	m := l.db.Metrics()
	return storage.TableWork{Flushes: uint64(m.Flush.Count), Merges: uint64(m.Compact.Count)}
}
