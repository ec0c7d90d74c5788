package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/raftmark/raftmark/transport/transporttest"
	"github.com/raftmark/raftmark/transport/wire"
)

func TestHostile(t *testing.T) {
	transporttest.RunHostile(t, newNetwork, transporttest.Config{
		Secure: true, Proxy: transporttest.ProxyTCP,
		Hostile: &transporttest.Hostile{Name: "tls", Protocol: "raftmark/1", Knock: knock, Idle: idle},
	})
}

// idle opens a connection and says nothing.
func idle(target string, from net.IP) (io.Closer, error) { return dial(target, from) }

func dial(target string, from net.IP) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 5 * time.Second}
	return dialer.Dial("tcp", target)
}

// line is a connection on which greeting and frames follow each other.
type line struct{ *tls.Conn }

func knock(target string, from net.IP, config *tls.Config) (transporttest.Line, error) {
	raw, err := dial(target, from)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return line{conn}, nil
}

func (l line) Utter(b []byte) error {
	_, err := l.Write(b)
	return err
}

func (l line) Greet(hello []byte) (wire.Welcome, error) {
	if err := l.Utter(hello); err != nil {
		return wire.Welcome{}, err
	}
	if err := l.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return wire.Welcome{}, err
	}
	frame, err := wire.NewReader(l, wire.HelloBytesMax).Next()
	if err != nil {
		return wire.Welcome{}, err
	}
	if frame.Kind != wire.KindWelcome {
		return wire.Welcome{}, fmt.Errorf("%v frame instead of a welcome", frame.Kind)
	}
	return wire.DecodeWelcome(frame.Payload)
}

func (l line) Closed(within time.Duration) bool {
	if err := l.SetReadDeadline(time.Now().Add(within)); err != nil {
		return true
	}
	_, err := io.Copy(io.Discard, l)
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

// Close closes without a farewell, which would wait for what is being written.
func (l line) Close() error { return l.NetConn().Close() }
