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
	// unprovenMax is how many handshakes may be under way with addresses that may be forged: beyond, who dials has to
	// show first that packets reach it (Retry), which costs it a round trip and this node no memory. Forged addresses
	// can hold no more places at the door than that.
	unprovenMax = 12
	// unprovenPerSecond and unprovenBurst bound how fast such handshakes begin.
	unprovenPerSecond, unprovenBurst = 64, 32
)

// gauge says when to ask for the proof of an address.
type gauge struct {
	mu       sync.Mutex
	tokens   float64
	at       time.Time
	unproven int // handshakes under way
	retries  uint64
}

// doubtful reports whether the next handshake must prove its address.
func (g *gauge) doubtful(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at.IsZero() {
		g.tokens = unprovenBurst
	} else {
		g.tokens = min(unprovenBurst, g.tokens+now.Sub(g.at).Seconds()*unprovenPerSecond)
	}
	g.at = now
	if g.tokens < 1 || g.unproven >= unprovenMax {
		g.retries++
		return true
	}
	g.tokens--
	return false
}

func (g *gauge) change(unproven int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unproven += unproven
}

// Retries returns how many handshakes were asked for the proof of their address.
func (t *Transport) Retries() uint64 {
	t.gauge.mu.Lock()
	defer t.gauge.mu.Unlock()
	return t.gauge.retries
}

// verifySource is asked by quic-go about each Initial packet without a token.
func (t *Transport) verifySource(net.Addr) bool { return t.gauge.doubtful(time.Now()) }

// guest is a connection's place at the door, from its first packet to its end.
type guest struct {
	gauge *gauge

	mu       sync.Mutex
	visit    *link.Visit
	unproven bool // and not greeted
}

func (g *guest) greeted() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.visit.Greeted()
	g.proven()
}

func (g *guest) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.visit.Leave()
	g.proven()
}

// proven says that the address is not in doubt any more. g.mu is held.
func (g *guest) proven() {
	if g.unproven {
		g.unproven = false
		g.gauge.change(-1)
	}
}

type guestKey struct{}

// enter is asked by quic-go about each new connection, before anything is kept for it: ctx ends when it does.
func (t *Transport) enter(ctx context.Context, info *quicgo.ClientInfo) (context.Context, error) {
	visit, err := t.node.Enter(info.RemoteAddr)
	if err != nil {
		t.node.Refuse(err, info.RemoteAddr.String())
		return nil, err
	}
	g := &guest{gauge: &t.gauge, visit: visit, unproven: !info.AddrVerified}
	if g.unproven {
		t.gauge.change(1)
	}
	context.AfterFunc(ctx, g.leave)
	return context.WithValue(ctx, guestKey{}, g), nil
}

// guestOf returns the guest of a connection that was accepted.
func guestOf(conn *quicgo.Conn) *guest {
	g, _ := conn.Context().Value(guestKey{}).(*guest)
	return g
}
