package sim

import (
	"math/rand/v2"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// lane separates the messages of a link as a transport does: a large one never delays a small one of another lane.
type lane uint8

const (
	laneControl lane = iota
	laneAppend
	laneSnapshot
	lanes
)

func laneOf(k raft.MessageKind) lane {
	switch k {
	case raft.MsgAppend, raft.MsgAppendReply:
		return laneAppend
	case raft.MsgSnapshot:
		return laneSnapshot
	default:
		return laneControl
	}
}

// packet is a message under way.
type packet struct {
	message raft.Message
	sum     uint64 // of its span when it was sent
	link    *link
	epoch   uint32 // of the link's connection
	lane    lane
	id      int  // in the chronicle
	again   bool // it is a copy, or comes from long ago
}

// link is one direction between two servers.
type link struct {
	blocked int // how many troubles block it
	clogged time.Duration
	epoch   uint32 // counts connections: what was sent on an earlier one is lost
	queued  [lanes]int
	arrival [lanes]time.Duration // of the last message of the lane: connections keep the order
}

// network is all links.
type network struct {
	rng      *rand.Rand
	links    [][]*link // from, to; by server
	recorded []packet  // old messages
}

// recordedMax bounds the old messages that are kept to come again.
const recordedMax = 128

// grow makes links from and to one more server.
func (n *network) grow() {
	for i := range n.links {
		n.links[i] = append(n.links[i], &link{})
	}
	row := make([]*link, len(n.links)+1)
	for i := range row {
		row[i] = &link{}
	}
	n.links = append(n.links, row)
}

func (n *network) link(from, to raft.NodeID) *link { return n.links[from-1][to-1] }

// send gives a message of a server to the network, after the checks of what it promises.
func (w *world) send(n *node, m *raft.Message) {
	w.check.sends(n, m)
	if m.To == raft.None || int(m.To) > len(w.nodes) {
		w.breach("messages to members", "server %d sends %v to %d", n.id, m.Kind, m.To)
		return
	}
	w.cov.Messages++
	l := w.net.link(m.From, m.To)
	p := &packet{message: *m, sum: sumSpan(&m.Span), link: l, epoch: l.epoch, lane: laneOf(m.Kind)}
	p.id = w.events.Send(m)
	w.transmit(p)
	w.record(p)
}

// transmit puts a packet on its way, or loses it.
func (w *world) transmit(p *packet) {
	plan, rng, l := &w.plan.network, w.net.rng, p.link
	if l.blocked > 0 || l.queued[p.lane] >= plan.queueMax {
		w.cov.Dropped++
		w.events.Lose(p.id)
		return
	}
	delay := plan.delayMin + expDuration(rng, plan.delayMean)
	if w.healed {
		delay = min(delay, 2*time.Millisecond)
	} else {
		delay = w.troubledDelay(p, delay)
		if delay < 0 {
			w.cov.Dropped++
			w.events.Lose(p.id)
			return
		}
	}
	at := max(w.now+delay, l.clogged)
	if !plan.datagrams && !p.again {
		at = max(at, l.arrival[p.lane])
		l.arrival[p.lane] = at
	}
	l.queued[p.lane]++
	w.queue.push(event{at: at, kind: eventDeliver, pack: p})
}

// troubledDelay draws what the network does to a packet beyond delaying it; a negative delay loses it.
func (w *world) troubledDelay(p *packet, delay time.Duration) time.Duration {
	plan, rng := &w.plan.network, w.net.rng
	if w.on(Tail) && rng.IntN(200) == 0 {
		delay *= 50
	}
	if w.on(Loss) && rng.Float64() < plan.loss {
		if plan.datagrams {
			return -1
		}
		delay += between(rng, 5*time.Millisecond, 200*time.Millisecond) // sent again by the connection
	}
	if w.on(Duplicate) && !p.again && rng.Float64() < plan.duplicate {
		w.cov.Duplicates++
		again := *p
		again.again, again.id = true, w.events.Copy(p.id)
		w.transmit(&again)
	}
	return delay
}

// record keeps some messages, to come again much later.
func (w *world) record(p *packet) {
	rng := w.net.rng
	if !w.on(Replay) || rng.Float64() >= w.plan.network.replay {
		return
	}
	old := *p
	old.again = true
	if len(w.net.recorded) < recordedMax {
		w.net.recorded = append(w.net.recorded, old)
		return
	}
	w.net.recorded[rng.IntN(recordedMax)] = old
}

// replay lets an old message come again, over the connection of now.
func (w *world) replay() {
	if len(w.net.recorded) == 0 {
		return
	}
	p := w.net.recorded[w.net.rng.IntN(len(w.net.recorded))]
	p.epoch, p.id = p.link.epoch, w.events.Copy(p.id)
	w.cov.Replays++
	w.transmit(&p)
}

// deliver gives a message to its receiver, if both are still there.
func (w *world) deliver(e *event) {
	p := e.pack
	m := &p.message
	n := w.node(m.To)
	if n.frozen > w.now {
		e.at = n.frozen
		w.queue.push(*e)
		return
	}
	p.link.queued[p.lane]--
	if p.epoch != p.link.epoch || n.core == nil {
		w.cov.Dropped++
		w.events.Lose(p.id)
		return
	}
	w.events.Receive(p.id)
	if w.tracing() {
		w.tracef("%d → %d  %s", m.From, m.To, describe(m))
	}
	if sumSpan(&m.Span) != p.sum {
		w.breach("messages never change", "%s from %d to %d changed under way", describe(m), m.From, m.To)
	}
	w.check.receives(n, m)
	w.clock(n)
	if err := n.core.Step(*m); err != nil {
		w.refused(n, m, err)
	}
	w.turn(n)
}

// reset breaks the connection between two servers: what is under way is lost.
func (w *world) reset(a, b *node) {
	w.cov.Resets++
	for _, l := range []*link{w.net.link(a.id, b.id), w.net.link(b.id, a.id)} {
		l.epoch++
		l.arrival = [lanes]time.Duration{}
	}
	w.disconnect(a, b)
	w.disconnect(b, a)
}

// disconnectMean is how long it takes a server on average to hear that a connection broke.
const disconnectMean = 2 * time.Millisecond

// disconnect tells a server, if it is up and hears of such things, that its connections to another one broke.
func (w *world) disconnect(n, from *node) {
	if n == from || !n.up() || !w.plan.core.DisconnectHints {
		return
	}
	life := n.life
	w.after(expDuration(w.serverRand, disconnectMean), func() {
		if !n.up() || n.life != life {
			return
		}
		w.tracef("%d  is disconnected from %d", n.id, from.id)
		w.cov.Hints++
		before := n.core.Role()
		n.core.Disconnected(from.id)
		if before != raft.PreCandidate && n.core.Role() == raft.PreCandidate {
			w.cov.HintsFollowed++
		}
		w.turn(n)
	})
}

// block loses what is sent on the links from each of one side to each of the other, for a while.
func (w *world) block(from, to []*node, lasts time.Duration) {
	var links []*link
	for _, a := range from {
		for _, b := range to {
			if a != b {
				l := w.net.link(a.id, b.id)
				l.blocked++
				links = append(links, l)
			}
		}
	}
	w.after(lasts, func() {
		for _, l := range links {
			l.blocked--
		}
	})
}
