package link

import (
	"context"
	"errors"
	"time"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// sender owns the outgoing connection of one peer and lane.
type sender struct {
	peer  *Peer
	lane  transport.Lane
	queue *Queue
	// kicked has one slot: full when the next attempt should not wait.
	kicked chan struct{}

	// Under peer.mu.
	out     Outgoing
	abandon context.CancelFunc // of the attempt under way
}

const (
	// steadyAfter is how long a connection lasts before its loss is answered by dialing at once.
	steadyAfter = 200 * time.Millisecond
	// refusedPause is the least pause after a refusal that will hardly be taken back.
	refusedPause = time.Second
	// probesPerTimeout is how often in Options.DeadPeerTimeout a quiet connection is probed.
	probesPerTimeout = 4
)

var errKicked = errors.New("attempt given up: the peer has just connected, or moved")

func newSender(p *Peer, lane transport.Lane) *sender {
	o := &p.node.options
	return &sender{
		peer: p, lane: lane, queue: NewQueue(o.QueueMessagesMax, o.QueueBytesMax), kicked: make(chan struct{}, 1),
	}
}

// run dials, writes, and dials again until the peer is gone.
func (s *sender) run() {
	n, ctx := s.peer.node, s.peer.ctx
	defer func() { n.Dropped(n.dropWhenGone(), s.queue.Drop()) }()
	pause := backoff{least: n.options.BackoffMin, most: n.options.BackoffMax}
	for ctx.Err() == nil && s.awaitUse() {
		out, err := s.connect()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, errKicked) {
				s.failed(err)
			}
			if !s.rest(&pause, err) {
				return
			}
			continue
		}
		connected := time.Now()
		err = s.pump(out)
		s.disconnected(out, err)
		if time.Since(connected) > steadyAfter {
			pause.reset()
		} else if !s.rest(&pause, err) { // a peer that accepts and hangs up is not dialed in a tight loop
			return
		}
	}
}

// awaitUse waits for the first message of a lane, or to a learned peer; the others are connected from the start.
func (s *sender) awaitUse() bool {
	for (s.lane == transport.LaneSnapshot || s.peer.learned.Load()) && s.queue.empty() {
		select {
		case <-s.queue.Wake():
		case <-s.kicked: // it may be no learned peer any more
		case <-s.peer.ctx.Done():
			return false
		}
	}
	return true
}

// connect makes one attempt.
func (s *sender) connect() (Outgoing, error) {
	n, p := s.peer.node, s.peer
	ctx, cancel := context.WithTimeout(p.ctx, n.options.DialTimeout+n.options.HandshakeTimeout)
	defer cancel()
	p.mu.Lock()
	s.abandon = cancel
	address := p.address
	p.mu.Unlock()

	out, err := n.dial(ctx, p, s.lane)

	p.mu.Lock()
	defer p.mu.Unlock()
	s.abandon = nil
	if err == nil && (p.ctx.Err() != nil || p.address != address) {
		_ = out.Close()
		err = errKicked
	}
	if err == nil {
		s.out = out
		n.counters.connects.Add(1)
		n.options.Logger.Info("connected", "node", n.options.Self, "peer", p.id, "lane", s.lane.String())
		p.changed(true)
		return out, nil
	}
	if p.ctx.Err() == nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil, errKicked
	}
	return nil, err
}

// failed accounts for an attempt that failed, and drops what waited for it.
func (s *sender) failed(err error) {
	n := s.peer.node
	n.counters.dialsFailed.Add(1)
	n.Dropped(transport.DropDisconnected, s.queue.Drop())
	n.options.Logger.Debug("not connected", "node", n.options.Self, "peer", s.peer.id, "lane", s.lane.String(),
		"err", err)
}

// rest pauses before the next attempt, unless the peer was heard of meanwhile; err is why the last one failed. False
// says that the peer is gone.
func (s *sender) rest(pause *backoff, err error) bool {
	length := pause.pause()
	switch transport.ReasonOf(err) {
	case transport.RefusedRemoved, transport.RefusedDisk, transport.RefusedLife, transport.RefusedDuplicate:
		length = max(length, refusedPause)
	default:
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.kicked:
		pause.reset()
	case <-s.peer.ctx.Done():
		return false
	}
	return true
}

// kick says that the peer is alive with this incarnation. peer.mu is held.
func (s *sender) kick(incarnation uint64) {
	if s.out == nil || s.out.Incarnation() < incarnation {
		s.again()
	}
}

// again ends the connection, or the attempt, that there is, and has the next one made without a pause. peer.mu is held.
func (s *sender) again() {
	select {
	case s.kicked <- struct{}{}:
	default:
	}
	if s.out != nil {
		out := s.out
		s.peer.node.Go(func() { _ = out.Close() }) // may block a little; run notices by Done
	}
	if s.abandon != nil {
		s.abandon()
	}
}

// pump writes what is queued until the connection breaks, and probes one that is quiet.
func (s *sender) pump(out Outgoing) error {
	n := s.peer.node
	lane := &n.counters.lanes[s.lane]
	var tick <-chan time.Time
	prober, ok := out.(Prober)
	if ok {
		ticker := time.NewTicker(n.options.DeadPeerTimeout / probesPerTimeout)
		defer ticker.Stop()
		tick = ticker.C
	}
	wrote := false // since the last tick
	var batch Batch
	for {
		batch = s.queue.Take(batch)
		if len(batch.Messages) == 0 {
			select {
			case <-s.queue.Wake():
			case <-tick:
				if !wrote {
					if err := prober.Probe(); err != nil {
						return err
					}
				}
				wrote = false
			case <-out.Done():
				return nil
			case <-s.peer.ctx.Done():
				return s.peer.ctx.Err()
			}
			continue
		}
		for begin := 0; begin < len(batch.Messages); {
			end, bytes := s.cut(batch, begin)
			written, err := out.Write(batch.Messages[begin:end])
			if err != nil {
				s.abort(batch, begin)
				return err
			}
			lane.sent(end-begin, written)
			wrote = true
			s.queue.Release(end-begin, bytes)
			begin = end
		}
	}
}

// cut returns the end of the messages from begin that make the next frame, and what they count.
func (s *sender) cut(batch Batch, begin int) (end, bytes int) {
	o := &s.peer.node.options
	end, bytes = begin+1, batch.Sizes[begin]
	for end < len(batch.Messages) && bytes+batch.Sizes[end] <= o.BatchBytesMax-wire.HeaderBytes {
		bytes += batch.Sizes[end]
		end++
	}
	return end, bytes
}

// abort drops what was taken and not written: how much of it arrived is unknown.
func (s *sender) abort(batch Batch, begin int) {
	bytes := 0
	for _, size := range batch.Sizes[begin:] {
		bytes += size
	}
	messages := len(batch.Sizes) - begin
	s.queue.Release(messages, bytes)
	s.peer.node.Dropped(transport.DropDisconnected, messages)
}

func (s *sender) disconnected(out Outgoing, err error) {
	n := s.peer.node
	_ = out.Close()
	n.counters.disconnects.Add(1)
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	if s.out == out {
		s.out = nil
		s.peer.changed(false)
	}
	if n.ctx.Err() == nil {
		n.options.Logger.Info("disconnected", "node", n.options.Self, "peer", s.peer.id, "lane", s.lane.String(),
			"err", err)
	}
}
