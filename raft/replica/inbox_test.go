package replica

import (
	"errors"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func TestInboxRefusesAtEntriesCap(t *testing.T) {
	in := newInbox(2, 1<<20)
	for i := range 2 {
		if err := in.propose(&Proposal{}); err != nil {
			t.Fatalf("proposal %d of 2: %v", i, err)
		}
	}
	if err := in.propose(&Proposal{}); !errors.Is(err, ErrBusy) {
		t.Errorf("third proposal of 2: got %v, want ErrBusy", err)
	}
}

func TestInboxRefusesAtBytesCap(t *testing.T) {
	in := newInbox(1000, 100)
	if err := in.propose(&Proposal{Data: make([]byte, 100)}); err != nil {
		t.Fatal(err)
	}
	if err := in.propose(&Proposal{}); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	var w work
	in.take(&w)
	if err := in.propose(&Proposal{}); err != nil {
		t.Errorf("after the loop took everything: %v", err)
	}
}

func TestInboxDropsAndCountsMessagesAtCap(t *testing.T) {
	in := newInbox(3, 1<<20)
	for range 5 {
		in.deliver(raft.Message{Kind: raft.MsgHeartbeat})
	}
	var w work
	in.take(&w)
	if len(w.messages) != 3 || in.droppedMessages() != 2 {
		t.Errorf("got %d messages and %d dropped, want 3 and 2", len(w.messages), in.droppedMessages())
	}
}

func TestInboxDropsMessagesAtBytesCap(t *testing.T) {
	in := newInbox(1000, 1000)
	in.deliver(raft.Message{Kind: raft.MsgAppend, Span: raft.Span{Encoded: make([]byte, 600)}})
	in.deliver(raft.Message{Kind: raft.MsgSnapshot, Chunk: &raft.Chunk{Data: make([]byte, 400)}})
	in.deliver(raft.Message{Kind: raft.MsgHeartbeat})
	var w work
	in.take(&w)
	if len(w.messages) != 2 || in.droppedMessages() != 1 {
		t.Errorf("got %d messages and %d dropped, want 2 and 1", len(w.messages), in.droppedMessages())
	}
}

func TestClosedInboxRefusesEverything(t *testing.T) {
	in := newInbox(3, 1<<20)
	in.close()
	if err := in.propose(&Proposal{}); !errors.Is(err, raft.ErrClosed) || !Definite(err) {
		t.Errorf("got %v, want ErrClosed, which is definite", err)
	}
	if in.post(func(*work) { t.Error("posted to a closed inbox") }) {
		t.Error("a closed inbox took a completion")
	}
}

func TestTakeSwapsAndForgets(t *testing.T) {
	in := newInbox(10, 1<<20)
	first := &Proposal{}
	_ = in.propose(first)
	var w work
	in.take(&w)
	if len(w.proposals) != 1 || w.proposals[0] != first {
		t.Fatalf("got %v", w.proposals)
	}
	held := w.proposals[:1]
	in.take(&w)
	if len(w.proposals) != 0 || held[0] != nil {
		t.Errorf("the batch before is still held: %v", held)
	}
}
