package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/transport"
)

// firstLanes is how many lanes are connected before there is a snapshot: control and append.
const firstLanes = 2

// runConnect connects a node to the other end, which knows it only from its greeting and has nothing to tell it.
func (e *end) runConnect(ctx context.Context, o Connect) (*connectDone, error) {
	var done connectDone
	if o.Again {
		return &done, e.connectAgain(ctx, o, &done)
	}
	for range o.Count {
		c, err := e.openConnecting()
		if err != nil {
			return nil, err
		}
		err = c.connect(ctx, o.Address, &done)
		if err = errors.Join(err, c.transport.Close()); err != nil {
			return nil, err
		}
		done.count(c.transport.Metrics(), nil)
	}
	return &done, nil
}

// connectAgain connects the same transport Count times, after a first time that does not count.
func (e *end) connectAgain(ctx context.Context, o Connect, done *connectDone) (err error) {
	c, err := e.openConnecting()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.transport.Close()) }()
	if err = c.connect(ctx, o.Address, &connectDone{}); err != nil {
		return err
	}
	before := c.transport.Metrics()
	for range o.Count {
		if err = c.transport.SetPeers(nil, raft.None); err != nil {
			return err
		}
		if err = c.connect(ctx, o.Address, done); err != nil {
			return err
		}
	}
	done.count(c.transport.Metrics(), &before)
	return err
}

// count adds what a transport did.
func (d *connectDone) count(now transport.Metrics, before *transport.Metrics) {
	s := now.Socket
	if h := now.Handshakes; h != nil {
		d.Handshakes, d.Resumed = d.Handshakes+h.Done, d.Resumed+h.Resumed
	}
	if before != nil {
		s = minus(s, before.Socket)
		if h := before.Handshakes; h != nil {
			d.Handshakes, d.Resumed = d.Handshakes-h.Done, d.Resumed-h.Resumed
		}
	}
	if s == (transport.SocketMetrics{}) {
		return
	}
	if d.Socket != nil {
		s = plus(*d.Socket, s)
	}
	d.Socket = &s
}

// connecting is a transport that is connected to the other end, and used for nothing else.
type connecting struct {
	transport server.PeerTransport
	up        chan struct{} // a value for each lane that was connected
}

func (e *end) openConnecting() (*connecting, error) {
	c := configOf(&openCommand{
		Node: freshNode, Transport: e.config.Transport, TLSDir: e.config.TLSDir, Congestion: e.config.Congestion,
		AppendStreams: e.config.AppendStreams, HeartbeatDatagrams: e.config.HeartbeatDatagrams,
	})
	c.Logger = nil // each connection would be a few lines
	t, err := server.OpenTransport(c)
	if err != nil {
		return nil, err
	}
	made := &connecting{transport: t, up: make(chan struct{}, 64)}
	err = t.Start(func(raft.Message) {}, func(_ raft.NodeID, up bool) {
		if up {
			select {
			case made.up <- struct{}{}:
			default: // nobody counts so many
			}
		}
	})
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return made, nil
}

// connect notes how long it takes until the first lanes are greeted.
func (c *connecting) connect(ctx context.Context, address string, done *connectDone) error {
	ctx, cancel := context.WithTimeoutCause(ctx, connectMax, errors.New("no connection"))
	defer cancel()
	for len(c.up) > 0 {
		<-c.up
	}
	start := time.Now()
	if err := c.transport.SetPeers(map[raft.NodeID]string{echoNode: address}, raft.None); err != nil {
		return err
	}
	for range firstLanes {
		select {
		case <-c.up:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	done.TookNs = append(done.TookNs, int64(time.Since(start)))
	return nil
}
