package quic

import (
	"errors"
	"fmt"
	"sync"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
)

// Codes that connections are closed with. The peer only counts them; they show in traces.
const (
	codeClosed  quicgo.ApplicationErrorCode = 0
	codeRefused quicgo.ApplicationErrorCode = 1
	codeBroken  quicgo.ApplicationErrorCode = 2
	// codeCrossed says that there is another connection, which was made at the same time.
	codeCrossed quicgo.ApplicationErrorCode = 3
	// codeSilent says that the peer was not heard of.
	codeSilent quicgo.ApplicationErrorCode = 4
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
	gauge    gauge
	// tokens are what peers gave this node to prove its address with when it comes back, and what the round trip was.
	tokens quicgo.TokenStore

	mu       sync.Mutex
	sessions map[raft.NodeID]*session
}

// connectionIDBytes is the length of the ids that packets to this node carry: too long to be guessed or to collide.
const connectionIDBytes = 8

// New checks the options and binds the socket; nothing is accepted before Start.
func New(options transport.Options) (*Transport, error) {
	t := &Transport{
		sessions: map[raft.NodeID]*session{}, tokens: quicgo.NewLRUTokenStore(transport.PeersMax, 2),
	}
	node, err := link.NewNode(options, t.dial, transport.CheckReachable)
	if err != nil {
		return nil, err
	}
	t.node, t.options = node, node.Options()
	if err := checkOptions(t.options); err != nil {
		return nil, fmt.Errorf("transport options: %w", err)
	}
	silence()
	t.socket, err = listen(t.options.Listen)
	if err != nil {
		return nil, fmt.Errorf("Listen = %s: %w", t.options.Listen, err)
	}
	if t.options.Faults != nil { // a nil pointer would be a gate
		t.socket.gate = t.options.Faults
	}
	t.node.Listens(t.Addr())
	resetKey := quicgo.StatelessResetKey(t.options.Identity.ResetKey())
	t.quic = &quicgo.Transport{
		Conn: t.socket, ConnectionIDLength: connectionIDBytes, StatelessResetKey: &resetKey,
		VerifySourceAddress: t.verifySource, ConnContext: t.enter,
	}
	t.warnOfBuffers()
	return t, nil
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

// TimesRefused returns how often peers refused this node for reason; unlike Metrics, it asks the kernel nothing.
func (t *Transport) TimesRefused(reason transport.Refusal) uint64 { return t.node.TimesRefused(reason) }

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
