package transporttest

import (
	"net"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

const (
	smallQueueMessages = 256
	smallQueueBytes    = 1 << 20
)

func smallQueues(o *transport.Options, _ *node) {
	o.QueueMessagesMax, o.FrameBytesMax, o.QueueBytesMax = smallQueueMessages, 256<<10, smallQueueBytes
}

// flood sends appends of 1 KiB to node 2 and fails when Send takes long.
func (n *node) flood(messages int) (dropped int) {
	n.env.Helper()
	span := raft.Span{Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, 1<<10)}}}
	span.Encoded = raft.AppendEntries(nil, span.Entries)
	var longest time.Duration
	for seq := range messages {
		begin := time.Now()
		m := raft.Message{Kind: raft.MsgAppend, From: n.id, To: 2, Term: 1, Span: span, Seq: uint64(seq + 1)}
		if !n.Send(m) {
			dropped++
		}
		longest = max(longest, time.Since(begin))
		if seq%32 != 0 {
			continue
		}
		lane := n.Metrics().Lanes[transport.LaneAppend]
		if lane.MessagesQueued > smallQueueMessages || lane.BytesQueued > smallQueueBytes {
			n.env.Fatalf("queue holds %d messages of %d bytes", lane.MessagesQueued, lane.BytesQueued)
		}
	}
	if longest > time.Second {
		n.env.Errorf("a Send took %v", longest)
	}
	return dropped
}

func testDead(e *env) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		e.Fatal(err)
	}
	options := e.options(1)
	smallQueues(&options, nil)
	n := e.open(options)
	n.start(map[raft.NodeID]string{1: n.addr, 2: nobody})
	refused := n.flood(5000)
	e.eventually("attempts to dial fail and the queue is dropped", func() bool {
		m := n.Metrics()
		return m.DialsFailed > 0 && m.Lanes[transport.LaneAppend].MessagesQueued == 0
	})
	m := n.Metrics()
	if got := m.Drops["disconnected"] + m.Drops["queue_full"]; got != 5000 || m.Drops["queue_full"] != uint64(refused) {
		e.Errorf("drops %v, %d sends refused; want each of 5000 messages in one of them", m.Drops, refused)
	}
}

func testStalled(e *env) {
	release := make(chan struct{})
	var once sync.Once
	e.Cleanup(func() { once.Do(func() { close(release) }) })
	nodes := e.cluster(2, func(o *transport.Options, n *node) {
		smallQueues(o, n)
		o.WriteTimeout = time.Minute
		if n != nil && n.id == 2 {
			n.onMessage = func(m raft.Message) {
				if m.Kind == raft.MsgAppend {
					<-release
				}
				n.messages <- m
			}
		}
	})
	// The network between may hold a good deal by itself.
	const burst = 2000
	for round := 0; nodes[0].flood(burst) < burst; round++ {
		if round == 200 {
			e.Fatalf("%d messages to a peer that takes none did not fill everything on the way", round*burst)
		}
	}
	for seq := uint64(1); seq <= 20; seq++ {
		nodes[0].push(heartbeat(1, 2, seq))
		if m := nodes[1].receive(); m.Kind != raft.MsgHeartbeat || m.Seq != seq {
			e.Fatalf("got %v %d while appends are stalled, want Heartbeat %d", m.Kind, m.Seq, seq)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- nodes[0].Close() }()
	select {
	case err := <-closed:
		if err != nil {
			e.Errorf("close: %v", err)
		}
	case <-time.After(patience):
		e.Errorf("Close did not return within %v while the peer takes nothing", patience)
	}
	once.Do(func() { close(release) })
	e.eventually("the peer notices", func() bool {
		ups, downs := nodes[1].heard(1)
		return ups == downs
	})
}

func testLarge(e *env) {
	nodes := e.cluster(2, nil)
	span := raft.Span{Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, 4<<20)}}}
	span.Encoded = raft.AppendEntries(nil, span.Entries)
	const appends = 8
	go func() {
		for seq := range uint64(appends) {
			nodes[0].push(raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Span: span, Seq: seq})
		}
	}()
	var worst time.Duration
	received, beats := 0, 0
	for received < appends {
		beats++
		nodes[0].push(heartbeat(1, 2, uint64(beats)))
		begin := time.Now()
		for {
			m := nodes[1].receive()
			if m.Kind == raft.MsgHeartbeat {
				break
			}
			received++
		}
		worst = max(worst, time.Since(begin))
	}
	e.Logf("%d appends of 4 MiB, %d heartbeats meanwhile, the slowest took %v", appends, beats, worst)
	if worst > 2*time.Second {
		e.Errorf("a heartbeat waited %v for large appends", worst)
	}
}

func testRestart(e *env) {
	nodes := e.cluster(2, nil)
	peers := addresses(nodes...)
	for round := range 3 {
		old := nodes[1]
		if err := old.Close(); err != nil {
			e.Fatalf("close: %v", err)
		}
		// Some messages meet the dead peer.
		for seq := range uint64(10) {
			nodes[0].Send(heartbeat(1, 2, seq))
		}
		options := e.options(2)
		if !e.config.ByID {
			options.Listen = old.addr
		}
		nodes[1] = e.open(options)
		begin := time.Now()
		nodes[1].start(peers)
		nodes[1].insist(nodes[0], heartbeat(2, 1, 1))
		towards := time.Since(begin)
		nodes[0].insist(nodes[1], heartbeat(1, 2, 1))
		e.Logf("round %d: heard from the restarted node after %v, reached it after %v", round, towards, time.Since(begin))
		if took := time.Since(begin); took > 2*time.Second {
			e.Errorf("round %d: connected again after %v", round, took)
		}
		for len(nodes[0].messages) > 0 {
			nodes[0].receive()
		}
	}
}

func testHints(e *env) {
	nodes := e.cluster(2, nil)
	e.eventually("both sides hear of connections of both directions", func() bool {
		ups1, _ := nodes[0].heard(2)
		ups2, _ := nodes[1].heard(1)
		return ups1 >= 4 && ups2 >= 4
	})
	if err := nodes[1].Close(); err != nil {
		e.Fatalf("close: %v", err)
	}
	e.eventually("the other side hears that every connection broke", func() bool {
		ups, downs := nodes[0].heard(2)
		return downs == ups
	})
}
