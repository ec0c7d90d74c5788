package link

import (
	"time"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

const (
	// duplicateHold is how long a process that was refused as one of two counts as alive: it dials again every
	// refusedPause.
	duplicateHold = 5 * refusedPause
	// rivalsMax bounds the processes that are remembered of one peer.
	rivalsMax = 4
)

// process is one process that calls itself a peer, as its greetings tell. A process that reconnects says the same
// again; one that was started again has another instance, and a later incarnation unless its disk went back or was
// copied.
type process struct {
	incarnation, instance uint64
	address               string
}

func processOf(h wire.Hello) process {
	return process{incarnation: h.Incarnation, instance: h.Instance, address: h.Address}
}

// rival is a process that was refused because another one of the same incarnation was alive.
type rival struct {
	process
	refused time.Time
}

// checkDuplicate returns why by may not be connected, or nil: another process of the same incarnation is connected, or
// was refused for the same reason lately. It cannot be known which of them is the node, so both are refused, until only
// one is left to dial or a newer incarnation comes. p.mu is held.
func (p *Peer) checkDuplicate(by process) error {
	now := time.Now()
	var kept []rival
	var other *process
	for _, r := range p.rivals {
		if r.incarnation < by.incarnation || now.Sub(r.refused) > duplicateHold {
			continue
		}
		kept = append(kept, r)
		if r.incarnation == by.incarnation && r.process != by {
			other = &r.process
		}
	}
	p.rivals = kept
	for _, live := range p.processes() {
		if live.incarnation == by.incarnation && live != by {
			other = &live
			p.note(live, now)
		}
	}
	if other == nil {
		return nil
	}
	p.note(by, now)
	p.disconnect(by.incarnation)
	if n := p.node; n.duplicateLog.due() {
		n.options.Logger.Error("two processes are the same node: both are refused until one of them is stopped",
			"node", n.options.Self, "peer", p.id, "incarnation", by.incarnation,
			"address", by.address, "instance", by.instance, "other_address", other.address, "other_instance", other.instance)
	}
	return transport.Refused(transport.RefusedDuplicate, "two processes are node %d in incarnation %d, at %s and at %s",
		p.id, by.incarnation, by.address, other.address)
}

// note remembers that a process was refused. p.mu is held.
func (p *Peer) note(who process, now time.Time) {
	for i := range p.rivals {
		if p.rivals[i].process == who {
			p.rivals[i].refused = now
			return
		}
	}
	if len(p.rivals) == rivalsMax {
		p.rivals = p.rivals[1:]
	}
	p.rivals = append(p.rivals, rival{process: who, refused: now})
}

// processes returns those that are connected, in either direction. p.mu is held.
func (p *Peer) processes() []process {
	var all []process
	for lane, in := range p.incoming {
		if in != nil {
			all = append(all, in.process)
		}
		if out := p.senders[lane].out; out != nil && out.Incarnation() == p.answered.incarnation {
			all = append(all, p.answered)
		}
	}
	return all
}

// disconnect ends the connections from and to an incarnation. p.mu is held.
func (p *Peer) disconnect(incarnation uint64) {
	for i, in := range p.incoming {
		if in != nil && in.incarnation == incarnation {
			p.incoming[i] = nil
			in.close()
			p.changed(false)
		}
	}
	for _, s := range p.senders {
		if out := s.out; out != nil && out.Incarnation() == incarnation {
			p.node.Go(func() { _ = out.Close() }) // may block a little; run notices by Done
		}
	}
}

// checkProcess is checkDuplicate for the node that sent h, when it is a peer already.
func (n *Node) checkProcess(h wire.Hello) error {
	p := n.Peer(h.From)
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checkDuplicate(processOf(h))
}

// answers is checkDuplicate for a peer that this node dialed, and remembers who answered.
func (n *Node) answers(w wire.Welcome) error {
	p := n.Peer(w.Node)
	if p == nil {
		return nil
	}
	by := process{incarnation: w.Incarnation, instance: w.Instance, address: w.Address}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.checkDuplicate(by); err != nil {
		return err
	}
	p.answered = by
	return nil
}
