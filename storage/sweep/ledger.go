package sweep

import (
	"slices"
	"sync"
)

// Ledger knows which states a component may be found in if it crashed now: the newest acknowledged one, and those that
// operations under way lead to, in order.
type Ledger[S any] struct {
	mu     sync.Mutex
	states []S // Invariant: not empty; the first is acknowledged.
	gone   int // states that were before these
	failed int // number of the first state that began after the disk failed, 0: it did not
	late   int // states of those that were acknowledged
}

// NewLedger returns a ledger of a component that is in state s.
func NewLedger[S any](s S) *Ledger[S] { return &Ledger[S]{states: []S{s}} }

// Begin enters the state that the next operation leads to, and returns its number, for Done. It comes before the
// operation.
func (l *Ledger[S]) Begin(s S) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = append(l.states, s)
	return l.gone + len(l.states) - 1
}

// Done says that the state of that number, and so all before it, was acknowledged.
func (l *Ledger[S]) Done(number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed > 0 && number >= l.failed {
		l.late++
	}
	if before := number - l.gone; before > 0 {
		l.states = slices.Clone(l.states[before:])
		l.gone = number
	}
}

// Settle says that the component was opened and found in state s: so it stays.
func (l *Ledger[S]) Settle(s S) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone += len(l.states)
	l.states = []S{s}
}

// Possible returns the states that may be found after a crash now, the acknowledged one first.
func (l *Ledger[S]) Possible() []S {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.states)
}

// Fail says that the disk fails now: no state that begins later may be acknowledged.
func (l *Ledger[S]) Fail() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = l.gone + len(l.states)
}

// Late returns how many states that began after the disk had failed were acknowledged.
func (l *Ledger[S]) Late() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.late
}

// Failed reports whether the disk has failed.
func (l *Ledger[S]) Failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed > 0
}
