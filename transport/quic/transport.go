package quic

import (
	"errors"
	"fmt"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/link"
)

const (
	// IdleTimeout ends a connection that was not heard of for so long.
	IdleTimeout = 2 * time.Second
	// keepAlivePeriod is when a quiet connection asks whether the peer is there.
	keepAlivePeriod = 500 * time.Millisecond
	// protocol is the ALPN name.
	protocol = "raftmark/1"
	// greetingsMax bounds the accepted connections that have not been greeted; more are closed at once.
	greetingsMax = 64
)

// Windows of flow control, in bytes. Even if all lanes are stalled but one, the connection's has room for it.
const (
	streamWindowFirst     = 1 << 20
	streamWindowMax       = 8 << 20
	connectionWindowFirst = 4 << 20
	connectionWindowMax   = 32 << 20

	_ = uint(connectionWindowFirst - transport.LaneCount*streamWindowFirst)
	_ = uint(connectionWindowMax - transport.LaneCount*streamWindowMax)
)

// Codes that connections are closed with. The peer only counts them; they show in traces.
const (
	codeClosed  quicgo.ApplicationErrorCode = 0
	codeRefused quicgo.ApplicationErrorCode = 1
	codeBroken  quicgo.ApplicationErrorCode = 2
	// codeCrossed says that there is another connection, which was made at the same time.
	codeCrossed quicgo.ApplicationErrorCode = 3
	// codeReason and above: the dialer refused the accepter, for the reason added to it.
	codeReason quicgo.ApplicationErrorCode = 256
)

// reasonOf returns why the dialer refused this node and closed the connection, or transport.RefusedNone.
func reasonOf(err error) transport.Refusal {
	var closed *quicgo.ApplicationError
	if !errors.As(err, &closed) || !closed.Remote || closed.ErrorCode <= codeReason || closed.ErrorCode > codeReason+255 {
		return transport.RefusedNone
	}
	return transport.Refusal(closed.ErrorCode - codeReason)
}

// errCrossed says that the peer's dial crossed this node's, and came first.
var errCrossed = errors.New("the peer has connected at the same time")

// isCrossing reports whether err is errCrossed, or the peer's way to say so.
func isCrossing(err error) bool {
	var closed *quicgo.ApplicationError
	return errors.Is(err, errCrossed) || errors.As(err, &closed) && closed.ErrorCode == codeCrossed
}

// Transport is one node's QUIC transport.
type Transport struct {
	node     *link.Node
	options  transport.Options
	socket   *socket
	quic     *quicgo.Transport
	listener *quicgo.Listener
	// greetings has one slot for each accepted connection that has not been greeted.
	greetings chan struct{}

	mu       sync.Mutex
	sessions map[raft.NodeID]*session
}

// New checks the options and binds the socket; nothing is accepted before Start.
func New(options transport.Options) (*Transport, error) {
	t := &Transport{
		greetings: make(chan struct{}, greetingsMax), sessions: map[raft.NodeID]*session{},
	}
	node, err := link.NewNode(options, t.dial, transport.CheckReachable)
	if err != nil {
		return nil, err
	}
	t.node, t.options = node, node.Options()
	if t.options.Identity == nil {
		return nil, fmt.Errorf("Identity = nil: %w: QUIC is always encrypted", transport.ErrIdentityRequired)
	}
	t.socket, err = listen(t.options.Listen)
	if err != nil {
		return nil, fmt.Errorf("Listen = %s: %w", t.options.Listen, err)
	}
	if t.options.Faults != nil { // a nil pointer would be a gate
		t.socket.gate = t.options.Faults
	}
	t.node.Listens(t.Addr())
	resetKey := quicgo.StatelessResetKey(t.options.Identity.ResetKey())
	t.quic = &quicgo.Transport{Conn: t.socket, ConnectionIDLength: 8, StatelessResetKey: &resetKey}
	return t, nil
}

func (t *Transport) config() *quicgo.Config {
	return &quicgo.Config{
		Versions:                       []quicgo.Version{quicgo.Version1},
		HandshakeIdleTimeout:           t.options.HandshakeTimeout,
		MaxIdleTimeout:                 IdleTimeout,
		KeepAlivePeriod:                keepAlivePeriod,
		InitialStreamReceiveWindow:     streamWindowFirst,
		MaxStreamReceiveWindow:         streamWindowMax,
		InitialConnectionReceiveWindow: connectionWindowFirst,
		MaxConnectionReceiveWindow:     connectionWindowMax,
		MaxIncomingStreams:             1,
		MaxIncomingUniStreams:          transport.LaneCount,
		Allow0RTT:                      false,
	}
}

// clientTLS and serverTLS say what the identity is used for; who comes back resumes the session.
func (t *Transport) clientTLS() identity.TLSOptions {
	return identity.TLSOptions{Protocol: protocol, Resumption: true}
}

func (t *Transport) serverTLS() identity.TLSOptions {
	return identity.TLSOptions{Protocol: protocol, Resumption: true, Refused: t.refusedHandshake}
}

// Addr returns the address that the transport listens on.
func (t *Transport) Addr() string { return t.socket.LocalAddr().String() }

// SetPeers replaces Options.Peers, at any time; see the obligations in the comment of package transport.
func (t *Transport) SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error {
	return t.node.SetPeers(peers, removedUpTo)
}

// Start begins to accept, to connect and to deliver; see the driver's port.
func (t *Transport) Start(deliver func(raft.Message), peer func(id raft.NodeID, up bool)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.node.Context().Err() != nil {
		return fmt.Errorf("start transport: %w", raft.ErrClosed)
	}
	if t.listener != nil {
		return fmt.Errorf("start transport: %w", transport.ErrStarted)
	}
	listener, err := t.quic.Listen(t.options.Identity.ServerTLS(t.serverTLS()), t.config())
	if err != nil {
		return fmt.Errorf("listen on %s: %w", t.Addr(), err)
	}
	t.listener = listener
	if err := t.node.Start(deliver, peer); err != nil {
		return err
	}
	t.node.Go(t.accept)
	return nil
}

// Send queues m for m.To and returns at once; false says that it was dropped.
func (t *Transport) Send(m raft.Message) bool { return t.node.Send(m) }

// Metrics returns what was counted since New.
func (t *Transport) Metrics() transport.Metrics {
	m := t.node.Metrics()
	m.Socket = t.socket.metrics()
	return m
}

// Close stops everything, drops what is queued, and returns when no delivery is under way or will come. The peers are
// told.
func (t *Transport) Close() error {
	first := t.node.Shutdown()
	t.node.Wait() // every connection says farewell while there is a socket to say it on
	if !first {
		return nil
	}
	t.mu.Lock()
	listener := t.listener
	t.mu.Unlock()
	if listener != nil {
		_ = listener.Close() // says only that it was closed before
	}
	err := t.quic.Close()
	if err := errors.Join(err, t.socket.Close()); err != nil {
		return fmt.Errorf("close QUIC: %w", err)
	}
	return nil
}
