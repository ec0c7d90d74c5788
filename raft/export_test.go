package raft

// Held is what a core holds in memory, for tests.
type Held struct {
	UncommittedBytes, DiskBytes, ApplyBytes int
	Reads                                   int
	Inflight                                int // messages, to the follower with the most
}

// Held returns what the core holds.
func (c *Core) Held() Held {
	held := Held{
		UncommittedBytes: c.uncommittedBytes, DiskBytes: c.disk.bytes, ApplyBytes: c.applyBytes, Reads: c.reads.len(),
	}
	for i := range c.peers {
		held.Inflight = max(held.Inflight, c.peers[i].progress.Window.Len())
	}
	return held
}

// Ticks returns how often Tick was called.
func (c *Core) Ticks() uint64 { return c.ticks }
