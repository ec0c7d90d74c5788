package replica

import (
	"sync"

	"github.com/raftmark/raftmark/raft"
)

// inbox is where everybody leaves what the loop is to do. Producers append under a lock and wake the loop;
// the loop takes all of it at once, so that what arrives while it works is one batch.
type inbox struct {
	entriesMax, bytesMax int
	wake                 chan struct{} // capacity 1

	mu            sync.Mutex
	closed        bool
	todo          work
	proposalBytes int
	messageBytes  int
	dropped       uint64 // messages refused at the cap
}

// work is one batch.
type work struct {
	proposals    []*Proposal
	reads        []*Read
	messages     []raft.Message
	synced       raft.WriteID
	applied      raft.Index
	fetched      []fetched
	chunksRead   []chunkRead
	chunksStored []chunkStored
	installed    []raft.EntryID
	compactions  []*compaction
	peers        []peerHint
	disk         *Disk              // when told
	commands     []func(*loop)      // before the next Ready
	inspect      []func(*raft.Core) // after it
}

type peerHint struct {
	id raft.NodeID
	up bool
}

func newInbox(entriesMax, bytesMax int) *inbox {
	return &inbox{entriesMax: entriesMax, bytesMax: bytesMax, wake: make(chan struct{}, 1)}
}

// take swaps the waiting batch for the empty one in w.
func (in *inbox) take(w *work) {
	w.reset()
	in.mu.Lock()
	in.todo, *w = *w, in.todo
	in.proposalBytes, in.messageBytes = 0, 0
	in.mu.Unlock()
}

// onlyProposals reports whether proposals wait and nothing else does.
func (in *inbox) onlyProposals() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.todo.onlyProposals()
}

// close refuses everything from now on.
func (in *inbox) close() {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
}

func (in *inbox) propose(p *Proposal) error {
	in.mu.Lock()
	switch {
	case in.closed:
		in.mu.Unlock()
		return raft.ErrClosed
	case len(in.todo.proposals) >= in.entriesMax || in.proposalBytes >= in.bytesMax:
		in.mu.Unlock()
		return ErrBusy
	}
	in.todo.proposals = append(in.todo.proposals, p)
	in.proposalBytes += p.size()
	in.mu.Unlock()
	in.ring()
	return nil
}

// read takes a read, whose number is bounded already, and reports whether the loop will see it.
func (in *inbox) read(q *Read) bool {
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return false
	}
	in.todo.reads = append(in.todo.reads, q)
	in.mu.Unlock()
	in.ring()
	return true
}

func (in *inbox) deliver(m raft.Message) {
	in.mu.Lock()
	if in.closed || len(in.todo.messages) >= in.entriesMax || in.messageBytes >= in.bytesMax {
		in.dropped++
		in.mu.Unlock()
		return
	}
	in.todo.messages = append(in.todo.messages, m)
	in.messageBytes += raft.EntryOverheadBytes + len(m.Span.Encoded)
	if m.Chunk != nil {
		in.messageBytes += raft.ChunkOverheadBytes + len(m.Chunk.Data)
	}
	in.mu.Unlock()
	in.ring()
}

// post adds what is bounded by its nature: completions of what the loop itself asked for, hints,
// inspections. It reports whether the loop will see it.
func (in *inbox) post(add func(*work)) bool {
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return false
	}
	add(&in.todo)
	in.mu.Unlock()
	in.ring()
	return true
}

func (in *inbox) ring() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

func (in *inbox) droppedMessages() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.dropped
}

func (w *work) onlyProposals() bool {
	return len(w.proposals) > 0 && w.synced == 0 && w.applied == 0 && w.disk == nil &&
		len(w.reads)+len(w.messages)+len(w.fetched)+len(w.chunksRead)+len(w.chunksStored)+len(w.installed)+
			len(w.compactions)+len(w.peers)+len(w.commands)+len(w.inspect) == 0
}

// reset empties the batch and lets go of what it held.
func (w *work) reset() {
	*w = work{
		proposals: emptied(w.proposals), reads: emptied(w.reads), messages: emptied(w.messages),
		fetched: emptied(w.fetched), chunksRead: emptied(w.chunksRead), chunksStored: emptied(w.chunksStored),
		installed: w.installed[:0], compactions: emptied(w.compactions), peers: w.peers[:0],
		commands: emptied(w.commands), inspect: emptied(w.inspect),
	}
}
