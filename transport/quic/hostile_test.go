package quic_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/transport/transporttest"
	"github.com/raftmark/raftmark/transport/wire"
)

func TestHostile(t *testing.T) {
	transporttest.RunHostile(t, newNetwork, transporttest.Config{
		Secure: true, Proxy: transporttest.ProxyUDP,
		Hostile: &transporttest.Hostile{Name: "quic", Protocol: "raftmark/1", Knock: knock, Idle: idle},
	})
}

// deaf is a socket that hears nothing, so that a handshake goes no further than its first packets.
type deaf struct {
	net.PacketConn
	socket *net.UDPConn
}

func (d deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.PacketConn.ReadFrom(b); err != nil {
			return 0, nil, err
		}
	}
}

// What quic-go looks for before it complains.
func (d deaf) SetReadBuffer(n int) error             { return d.socket.SetReadBuffer(n) }
func (d deaf) SetWriteBuffer(n int) error            { return d.socket.SetWriteBuffer(n) }
func (d deaf) SyscallConn() (syscall.RawConn, error) { return d.socket.SyscallConn() }

// idle sends the first packet of a handshake from a socket of its own, and nothing more.
func idle(target string, from net.IP) (io.Closer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	return begin(ctx, target, from)
}

// begin begins a handshake and gives it up when ctx ends. The socket stays open.
func begin(ctx context.Context, target string, from net.IP) (io.Closer, error) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: from})
	if err != nil {
		return nil, err
	}
	udp, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	dialer := &quicgo.Transport{Conn: deaf{socket, socket}}
	_, err = dialer.Dial(ctx, udp, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"raftmark/1"}}, nil)
	_ = dialer.Close()
	if ctx.Err() == nil {
		return nil, errors.Join(fmt.Errorf("a deaf dialer got through: %w", err), socket.Close())
	}
	return socket, nil
}

// line is a connection with a stream for the greeting, and one for a lane.
type line struct {
	transport *quicgo.Transport
	conn      *quicgo.Conn
	greeting  *quicgo.Stream
	lane      *quicgo.SendStream
	hello     []byte
}

func knock(target string, from net.IP, config *tls.Config) (transporttest.Line, error) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: from})
	if err != nil {
		return nil, err
	}
	udp, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	l := &line{transport: &quicgo.Transport{Conn: socket}}
	l.conn, err = l.transport.Dial(ctx, udp, config, &quicgo.Config{
		KeepAlivePeriod: 100 * time.Millisecond, EnableDatagrams: true,
	})
	if err == nil {
		l.greeting, err = l.conn.OpenStreamSync(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.transport.Close(), socket.Close())
	}
	go func() { // Close of a transport leaves its socket open
		<-l.conn.Context().Done()
		_ = l.transport.Close()
		_ = socket.Close()
	}()
	return l, nil
}

func (l *line) Utter(b []byte) error {
	_, err := l.greeting.Write(b)
	return err
}

func (l *line) Greet(hello []byte) (wire.Welcome, error) {
	l.hello = hello
	if err := l.Utter(hello); err != nil {
		return wire.Welcome{}, err
	}
	if err := l.greeting.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return wire.Welcome{}, err
	}
	frame, err := wire.NewReader(l.greeting, wire.HelloBytesMax).Next()
	if err != nil {
		return wire.Welcome{}, err
	}
	if frame.Kind != wire.KindWelcome {
		return wire.Welcome{}, fmt.Errorf("%v frame instead of a welcome", frame.Kind)
	}
	return wire.DecodeWelcome(frame.Payload)
}

// Write writes on the lane's stream, which begins with the hello, too.
func (l *line) Write(b []byte) (int, error) {
	if l.lane == nil {
		stream, err := l.conn.OpenUniStream()
		if err != nil {
			return 0, err
		}
		if _, err := stream.Write(l.hello); err != nil {
			return 0, err
		}
		l.lane = stream
	}
	return l.lane.Write(b)
}

func (l *line) Closed(within time.Duration) bool {
	select {
	case <-l.conn.Context().Done():
		return true
	case <-time.After(within):
		return false
	}
}

func (l *line) Close() error { return l.conn.CloseWithError(0, "") }

// TestGarbageIsDropped sends datagrams that are nothing at all, from many sockets, beside a handshake that works.
func TestGarbageIsDropped(t *testing.T) {
	p := newPair(t)
	a, b := p.open(1, 1, ""), p.open(2, 1, "")
	p.start(1, b.Addr())
	p.start(2, a.Addr())
	garbage := make([]byte, 1200)
	for range 50 {
		conn, err := net.Dial("udp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			_, _ = rand.Read(garbage)
			_, _ = conn.Write(garbage)
		}
		_ = conn.Close()
	}
	p.reach(1, 2, 1)
	p.reach(2, 1, 2)
}

// TestHostileInitials floods a node with first packets of handshakes, each of its own, from many addresses, as if those
// were forged: whoever sends them does not hear the answers.
func TestHostileInitials(t *testing.T) {
	packets, duration := 300, 300*time.Millisecond
	if transporttest.HostileLong() {
		packets, duration = 3000, 10*time.Second
	}
	p := newPair(t)
	a, b := p.open(1, 1, ""), p.open(2, 1, "")
	p.start(1, b.Addr())
	p.start(2, a.Addr())
	p.reach(1, 2, 1)
	p.reach(2, 1, 2)
	flood := initials(t, packets)
	disconnects, heap := b.Metrics().Disconnects, heapNow()

	end := time.Now().Add(duration)
	var sent atomic.Int64
	var work sync.WaitGroup
	for i := range 2 {
		work.Go(func() {
			for n := i; time.Now().Before(end); n++ {
				from := &net.UDPAddr{IP: net.IPv4(127, 0, 1, byte(1+n%200))}
				if runtime.GOOS != "linux" {
					from = nil // there is one loopback address
				}
				conn, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(b.Addr())))
				if err != nil {
					t.Error(err)
					return
				}
				for k := range 64 {
					if _, err := conn.Write(flood[(n+k)%len(flood)]); err == nil {
						sent.Add(1)
					}
				}
				_ = conn.Close()
			}
		})
	}
	var worst time.Duration
	for seq := uint64(3); time.Now().Before(end); seq++ {
		worst = max(worst, p.reach(1, 2, seq))
	}
	work.Wait()
	growth := int64(heapNow()) - int64(heap)
	m := b.Metrics()
	if b.Retries() == 0 {
		t.Error("no address had to be proved")
	}
	if m.Disconnects != disconnects {
		t.Errorf("%d connections of the peer broke", m.Disconnects-disconnects)
	}
	if growth > 16<<20 || m.GreetingsMost > 64 {
		t.Errorf("the heap grew by %d bytes, %d greetings at once", growth, m.GreetingsMost)
	}
	transporttest.WriteRow(t, "forged Initials, many addresses", "quic", "Retry asked for; heap + 16 MiB at most",
		fmt.Sprintf("%.0f/s, %d Retries, %d greetings at most, heap + %d KiB",
			float64(sent.Load())/duration.Seconds(), b.Retries(), m.GreetingsMost, max(0, growth)>>10),
		fmt.Sprintf("the slowest heartbeat took %v", worst.Round(10*time.Microsecond)))
}

// initials returns first packets of so many handshakes.
func initials(t *testing.T, count int) [][]byte {
	t.Helper()
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sink.Close() }()
	var packets [][]byte
	buffer := make([]byte, 2048)
	for range count {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		var work sync.WaitGroup
		work.Go(func() {
			if c, err := begin(ctx, sink.LocalAddr().String(), net.IPv4(127, 0, 0, 1)); err == nil {
				_ = c.Close()
			}
		})
		_ = sink.SetReadDeadline(time.Now().Add(time.Second))
		n, _, err := sink.ReadFromUDP(buffer)
		cancel()
		work.Wait()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, append([]byte(nil), buffer[:n]...))
	}
	return packets
}

func heapNow() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
