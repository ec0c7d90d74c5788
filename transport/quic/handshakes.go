package quic

import (
	"context"
	"net"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/transport/link"
)

const (
	// handshakesPerSecond is how many handshakes a second begin without the proof that the address is not forged: more have
	// to show it first (Retry), which costs them a round trip and this node no memory.
	handshakesPerSecond = 64
	// handshakesBurst is how many may begin at once.
	handshakesBurst = 128
)

// gauge says when handshakes come faster than nodes of a cluster would make them: a bucket of tokens.
type gauge struct {
	mu      sync.Mutex
	tokens  float64
	at      time.Time
	retries uint64
}

// tooMany takes a token, or reports that there is none.
func (g *gauge) tooMany(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at.IsZero() {
		g.tokens = handshakesBurst
	} else {
		g.tokens = min(handshakesBurst, g.tokens+now.Sub(g.at).Seconds()*handshakesPerSecond)
	}
	g.at = now
	if g.tokens < 1 {
		g.retries++
		return true
	}
	g.tokens--
	return false
}

func (g *gauge) retried() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.retries
}

// Retries returns how many handshakes were asked for the proof of their address.
func (t *Transport) Retries() uint64 { return t.gauge.retried() }

// verifySource is asked by quic-go about each Initial packet without a token.
func (t *Transport) verifySource(net.Addr) bool { return t.gauge.tooMany(time.Now()) }

// guest is a connection's place at the door, from its first packet to its end.
type guest struct {
	mu    sync.Mutex
	visit *link.Visit
}

func (g *guest) greeted() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.visit.Greeted()
}

func (g *guest) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.visit.Leave()
}

type guestKey struct{}

// enter is asked by quic-go about each new connection, before anything is kept for it: ctx ends when it does.
func (t *Transport) enter(ctx context.Context, info *quicgo.ClientInfo) (context.Context, error) {
	visit, err := t.node.Enter(info.RemoteAddr)
	if err != nil {
		t.node.Refuse(err, info.RemoteAddr.String())
		return nil, err
	}
	g := &guest{visit: visit}
	context.AfterFunc(ctx, g.leave)
	return context.WithValue(ctx, guestKey{}, g), nil
}

// guestOf returns the guest of a connection that was accepted.
func guestOf(conn *quicgo.Conn) *guest {
	g, _ := conn.Context().Value(guestKey{}).(*guest)
	return g
}
