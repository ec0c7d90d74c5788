package etcdraft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/raftmark/raftmark/bench/peers/local"
)

const (
	tick          = 10 * time.Millisecond
	sizePerMsg    = 1 << 20
	inflightMsgs  = 256
	inflightBytes = 64 << 20
	keepEntries   = 200_000 // of the log, behind what is applied
	compactEvery  = 50_000
)

var (
	errDropped = errors.New("not the leader: the command was dropped")
	errUnknown = errors.New("the leader stopped leading: whether the command was committed is not known")
	errStopped = errors.New("the node was stopped")
)

// node is one member: a RawNode, its log and its connections.
type node struct {
	id      uint64
	raw     *raft.RawNode
	log     *log
	kept    *local.Kept
	senders map[uint64]*sender
	in      *receiver
	work    sync.WaitGroup
	wake    chan struct{} // capacity 1
	stop    chan struct{}
	appends *queue
	applies *queue

	mu        sync.Mutex
	messages  []*pb.Message // to be stepped
	proposals []proposal
	broken    []uint64 // peers that could not be reached
	applied   uint64
	leads     bool // and has committed in its term
	err       error
	waiting   map[uint64]chan error // by number
	next      uint64
}

type proposal struct {
	number uint64
	data   []byte
}

// queue takes local messages for one goroutine.
type queue struct {
	mu     sync.Mutex
	more   sync.Cond
	items  []*pb.Message
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.more.L = &q.mu
	return q
}

func (q *queue) put(m *pb.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, m)
	q.more.Signal()
}

// take returns all that waits; false when the queue was closed.
func (q *queue) take(into []*pb.Message) ([]*pb.Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.more.Wait()
	}
	clear(into)
	into, q.items = q.items, into[:0]
	return into, !q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Signal()
}

// startNode opens the log and starts all goroutines.
func startNode(c config, id uint64) (*node, error) {
	l, err := openLog(c.dir(id), c.voters())
	if err != nil {
		return nil, err
	}
	n := &node{
		id: id, log: l, kept: local.NewKept(c.Keep), senders: map[uint64]*sender{}, wake: make(chan struct{}, 1),
		stop: make(chan struct{}), appends: newQueue(), applies: newQueue(), waiting: map[uint64]chan error{},
	}
	first, err := l.FirstIndex()
	if err == nil {
		n.applied = first - 1
		n.raw, err = raft.NewRawNode(&raft.Config{
			ID: id, ElectionTick: int(c.ElectionMin / tick), HeartbeatTick: max(1, int(c.Heartbeat/tick)),
			Storage: l, Applied: first - 1, AsyncStorageWrites: true, MaxSizePerMsg: sizePerMsg,
			MaxCommittedSizePerReady: inflightBytes, MaxInflightMsgs: inflightMsgs, MaxInflightBytes: inflightBytes,
			CheckQuorum: true, PreVote: true, Logger: &raft.DefaultLogger{Logger: stdlog.New(io.Discard, "", 0)},
		})
	}
	if err == nil {
		n.in, err = listen(c.addresses[id-1], n.step)
	}
	if err != nil {
		return nil, errors.Join(err, l.db.Close())
	}
	for _, peer := range c.voters() {
		if peer == id {
			continue
		}
		s := newSender(c.addresses[peer-1], func() { n.unreachable(peer) })
		n.senders[peer] = s
		n.work.Go(s.run)
	}
	n.work.Go(n.in.run)
	n.work.Go(n.run)
	n.work.Go(n.runAppends)
	n.work.Go(n.runApplies)
	return n, nil
}

func (n *node) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// step has the loop step messages.
func (n *node) step(messages []*pb.Message) {
	n.mu.Lock()
	n.messages = append(n.messages, messages...)
	n.mu.Unlock()
	n.signal()
}

func (n *node) unreachable(peer uint64) {
	n.mu.Lock()
	n.broken = append(n.broken, peer)
	n.mu.Unlock()
	n.signal()
}

// propose returns the channel on which the outcome comes.
func (n *node) propose(data []byte) (number uint64, done chan error, err error) {
	done = make(chan error, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return 0, nil, n.err
	}
	n.next++
	number = n.next
	n.waiting[number] = done
	n.proposals = append(n.proposals, proposal{number, data})
	n.signal()
	return number, done, nil
}

// forget drops a proposal that nobody waits for any more.
func (n *node) forget(number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.waiting, number)
}

// An entry begins with the node that proposed it and the number it gave.
func (p proposal) entry(id uint64) *pb.Entry {
	data := make([]byte, 0, 16+len(p.data))
	data = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(data, id), p.number)
	return &pb.Entry{Data: append(data, p.data...)}
}

func (n *node) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var messages []*pb.Message
	var proposals []proposal
	compacted := n.applied
	for {
		select {
		case <-n.stop:
			return
		case <-ticker.C:
			n.raw.Tick()
		case <-n.wake:
		}
		n.mu.Lock()
		clear(messages)
		clear(proposals)
		messages, n.messages = n.messages, messages[:0]
		proposals, n.proposals = n.proposals, proposals[:0]
		broken, applied := n.broken, n.applied
		n.broken = nil
		n.mu.Unlock()
		for _, peer := range broken {
			n.raw.ReportUnreachable(peer)
		}
		for _, m := range messages {
			_ = n.raw.Step(m) // what does not fit is dropped, as from a network
		}
		n.proposeAll(proposals)
		for n.raw.HasReady() {
			n.handle(n.raw.Ready())
		}
		n.noteRole(applied)
		if applied > compacted+keepEntries+compactEvery {
			compacted = n.compact(applied - keepEntries)
		}
	}
}

// proposeAll proposes what waits at once.
func (n *node) proposeAll(proposals []proposal) {
	if len(proposals) == 0 {
		return
	}
	m := &pb.Message{Type: pb.MsgProp.Enum(), From: new(n.id), Entries: make([]*pb.Entry, len(proposals))}
	for i, p := range proposals {
		m.Entries[i] = p.entry(n.id)
	}
	if n.raw.BasicStatus().RaftState == raft.StateLeader && n.raw.Step(m) == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range proposals {
		n.answer(p.number, errDropped)
	}
}

// answer ends a proposal. The lock is held.
func (n *node) answer(number uint64, err error) {
	if done, ok := n.waiting[number]; ok {
		delete(n.waiting, number)
		done <- err
	}
}

// handle gives the messages of a Ready to those they are for.
func (n *node) handle(ready raft.Ready) {
	for _, m := range ready.Messages {
		switch to := m.GetTo(); to {
		case raft.LocalAppendThread:
			n.appends.put(m)
		case raft.LocalApplyThread:
			n.applies.put(m)
		default:
			if s, ok := n.senders[to]; ok {
				s.send(m)
			}
		}
	}
}

// noteRole remembers whether the node serves, and ends what waits when it stops leading.
func (n *node) noteRole(applied uint64) {
	status := n.raw.BasicStatus()
	leads := status.RaftState == raft.StateLeader
	serves := false
	if leads {
		term, err := n.log.Term(applied)
		serves = err == nil && term == status.GetTerm()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.leads = serves
	if leads {
		return
	}
	for number := range n.waiting {
		n.answer(number, errUnknown)
	}
}

// compact removes what all followers have, up to index.
func (n *node) compact(index uint64) uint64 {
	for _, p := range n.raw.Status().Progress { // of a leader only
		index = min(index, p.Match)
	}
	if first, err := n.log.FirstIndex(); err != nil || index < first {
		return index
	}
	if err := n.log.compact(index); err != nil {
		n.fail(fmt.Errorf("compact the log: %w", err))
	}
	return index
}

func (n *node) runAppends() {
	var messages []*pb.Message
	for {
		var ok bool
		if messages, ok = n.appends.take(messages); !ok {
			return
		}
		if err := n.log.write(messages); err != nil {
			n.fail(fmt.Errorf("write the log: %w", err))
			return
		}
		for _, m := range messages {
			n.respond(m)
		}
	}
}

// respond delivers the messages that had to wait for m.
func (n *node) respond(m *pb.Message) {
	var own []*pb.Message
	for _, r := range m.GetResponses() {
		if s, ok := n.senders[r.GetTo()]; ok {
			s.send(r)
		} else {
			own = append(own, r)
		}
	}
	n.step(own)
}

func (n *node) runApplies() {
	var messages []*pb.Message
	for {
		var ok bool
		if messages, ok = n.applies.take(messages); !ok {
			return
		}
		for _, m := range messages {
			n.apply(m.GetEntries())
			n.respond(m)
		}
	}
}

// apply answers those who wait for the entries.
func (n *node) apply(entries []*pb.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range entries {
		n.applied = e.GetIndex()
		data := e.GetData()
		if len(data) < 16 {
			continue // of a new leader
		}
		n.kept.Apply(data[16:])
		if binary.BigEndian.Uint64(data) == n.id {
			n.answer(binary.BigEndian.Uint64(data[8:]), nil)
		}
	}
}

// fail ends the node for those who use it.
func (n *node) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return
	}
	n.err, n.leads = err, false
	for number := range n.waiting {
		n.answer(number, err)
	}
}

func (n *node) serves() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leads && n.err == nil
}

// kill ends everything; what waits to be written or sent is lost.
func (n *node) kill() error {
	n.fail(errStopped)
	n.in.close()
	for _, s := range n.senders {
		s.close()
	}
	close(n.stop)
	n.appends.close()
	n.applies.close()
	n.work.Wait()
	return n.log.db.Close()
}
