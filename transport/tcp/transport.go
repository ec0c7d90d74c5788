package tcp

import (
	"errors"
	"fmt"
	"net"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
)

// Transport is one node's TCP transport.
type Transport struct {
	node     *link.Node
	options  transport.Options
	listener *net.TCPListener
	sockets  sockets
}

// protocol is the ALPN name of what is spoken over TLS.
const protocol = "raftmark/1"

// New checks the options and binds the listener; nothing is accepted before Start.
func New(options transport.Options) (*Transport, error) {
	t := &Transport{}
	node, err := link.NewNode(options, t.dial, t.reach)
	if err != nil {
		return nil, err
	}
	t.node, t.options = node, node.Options()
	if err := checkQUICOnly(t.options); err != nil {
		return nil, err
	}
	if err := t.checkPlaintext(t.options.Peers); err != nil {
		return nil, err
	}
	if t.plaintextOnLoopback() {
		if err := transport.CheckLoopback(t.options.Listen); err != nil {
			return nil, fmt.Errorf("Listen: %w", err)
		}
		if err := transport.CheckLoopback(t.options.Advertise); t.options.Advertise != "" && err != nil {
			return nil, fmt.Errorf("Advertise: %w", err)
		}
	}
	config := net.ListenConfig{KeepAliveConfig: keepAlive, Control: setCongestion(t.options.Congestion)}
	listener, err := config.Listen(t.node.Context(), "tcp", t.options.Listen)
	if err != nil {
		return nil, fmt.Errorf("Listen = %s: %w", t.options.Listen, err)
	}
	t.listener = listener.(*net.TCPListener)
	t.node.Listens(t.Addr())
	return t, nil
}

// checkQUICOnly refuses options that have no meaning here, rather than to ignore them.
func checkQUICOnly(o transport.Options) error {
	var errs []error
	if o.AppendStreams != 1 {
		errs = append(errs, fmt.Errorf("AppendStreams = %d: want 1: TCP has one connection a lane", o.AppendStreams))
	}
	if o.HeartbeatDatagrams {
		errs = append(errs, errors.New("HeartbeatDatagrams = true: want false: TCP has no datagrams"))
	}
	return errors.Join(errs...)
}

// Addr returns the address that the transport listens on.
func (t *Transport) Addr() string { return t.listener.Addr().String() }

// SetPeers replaces Options.Peers, at any time; see the obligations in the comment of package transport.
func (t *Transport) SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error {
	if err := t.checkPlaintext(peers); err != nil {
		return err
	}
	return t.node.SetPeers(peers, removedUpTo)
}

// reach says why a learned peer cannot be answered at that address, or nil.
func (t *Transport) reach(address string) error {
	if t.plaintextOnLoopback() {
		if err := transport.CheckLoopback(address); err != nil {
			return err
		}
	}
	return transport.CheckReachable(address)
}

// plaintextOnLoopback reports whether only loopback addresses will do.
func (t *Transport) plaintextOnLoopback() bool {
	return t.options.Identity == nil && !t.options.Insecure
}

func (t *Transport) checkPlaintext(peers map[raft.NodeID]string) error {
	if !t.plaintextOnLoopback() {
		return nil
	}
	for id, address := range peers {
		if err := transport.CheckLoopback(address); err != nil {
			return fmt.Errorf("Peers[%d]: %w", id, err)
		}
	}
	return nil
}

// Start begins to accept, to connect and to deliver; see the driver's port.
func (t *Transport) Start(deliver func(raft.Message), peer func(id raft.NodeID, up bool)) error {
	if err := t.node.Start(deliver, peer); err != nil {
		return err
	}
	t.node.Go(t.accept)
	return nil
}

// Send queues m for m.To and returns at once; false says that it was dropped.
func (t *Transport) Send(m raft.Message) bool { return t.node.Send(m) }

// TimesRefused returns how often peers refused this node for reason; unlike Metrics, it asks the kernel nothing.
func (t *Transport) TimesRefused(reason transport.Refusal) uint64 { return t.node.TimesRefused(reason) }

// Metrics returns what was counted since New.
func (t *Transport) Metrics() transport.Metrics {
	m := t.node.Metrics()
	m.Socket = t.sockets.metrics()
	return m
}

// Congestion returns the congestion control in use, or "" where the system does not tell.
func (t *Transport) Congestion() string { return congestionOf(t.listener) }

// Close stops everything, drops what is queued, and returns when no delivery is under way or will come.
func (t *Transport) Close() error {
	var err error
	if t.node.Shutdown() {
		err = t.listener.Close()
	}
	t.node.Wait()
	return err
}
