package link

import (
	"sync/atomic"

	"github.com/raftmark/raftmark/transport"
)

// counters are the live form of transport.Metrics.
type counters struct {
	lanes       [transport.LaneCount]laneCounters
	connects    atomic.Uint64
	accepts     atomic.Uint64
	disconnects atomic.Uint64
	dialsFailed atomic.Uint64
	deadPeers   atomic.Uint64
	drops       [transport.DropCount]atomic.Uint64
	refusals    [transport.RefusalCount]atomic.Uint64
	refusedBy   [transport.RefusalCount]atomic.Uint64
}

// laneCounters keep what a sender writes apart from what a receiver writes, on different cache lines.
type laneCounters struct {
	messagesSent, bytesSent, framesSent atomic.Uint64
	_                                   [40]byte
	messagesReceived, bytesReceived     atomic.Uint64
	framesReceived                      atomic.Uint64
	_                                   [40]byte
}

func (l *laneCounters) sent(messages, bytes int) {
	l.messagesSent.Add(uint64(messages))
	l.bytesSent.Add(uint64(bytes))
	l.framesSent.Add(1)
}

func (l *laneCounters) received(messages, bytes int) {
	l.messagesReceived.Add(uint64(messages))
	l.bytesReceived.Add(uint64(bytes))
	l.framesReceived.Add(1)
}

// TimesRefused returns how often peers refused this node for reason. It is one atomic load, for those who look often.
func (n *Node) TimesRefused(reason transport.Refusal) uint64 {
	return n.counters.refusedBy[reason].Load()
}

// Metrics returns a snapshot. Its fields are not read at one instant.
func (n *Node) Metrics() transport.Metrics {
	c := &n.counters
	m := transport.Metrics{
		Connects: c.connects.Load(), Accepts: c.accepts.Load(), Disconnects: c.disconnects.Load(),
		DialsFailed: c.dialsFailed.Load(), DeadPeers: c.deadPeers.Load(),
		Drops:     make(map[string]uint64, transport.DropCount),
		Refusals:  make(map[string]uint64, transport.RefusalCount),
		RefusedBy: make(map[string]uint64, transport.RefusalCount),
	}
	m.Greetings, m.GreetingsMost = n.door.count()
	if id := n.options.Identity; id != nil {
		h := id.Handshakes()
		m.Handshakes = &h
	}
	for i := range c.lanes {
		l := &c.lanes[i]
		m.Lanes[i] = transport.LaneMetrics{
			MessagesSent: l.messagesSent.Load(), BytesSent: l.bytesSent.Load(), FramesSent: l.framesSent.Load(),
			MessagesReceived: l.messagesReceived.Load(), BytesReceived: l.bytesReceived.Load(),
			FramesReceived: l.framesReceived.Load(),
		}
	}
	for i := range c.drops {
		m.Drops[transport.Drop(i).String()] = c.drops[i].Load()
	}
	for i := 1; i < len(c.refusals); i++ {
		m.Refusals[transport.Refusal(i).String()] = c.refusals[i].Load()
	}
	for i := range c.refusedBy {
		m.RefusedBy[transport.Refusal(i).String()] = c.refusedBy[i].Load()
	}
	for _, p := range n.members.load() {
		if p.learned.Load() {
			m.LearnedPeers++
		} else {
			m.Peers++
		}
		for i := range p.senders {
			messages, bytes := p.senders[i].queue.Held()
			m.Lanes[i].MessagesQueued += uint64(messages)
			m.Lanes[i].BytesQueued += uint64(bytes)
		}
	}
	return m
}
