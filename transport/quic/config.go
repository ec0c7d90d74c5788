package quic

import (
	"errors"
	"fmt"
	"os"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
)

// protocol is the ALPN name.
const protocol = "raftmark/1"

// streamsMax bounds the streams that a peer opens on one connection: a lane each, but several for appends.
const streamsMax = transport.LaneCount - 1 + transport.AppendStreamsMax

// streamWindowFirst is what a peer may send on a stream before anything was read, in bytes; the window grows from there
// to Options.ReceiveWindowBytes while the reader is fast.
const streamWindowFirst = 1 << 20

// quietBufferWarning is the variable by which quic-go is told not to write to the standard logger: what the system
// grants is in [Status], and logged by New.
const quietBufferWarning = "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING"

// checkOptions returns what QUIC cannot do.
func checkOptions(o transport.Options) error {
	var faults []error
	if o.Identity == nil {
		faults = append(faults, fmt.Errorf("Identity = nil: %w: QUIC is always encrypted", transport.ErrIdentityRequired))
	}
	if o.Congestion != "" {
		faults = append(faults, fmt.Errorf("Congestion = %q: want none: QUIC has its own, %s", o.Congestion, Congestion))
	}
	return errors.Join(faults...)
}

// Congestion is the congestion control of quic-go, which has no option for another.
const Congestion = "NewReno"

// Status is what a transport works with, for those who compare.
type Status struct {
	Socket SocketStatus
	// Congestion is the congestion control.
	Congestion string
	// StreamWindowBytes and ConnectionWindowBytes are the most that a peer may send beyond what was read.
	StreamWindowBytes, ConnectionWindowBytes int
}

// Status asks the system, and returns what was configured.
func (t *Transport) Status() (Status, error) {
	socket, err := t.socket.status()
	config := t.config()
	return Status{
		Socket: socket, Congestion: Congestion,
		StreamWindowBytes:     int(config.MaxStreamReceiveWindow),
		ConnectionWindowBytes: int(config.MaxConnectionReceiveWindow),
	}, err
}

// config is that of both directions.
//
// A silent connection is ended by watch, and a quiet one kept alive by Probe; quic-go's own timers stand behind them.
//
// The connection's windows have room for all streams at once: one lane that is not read never takes another's place.
func (t *Transport) config() *quicgo.Config {
	window := uint64(t.options.ReceiveWindowBytes)
	first := min(streamWindowFirst, window)
	return &quicgo.Config{
		Versions:                       []quicgo.Version{quicgo.Version1},
		HandshakeIdleTimeout:           t.options.HandshakeTimeout,
		MaxIdleTimeout:                 2 * t.options.DeadPeerTimeout,
		KeepAlivePeriod:                t.options.DeadPeerTimeout / 3,
		InitialStreamReceiveWindow:     first,
		MaxStreamReceiveWindow:         window,
		InitialConnectionReceiveWindow: (streamsMax + 1) * first,
		MaxConnectionReceiveWindow:     (streamsMax + 1) * window,
		MaxIncomingStreams:             1,
		MaxIncomingUniStreams:          streamsMax,
		EnableDatagrams:                true,
		TokenStore:                     t.tokens,
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

// warnOfBuffers logs when the system grants less than was asked for.
func (t *Transport) warnOfBuffers() {
	status, err := t.socket.status()
	if err != nil {
		t.options.Logger.Warn("inspect socket", "node", t.options.Self, "err", err)
		return
	}
	if capped := status.capped(); capped != "" {
		t.options.Logger.Warn("UDP buffers are small: bursts will be lost; raise "+capped,
			"node", t.options.Self, "wanted_bytes", status.WantedBytes,
			"receive_bytes", status.ReceiveBufferBytes, "send_bytes", status.SendBufferBytes)
	}
}

// silence has quic-go leave the standard logger alone, unless the user has decided.
func silence() {
	if _, ok := os.LookupEnv(quietBufferWarning); !ok {
		_ = os.Setenv(quietBufferWarning, "true") // fails for names that are none
	}
}
