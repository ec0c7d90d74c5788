package replica

import (
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Proposal is a command on its way to the state machine. The caller fills Data and Done and hands it to
// [Replica.Propose]; the replica owns it until Done is called, exactly once.
type Proposal struct {
	// Data is the command; it becomes part of the log and must not be written to afterwards. At most
	// raft.EntryDataBytesMax bytes.
	Data []byte
	// Done takes the outcome from one of the replica's goroutines; it must not block. With Err nil the
	// command is committed, durable on a majority, and applied here with Result. With Definite(Err) it was
	// not and will not be applied. With any other Err the outcome is unknown.
	Done func(*Proposal)

	Result []byte
	Err    error
	// ID is the entry that carried the command; zero when it never was in a log.
	ID raft.EntryID

	proposed time.Duration // when, by the replica's clock; 0 without a trace
}

// waiter is a proposal of [Replica.ProposeWait], which is used again. It goes back to the pool only when its Done was
// received: from then on the replica does not touch it. Who stops waiting before that leaves it to the replica.
type waiter struct {
	proposal Proposal
	done     chan struct{} // capacity 1
}

func newWaiter() *waiter {
	w := &waiter{done: make(chan struct{}, 1)}
	w.proposal.Done = func(*Proposal) { w.done <- struct{}{} }
	return w
}

// complete ends the proposal, which is the caller's again.
func (p *Proposal) complete(err error) {
	p.Err = err
	p.Done(p)
}

// size is what the proposal counts against every cap in bytes.
func (p *Proposal) size() int { return len(p.Data) + raft.EntryOverheadBytes }

func sizeOf(proposals []*Proposal) int {
	size := 0
	for _, p := range proposals {
		size += p.size()
	}
	return size
}
