package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"
)

// patience is for what is expected; calm is how long nothing may happen for it to count as held.
const (
	patience = 10 * time.Second
	calm     = 30 * time.Millisecond
)

// pair returns a connection of node 1 to peer 2 with the links' faults, dialed, and its bare other end.
func pair(t *testing.T, l *Links) (conn, peer net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	conn, err = l.Dial(t.Context(), 2, "append", func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	})
	if err != nil {
		t.Fatal(err)
	}
	peer, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), peer.Close() })
	for _, c := range []net.Conn{conn, peer} {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	return conn, peer
}

// newLinks returns links with rules.
func newLinks(t *testing.T, rules ...Rule) *Links {
	t.Helper()
	l := New(ConnectionLevel, 7)
	t.Cleanup(func() { _ = l.Close() })
	mustAdd(t, l, rules...)
	return l
}

func mustAdd(t *testing.T, l *Links, rules ...Rule) {
	t.Helper()
	if err := l.Add(rules...); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %q: %v", n, text, err)
	}
}

func wantRead(t *testing.T, c net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("read %q, %v, want %q", got, err, text)
	}
}

// wantSilence reads and finds nothing, not even an end.
func wantSilence(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(calm)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v, want nothing", n, err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
}

func hits(l *Links) (sum int64) {
	for _, r := range l.Rules() {
		sum += r.Hits
	}
	return sum
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func TestNilHasNoFaults(t *testing.T) {
	var l *Links
	conn, peer := pair(t, l)
	if _, ok := conn.(*net.TCPConn); !ok || l.Accepted(peer) != peer {
		t.Errorf("got %T, want the connection itself", conn)
	}
	if err := Greeted(peer, 1, "append"); err != nil || l.Active() || len(l.Rules()) != 0 || l.Close() != nil {
		t.Errorf("nil has faults: %v", err)
	}
	buffers := net.Buffers{[]byte("a"), []byte("bc")}
	if n, err := WriteBuffers(conn, &buffers); n != 3 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	wantRead(t, peer, "abc")
}

func TestCutHoldsWhatIsWritten(t *testing.T) {
	l := newLinks(t)
	conn, peer := pair(t, l)
	write(t, conn, "before ")
	mustAdd(t, l, Rule{Peer: 2, Direction: Out, Action: Cut})
	write(t, conn, "during ")
	buffers := net.Buffers{[]byte("it "), []byte("too ")}
	if n, err := WriteBuffers(conn, &buffers); n != 7 || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	wantRead(t, peer, "before ")
	wantSilence(t, peer)
	write(t, peer, "the other way")
	wantRead(t, conn, "the other way")
	if hits(l) != 2 {
		t.Errorf("%d hits, want 2", hits(l))
	}
	if n := l.Clear(""); n != 1 {
		t.Errorf("cleared %d, want 1", n)
	}
	wantRead(t, peer, "during it too ")
	write(t, conn, "after")
	wantRead(t, peer, "after")
}

func TestCutHoldsWhatArrives(t *testing.T) {
	l := newLinks(t)
	conn, peer := pair(t, l)
	read := make(chan string, 2)
	go func() { // waits since before the cut
		for range 2 {
			b := make([]byte, 16)
			n, err := conn.Read(b)
			if err != nil {
				b, n = []byte(err.Error()), len(err.Error())
			}
			read <- string(b[:n])
		}
	}()
	time.Sleep(5 * time.Millisecond) // so that it does, mostly; both ways must hold
	mustAdd(t, l, Rule{Direction: In, Action: Cut, Name: "cut"})
	write(t, peer, "late")
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cut is hit", func() bool { return hits(l) > 0 })
	select {
	case got := <-read:
		t.Fatalf("read %q through a cut", got)
	case <-time.After(calm):
	}
	l.Clear("other")
	if len(l.Rules()) != 1 {
		t.Fatal("a rule of another name was cleared")
	}
	l.Clear("cut")
	if got := <-read; got != "late" {
		t.Errorf("read %q, want what was held", got)
	}
	if got := <-read; got != "EOF" {
		t.Errorf("read %q, want the end that was held", got)
	}
}

func TestRulesAreForOnePeerAndLane(t *testing.T) {
	l := newLinks(t,
		Rule{Peer: 3, Direction: Both, Action: Cut}, Rule{Peer: 2, Direction: Both, Lane: "control", Action: Cut})
	conn, peer := pair(t, l)
	write(t, conn, "there")
	wantRead(t, peer, "there")
	write(t, peer, "and back")
	wantRead(t, conn, "and back")
	if hits(l) != 0 {
		t.Errorf("%d hits of rules for others", hits(l))
	}
	mustAdd(t, l, Rule{Peer: 2, Direction: Out, Lane: "append", Action: Cut})
	write(t, conn, "never")
	wantSilence(t, peer)
}

func TestAcceptedIsCutOnceItIsGreeted(t *testing.T) {
	l := newLinks(t, Rule{Peer: 2, Direction: In, Action: Cut})
	peer, raw := pair(t, nil)
	conn := l.Accepted(raw)
	write(t, peer, "hello")
	wantRead(t, conn, "hello")
	if err := conn.SetDeadline(time.Now().Add(calm)); err != nil {
		t.Fatal(err)
	}
	if err := Greeted(conn, 2, "append"); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("greeted through a cut: %v", err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	greeted := make(chan error, 1)
	go func() { greeted <- Greeted(conn, 2, "append") }()
	l.Clear("")
	if err := <-greeted; err != nil {
		t.Errorf("greeted after the cut: %v", err)
	}
	mustAdd(t, l, Rule{Direction: In, Action: Cut})
	go func() { greeted <- Greeted(conn, 2, "append") }()
	eventually(t, "the cut is hit", func() bool { return hits(l) > 0 })
	_ = conn.Close()
	if err := <-greeted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("greeted on a closed connection: %v", err)
	}
}

// A writer that is held up waits for its deadline, or for Close, and for nothing else.
func TestHeldWritesEnd(t *testing.T) {
	l := newLinks(t, Rule{Direction: Out, Action: Cut})
	conn, _ := pairUnderCut(t, l)
	if n, err := conn.Write(make([]byte, HeldBytesMax)); n != HeldBytesMax || err != nil {
		t.Fatalf("wrote %d, %v, want all that may be held", n, err)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(calm)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Write([]byte("more")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wrote %d, %v, want a deadline", n, err)
	}
	if err := conn.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := conn.Write([]byte("more")); done <- err }()
	select {
	case err := <-done:
		t.Fatalf("wrote beyond the bound: %v", err)
	case <-time.After(calm):
	}
	begin := time.Now()
	_ = conn.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) || time.Since(begin) > time.Second {
		t.Errorf("held write ended with %v after %v, want it closed at once", err, time.Since(begin))
	}
}

// What is written after the healing waits for what was held before.
func TestHealedWritesKeepTheirOrder(t *testing.T) {
	l := newLinks(t, Rule{Direction: Out, Action: Cut})
	conn, peer := pairUnderCut(t, l)
	for _, end := range []net.Conn{conn.(*Conn).NetConn(), peer} { // so that most of it still waits then
		tcp := end.(*net.TCPConn)
		if err := errors.Join(tcp.SetWriteBuffer(64<<10), tcp.SetReadBuffer(64<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Write(make([]byte, HeldBytesMax)); err != nil {
		t.Fatal(err)
	}
	l.Clear("")
	written := make(chan error, 1)
	go func() { _, err := conn.Write([]byte{1}); written <- err }()
	time.Sleep(5 * time.Millisecond) // so that it would be among the first
	got := make([]byte, HeldBytesMax+1)
	if _, err := io.ReadFull(peer, got); err != nil || <-written != nil {
		t.Fatal(err)
	}
	if at := bytes.IndexByte(got, 1); at != HeldBytesMax {
		t.Errorf("what was written last arrived as byte %d", at)
	}
}

// pairUnderCut connects a pair before it puts the rules of l in force again.
func pairUnderCut(t *testing.T, l *Links) (conn, peer net.Conn) {
	t.Helper()
	var rules []Rule
	for _, r := range l.Rules() {
		rules = append(rules, r.Rule)
	}
	l.Clear("")
	conn, peer = pair(t, l)
	mustAdd(t, l, rules...)
	return conn, peer
}

func TestCloseIsNotToldThroughACut(t *testing.T) {
	for _, held := range []string{"", "held"} {
		l := newLinks(t, Rule{Direction: Out, Action: Cut})
		conn, peer := pairUnderCut(t, l)
		write(t, conn, held)
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		wantSilence(t, peer)
		l.Clear("")
		wantRead(t, peer, held)
		if n, err := peer.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d, %v, want the end", n, err)
		}
	}
}

func TestCloseWritesWhatIsLate(t *testing.T) {
	l := newLinks(t, Rule{Direction: Out, Action: Delay, Delay: Duration(calm)})
	conn, peer := pair(t, l)
	write(t, conn, "last words")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	wantRead(t, peer, "last words")
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
}

func TestDialWaitsForItsLink(t *testing.T) {
	l := newLinks(t, Rule{Peer: 2, Direction: In, Action: Cut})
	dialed := make(chan struct{}, 8)
	dial := func(context.Context) (net.Conn, error) { dialed <- struct{}{}; return nil, io.EOF }
	ctx, cancel := context.WithTimeout(t.Context(), calm)
	defer cancel()
	if _, err := l.Dial(ctx, 2, "control", dial); !errors.Is(err, context.DeadlineExceeded) || len(dialed) != 0 {
		t.Errorf("dialed through a cut: %v", err)
	}
	if _, err := l.Dial(t.Context(), 3, "control", dial); !errors.Is(err, io.EOF) {
		t.Errorf("dial of another: %v", err)
	}
	<-dialed
	result := make(chan error, 1)
	go func() { _, err := l.Dial(t.Context(), 2, "control", dial); result <- err }()
	eventually(t, "the dial waits", func() bool { return hits(l) == 2 })
	l.Clear("")
	if err := <-result; !errors.Is(err, io.EOF) {
		t.Errorf("dial after the cut: %v", err)
	}
	mustAdd(t, l, Rule{Direction: Both, Action: Delay, Delay: Duration(10 * time.Millisecond)})
	begin := time.Now()
	_, err := l.Dial(t.Context(), 2, "control", dial)
	if !errors.Is(err, io.EOF) || time.Since(begin) < 20*time.Millisecond {
		t.Errorf("dialed after %v, %v, want the delays of both ways", time.Since(begin), err)
	}
}

// Delays do not add up: what is written meanwhile is under way, too.
func TestDelayIsPipelinedAndKeepsOrder(t *testing.T) {
	const delay, writes = 20 * time.Millisecond, 50
	for _, direction := range []Direction{Out, In} {
		l := newLinks(t, Rule{Direction: direction, Action: Delay, Delay: Duration(delay), Jitter: Duration(delay / 2)})
		conn, peer := pairUnderCut(t, l)
		from, to := conn, peer
		if direction == In {
			from, to = peer, conn
		}
		go func() {
			for i := range writes {
				_, _ = from.Write([]byte{byte(i)})
				time.Sleep(time.Millisecond)
			}
		}()
		begin := time.Now()
		got := make([]byte, writes)
		if _, err := io.ReadFull(to, got[:1]); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < delay/2 {
			t.Errorf("%s: first byte after %v, want at least %v", direction, took, delay/2)
		}
		if _, err := io.ReadFull(to, got[1:]); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > writes*delay/2 {
			t.Errorf("%s: took %v: the delays added up", direction, took)
		}
		for i, b := range got {
			if int(b) != i {
				t.Fatalf("%s: byte %d overtook: %v", direction, b, got)
			}
		}
		if hits(l) == 0 {
			t.Errorf("%s: no hits", direction)
		}
	}
}

func TestBandwidthSpreadsWhatIsWritten(t *testing.T) {
	const rate, bytes = 1 << 20, 200 << 10
	l := newLinks(t, Rule{Direction: Out, Action: Bandwidth, Bandwidth: rate})
	conn, peer := pair(t, l)
	begin := time.Now()
	if _, err := conn.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(peer, make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	want := time.Duration(float64(bytes)/rate*float64(time.Second)) - 2*burst
	if took := time.Since(begin); took < want {
		t.Errorf("took %v, want %v or more", took, want)
	}
}

// Whatever is in force and for how long, what arrives is a prefix of what was sent, and when all is healed the rest.
func TestBytesKeepTheirOrderWhileRulesChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l := newLinks(t)
	conn, peer := pair(t, l)
	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(random.Uint32())
	}
	echoed := make(chan error, 1)
	go func() { _, err := io.CopyN(peer, peer, int64(len(sent))); echoed <- err }()
	go func() {
		for rest := sent; len(rest) > 0; {
			n := min(len(rest), 1+int(rest[0])*100)
			if _, err := conn.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
			time.Sleep(time.Millisecond)
		}
	}()
	stop := make(chan struct{})
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		for i := 0; ; i++ {
			select {
			case <-stop:
				l.Clear("")
				return
			case <-time.After(time.Millisecond):
			}
			direction := Directions()[random.IntN(3)]
			switch i % 5 {
			case 0:
				_ = l.Add(Rule{Direction: direction, Action: Cut})
			case 1:
				_ = l.Add(Rule{Name: "d", Direction: direction, Action: Delay, Delay: Duration(time.Millisecond)})
			case 2:
				_ = l.Add(Rule{Direction: direction, Action: Drop, Probability: .1, Retransmit: Duration(time.Millisecond)})
			case 3:
				l.Clear("d")
			case 4:
				l.Clear("")
			}
		}
	}()
	got := make([]byte, len(sent))
	_, err := io.ReadFull(conn, got)
	close(stop)
	<-changed
	if err != nil || !bytes.Equal(got, sent) || <-echoed != nil {
		t.Errorf("%v: what came back is not what was sent", err)
	}
}
