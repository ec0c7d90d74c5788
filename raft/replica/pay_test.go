package replica

import (
	"errors"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The applier's queue is closed beside the loop: what the loop wants applied in that turn has nobody else to end it.
func TestProposalsAreCompletedWhenTheApplierEndsDuringATurn(t *testing.T) {
	l := &loop{Replica: &Replica{applies: newQueue[applyTask]()}}
	var outcomes []error
	l.pending = []*Proposal{{
		ID:   raft.EntryID{Term: 1, Index: 1},
		Done: func(p *Proposal) { outcomes = append(outcomes, p.Err) },
	}}
	l.ready.Apply = []raft.Apply{{Upto: 1}}
	l.applies.close()
	l.pay()
	if len(outcomes) != 1 || !errors.Is(outcomes[0], ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown once", outcomes)
	}
}
