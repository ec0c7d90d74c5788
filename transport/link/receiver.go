package link

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// Receive delivers what the peer sends on one lane until the connection ends or the peer breaks the rules, which it
// returns as an error that has a reason.
func (p *Peer) Receive(lane transport.Lane, r *wire.Reader) error {
	r.SetPayloadBytesMax(p.node.options.FrameBytesMax - wire.HeaderBytes)
	pace(r, &p.node.options)
	counters := &p.node.counters.lanes[lane]
	for {
		frame, err := r.Next()
		if err != nil {
			return refusalOf(err)
		}
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		switch frame.Kind {
		case wire.KindMessages:
		case wire.KindKeepAlive:
			continue
		case wire.KindWelcome:
			return p.farewell(frame.Payload)
		default:
			return transport.Refused(transport.RefusedMalformed, "%v frame after the greeting", frame.Kind)
		}
		count, aliased, err := p.receiveFrame(frame.Payload)
		if aliased {
			r.Retain()
		}
		counters.received(count, wire.HeaderBytes+len(frame.Payload))
		if err != nil {
			return err
		}
	}
}

// farewell reads why the peer, which dialed, refuses this node.
func (p *Peer) farewell(payload []byte) error {
	w, err := wire.DecodeWelcome(payload)
	if err != nil {
		return refusalOf(fmt.Errorf("decode refusal: %w", err))
	}
	if w.Refusal == transport.RefusedNone {
		return transport.Refused(transport.RefusedMalformed, "welcome from the dialer that is no refusal")
	}
	return p.node.RefusedBy(p.id, w.Refusal)
}

// receiveFrame delivers the messages of one frame; aliased says that one of them refers to payload.
func (p *Peer) receiveFrame(payload []byte) (count int, aliased bool, err error) {
	if len(payload) == 0 {
		return 0, false, transport.Refused(transport.RefusedMalformed, "frame without a message")
	}
	for len(payload) > 0 {
		var m raft.Message
		payload, err = wire.DecodeMessage(payload, &m)
		if err != nil {
			return count, aliased, refusalOf(fmt.Errorf("decode message: %w", err))
		}
		aliased = aliased || wire.Aliases(&m)
		if err := p.Deliver(m); err != nil {
			return count, aliased, err
		}
		count++
	}
	return count, aliased, nil
}

// Deliver hands on one message that came from the peer, unless it says otherwise.
func (p *Peer) Deliver(m raft.Message) error {
	if m.From != p.id || m.To != p.node.options.Self {
		return transport.Refused(transport.RefusedFrom, "%v from %d to %d on a connection from %d to %d",
			m.Kind, m.From, m.To, p.id, p.node.options.Self)
	}
	p.node.deliver(m)
	return nil
}

// Received counts a frame that was delivered message by message.
func (p *Peer) Received(lane transport.Lane, messages, bytes int) {
	p.node.counters.lanes[lane].received(messages, bytes)
}
