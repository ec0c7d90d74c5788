package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/chronicle"
)

// packetsMax bounds the messages under way; beyond it the oldest is lost.
const packetsMax = 1 << 12

// packet is a message under way.
type packet struct {
	message raft.Message
	sum     uint64 // of what it shares, when it was sent
	id      int    // in the chronicle
}

// network holds the messages under way, oldest first, and the links that are cut.
type network struct {
	packets []packet
	cut     map[link]bool
	events  *chronicle.Recorder
}

type link struct{ from, to raft.NodeID }

func (n *network) send(m raft.Message) {
	id := n.events.Send(&m)
	if n.cut[link{m.From, m.To}] {
		n.events.Lose(id)
		return
	}
	if len(n.packets) == packetsMax {
		n.events.Lose(n.take(0).id)
	}
	n.packets = append(n.packets, packet{message: m, sum: sumMessage(m), id: id})
}

// take removes the i-th packet.
func (n *network) take(i int) packet {
	p := n.packets[i]
	n.packets = append(n.packets[:i], n.packets[i+1:]...)
	return p
}

// Packets returns how many messages are under way.
func (c *Cluster) Packets() int { return len(c.net.packets) }

// Packet returns the i-th message under way; 0 is the oldest.
func (c *Cluster) Packet(i int) raft.Message { return c.net.packets[i].message }

// Deliver gives the i-th message under way to its receiver. A receiver that is down loses it.
func (c *Cluster) Deliver(i int) { c.receive(c.net.take(i)) }

// Duplicate gives a copy of the i-th message under way to its receiver; it stays under way.
func (c *Cluster) Duplicate(i int) {
	p := c.net.packets[i]
	p.id = c.events.Copy(p.id)
	c.receive(p)
}

// Drop loses the i-th message under way.
func (c *Cluster) Drop(i int) {
	p := c.net.take(i)
	c.events.Row(fmt.Sprintf("%d → %d  %s lost", p.message.From, p.message.To, describe(p.message)), false)
	c.events.Lose(p.id)
	c.tracef("%d → %d  %s lost", p.message.From, p.message.To, describe(p.message))
}

// Cut loses from now on what from sends to to, and what is already under way between them.
func (c *Cluster) Cut(from, to raft.NodeID) {
	c.net.cut[link{from, to}] = true
	kept := c.net.packets[:0]
	for _, p := range c.net.packets {
		if p.message.From != from || p.message.To != to {
			kept = append(kept, p)
		} else {
			c.events.Lose(p.id)
		}
	}
	c.net.packets = kept
}

// Heal joins a link that was cut.
func (c *Cluster) Heal(from, to raft.NodeID) { delete(c.net.cut, link{from, to}) }

// HealAll joins all links.
func (c *Cluster) HealAll() { clear(c.net.cut) }

func (c *Cluster) receive(p packet) {
	m := p.message
	c.events.Row(fmt.Sprintf("%d → %d  %s", m.From, m.To, describe(m)), false)
	if int(m.To) > len(c.nodes) {
		c.events.Lose(p.id)
		c.tracef("%d → %d  %s lost: there is no %d", m.From, m.To, describe(m), m.To)
		return
	}
	n := c.Node(m.To)
	if n.core == nil {
		c.events.Lose(p.id)
		c.tracef("%d → %d  %s lost: %d is down", m.From, m.To, describe(m), m.To)
		return
	}
	c.events.Receive(p.id)
	c.tracef("%d → %d  %s", m.From, m.To, describe(m))
	if sumMessage(m) != p.sum {
		c.checker.breach("immutable messages", "%s from %d to %d changed under way", describe(m), m.From, m.To)
	}
	if err := n.core.Step(m); err != nil {
		c.refused(n, m, err)
	}
	c.after(n)
}

// refused takes a message that a core drops. Only those from servers that it does not count among the members may be.
func (c *Cluster) refused(n *Node, m raft.Message, err error) {
	c.tracef("%d  refuses it: %v", n.id, err)
	configuration, _ := n.core.Configuration()
	if _, member := configuration.Member(m.From); member {
		c.checker.breach("well-formed messages", "%d refused %s from %d: %v", m.To, describe(m), m.From, err)
	}
}
