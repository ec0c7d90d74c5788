package transporttest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between two nodes and passes on what they say, unless it is frozen: then both hear nothing, and nobody
// tells them.
type Proxy struct {
	// Addr is where the one node dials to reach the other.
	Addr string

	network string // of the dialer
	frozen  atomic.Bool
	mu      sync.Mutex
	thawed  chan struct{} // closed when it is not frozen
	closed  bool
	open    []io.Closer
	work    sync.WaitGroup
	// said is what each connection said to target, as it was read.
	said []*record
}

// record is what was said on one connection, or from one address.
type record struct{ parts [][]byte }

// recording begins a record.
func (p *Proxy) recording() *record {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &record{}
	p.said = append(p.said, r)
	return r
}

func (p *Proxy) add(r *record, part []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.parts = append(r.parts, append([]byte(nil), part...))
}

// Replay says to target what was said before, each connection on a new one, and returns how many those were and of how
// many bytes. It waits until target has hung up, where there is such a thing, or a while.
func (p *Proxy) Replay(t testing.TB, target string) (connections, bytes int) {
	t.Helper()
	p.mu.Lock()
	said := append([]*record(nil), p.said...)
	p.mu.Unlock()
	for _, r := range said {
		conn, err := net.Dial(p.network, target)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range r.parts {
			n, err := conn.Write(part)
			bytes += n
			if err != nil {
				break // it has hung up already
			}
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if p.network == "udp" {
			_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		}
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
	return len(said), bytes
}

// Freeze has the proxy hold what comes (true), or go on.
func (p *Proxy) Freeze(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on == p.frozen.Load() {
		return
	}
	p.frozen.Store(on)
	if on {
		p.thawed = make(chan struct{})
	} else {
		close(p.thawed)
	}
}

func newProxy(t testing.TB, network string) *Proxy {
	p := &Proxy{network: network, thawed: make(chan struct{})}
	close(p.thawed)
	t.Cleanup(func() {
		p.Freeze(false)
		p.mu.Lock()
		p.closed = true
		open := p.open
		p.mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
		p.work.Wait()
	})
	return p
}

// keep has c closed at the end; false says that it has been.
func (p *Proxy) keep(c io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.open = append(p.open, c)
	return true
}

// wait returns when the proxy is not frozen.
func (p *Proxy) wait() {
	if !p.frozen.Load() {
		return
	}
	p.mu.Lock()
	thawed := p.thawed
	p.mu.Unlock()
	<-thawed
}

// ProxyTCP makes a proxy of connections to target.
func ProxyTCP(t testing.TB, target string) *Proxy {
	t.Helper()
	p := newProxy(t, "tcp")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.keep(listener)
	p.Addr = listener.Addr().String()
	p.work.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			p.work.Go(func() { p.join(from, target) })
		}
	})
	return p
}

// join passes on both ways between a connection and a new one to target.
func (p *Proxy) join(from net.Conn, target string) {
	p.wait()
	to, err := net.Dial("tcp", target)
	if err != nil {
		_ = from.Close()
		return
	}
	if !p.keep(from) || !p.keep(to) {
		_ = from.Close()
		return
	}
	said := p.recording()
	p.work.Go(func() { p.pass(from, to, func(b []byte) { p.add(said, b) }) })
	p.pass(to, from, func([]byte) {})
}

func (p *Proxy) pass(from, to net.Conn, heard func([]byte)) {
	buffer := make([]byte, 64<<10)
	for {
		p.wait()
		n, err := from.Read(buffer)
		p.wait() // what was read before the freeze is held, too
		if n > 0 {
			heard(buffer[:n])
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = from.Close()
	_ = to.Close()
}

// ProxyUDP makes a proxy of datagrams to target. What comes while it is frozen is lost.
func ProxyUDP(t testing.TB, target string) *Proxy {
	t.Helper()
	p := newProxy(t, "udp")
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p.keep(front)
	p.Addr = front.LocalAddr().String()
	p.work.Go(func() {
		back := map[string]*net.UDPConn{} // of each address that was heard of
		said := map[string]*record{}
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := front.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			to := back[from.String()]
			if to == nil {
				if to = p.way(front, from, target); to == nil {
					return
				}
				back[from.String()] = to
				said[from.String()] = p.recording()
			}
			p.add(said[from.String()], buffer[:n])
			if !p.frozen.Load() {
				_, _ = to.Write(buffer[:n])
			}
		}
	})
	return p
}

// way makes a socket to target whose answers go to from.
func (p *Proxy) way(front *net.UDPConn, from *net.UDPAddr, target string) *net.UDPConn {
	conn, err := net.Dial("udp", target)
	if err != nil || !p.keep(conn) {
		return nil
	}
	to := conn.(*net.UDPConn)
	p.work.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := to.Read(buffer)
			if p.isClosed() {
				return
			}
			if err == nil && !p.frozen.Load() { // nobody may listen at target for a while
				_, _ = front.WriteToUDP(buffer[:n], from)
			}
		}
	})
	return to
}

func (p *Proxy) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}
