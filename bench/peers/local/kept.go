package local

import "sync"

// Kept is a state machine that remembers what it applied, for tests; nil remembers nothing, and costs nothing.
type Kept struct {
	mu      sync.Mutex
	applied map[string]bool
}

// NewKept returns one that remembers, or nil.
func NewKept(keep bool) *Kept {
	if !keep {
		return nil
	}
	return &Kept{applied: map[string]bool{}}
}

// Apply takes a command.
func (k *Kept) Apply(data []byte) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.applied[string(data)] = true
}

// Has says whether data was applied.
func (k *Kept) Has(data []byte) bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.applied[string(data)]
}
