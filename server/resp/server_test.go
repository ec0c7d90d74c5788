package resp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// lab is a handler whose calls are completed by the test: HOLD x and READ x wait, LATE k x is a late call
// that reads the key k, AFTER k x waits for the late calls that read k, and then waits like HOLD; anything
// else echoes its last argument.
type lab struct {
	mu   sync.Mutex
	held map[string]*held
	news chan string
}

type held struct {
	call  Call
	reply string
}

func (h *held) AppendReply(dst []byte, _ Protocol) []byte { return AppendSimple(dst, h.reply) }

func newLab() *lab { return &lab{held: map[string]*held{}, news: make(chan string, 4096)} }

func (l *lab) Serve(c *Conn, args [][]byte) {
	name := string(args[len(args)-1])
	begin, bytes := c.Begin, 1
	switch string(args[0]) {
	case "HOLD":
	case "TAKE":
		bytes, _ = strconv.Atoi(string(args[1]))
	case "READ":
		begin = c.BeginRead
	case "LATE":
		begin = func(call *Call, r Replier, bytes int) bool { return c.BeginLate(call, r, bytes, footprintOf(args[1])) }
	case "AFTER":
		c.AwaitLate(footprintOf(args[1]))
	default:
		c.Reply(AppendSimple(nil, name))
		return
	}
	h := &held{reply: "held " + name}
	l.mu.Lock()
	l.held[name] = h
	l.mu.Unlock()
	if begin(&h.call, h, bytes) {
		l.news <- name
	}
}

// footprintOf is that of a key, or of everything for "*".
func footprintOf(key []byte) Footprint {
	if string(key) == "*" {
		return Footprint{}
	}
	return FootprintOf(key)
}

func (l *lab) complete(name string) { l.completeWith(name, 0) }

func (l *lab) completeWith(name string, replyBytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[name].call.Complete(replyBytes)
}

func start(t *testing.T, h Handler, o Options) (*Server, net.Conn, *bufio.Reader) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(l, h, o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: got %v, want ErrClosed", err)
		}
	})
	c := dial(t, s)
	return s, c, bufio.NewReader(c)
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func say(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, r *bufio.Reader, want ...string) {
	t.Helper()
	for _, w := range want {
		got, err := r.ReadString('\n')
		if err != nil || strings.TrimSpace(got) != w {
			t.Fatalf("got %q, %v, want %q", got, err, w)
		}
	}
}

func TestRepliesLeaveInTheOrderOfRequests(t *testing.T) {
	l := newLab()
	_, c, r := start(t, l, Options{})
	const n = 500
	var in strings.Builder
	var want []string
	for i := range n {
		fmt.Fprintf(&in, "HOLD %d\r\nPING p%d\r\n", i, i)
		want = append(want, fmt.Sprintf("+held %d", i), fmt.Sprintf("+p%d", i))
	}
	say(t, c, in.String())
	names := make([]string, n)
	for i := range names {
		names[i] = <-l.news
	}
	go func() {
		for i := len(names) - 1; i >= 0; i-- { // the last request is answered first
			l.complete(names[i])
		}
	}()
	expect(t, r, want...)
}

func TestConnectionIsNotReadAboveItsLimit(t *testing.T) {
	l := newLab()
	_, c, r := start(t, l, Options{InflightRequestsMax: 2})
	say(t, c, "HOLD a\r\nHOLD b\r\nHOLD c\r\n")
	if a, b := <-l.news, <-l.news; a != "a" || b != "b" {
		t.Fatalf("got %s, %s, want a, b", a, b)
	}
	select {
	case name := <-l.news:
		t.Fatalf("%s was begun above the limit", name)
	case <-time.After(20 * time.Millisecond):
	}
	l.complete("a")
	if name := <-l.news; name != "c" {
		t.Fatalf("got %s, want c", name)
	}
	l.complete("c")
	l.complete("b")
	expect(t, r, "+held a", "+held b", "+held c")
}

func (l *lab) wantNews(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := <-l.news; got != w {
			t.Fatalf("got %s, want %s", got, w)
		}
	}
}

func (l *lab) wantNoNews(t *testing.T) {
	t.Helper()
	select {
	case name := <-l.news:
		t.Fatalf("%s was begun above the limit", name)
	case <-time.After(20 * time.Millisecond):
	}
}

// Small requests that read much are limited by what they will hold, not by what they hold.
func TestReadsTakeRoomForTheirReplies(t *testing.T) {
	l := newLab()
	_, c, r := start(t, l, Options{InflightBytesMax: 1700})
	say(t, c, "READ x\r\n")
	l.wantNews(t, "x")
	l.completeWith("x", 800)
	expect(t, r, "+held x")
	say(t, c, "READ a\r\nREAD b\r\nREAD c\r\nHOLD d\r\n")
	l.wantNews(t, "a", "b")
	l.wantNoNews(t)
	l.completeWith("b", 10) // less than expected, though it has to wait for a
	l.wantNews(t, "c", "d")
	l.completeWith("a", 800)
	l.complete("c") // refused
	l.complete("d")
	expect(t, r, "+held a", "+held b", "+held c", "+held d")
	say(t, c, "READ e\r\nHOLD f\r\n")
	l.wantNews(t, "e", "f")
	l.complete("e")
	l.complete("f")
	expect(t, r, "+held e", "+held f")
}

// Connections together hold no more than the limit of all; who waits is served in the order of coming.
func TestConnectionsShareALimit(t *testing.T) {
	const k = freeBytes + 1 // large enough to count
	l := newLab()
	s, first, _ := start(t, l, Options{InflightBytesMax: 100 * k, InflightBytesAllMax: 250 * k})
	conns := []net.Conn{first, dial(t, s), dial(t, s), dial(t, s)}
	take := func(conn, size int, name string) {
		t.Helper()
		say(t, conns[conn], fmt.Sprintf("TAKE %d %s\r\n", size*k, name))
	}
	take(0, 90, "a")
	l.wantNews(t, "a")
	take(1, 90, "b")
	l.wantNews(t, "b")
	take(2, 90, "c")
	l.wantNoNews(t)
	take(3, 60, "d") // it would fit, but c was there before
	l.wantNoNews(t)
	if held := s.InflightBytes(); held != 180*k {
		t.Errorf("%d bytes are held, want %d", held, 180*k)
	}
	l.complete("a")
	got := []string{<-l.news, <-l.news}
	if slices.Sort(got); !slices.Equal(got, []string{"c", "d"}) {
		t.Fatalf("%v were begun, want c and d", got)
	}
	say(t, dial(t, s), "TAKE 1 small\r\n") // on a connection with nothing under way
	l.wantNews(t, "small")
	for _, name := range []string{"b", "c", "d"} {
		l.complete(name)
	}
	take(0, 1000, "e") // more than all: when it is alone
	l.wantNews(t, "e")
	take(1, 1, "f")
	l.wantNoNews(t)
	l.completeWith("e", 5)
	l.wantNews(t, "f")
	take(2, 1000, "g")
	l.wantNoNews(t)
	s.Close() // nobody waits any more
	if held := s.InflightBytes(); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
}

// Before the first reply nobody knows how large they are.
func TestFirstReadsAreFew(t *testing.T) {
	l := newLab()
	_, c, r := start(t, l, Options{InflightBytesMax: 1700})
	for i := range 20 {
		say(t, c, fmt.Sprintf("READ %d\r\n", i))
	}
	for i := range firstReadsMax - 1 {
		l.wantNews(t, fmt.Sprint(i))
	}
	l.wantNoNews(t)
	l.completeWith("0", 5)
	expect(t, r, "+held 0")
	l.wantNews(t, "15", "16", "17", "18", "19")
}

func TestTimeoutIsAnsweredAndLateCompletionDropped(t *testing.T) {
	l := newLab()
	_, c, r := start(t, l, Options{RequestTimeout: 30 * time.Millisecond, TimeoutReply: "UNKNOWN late"})
	say(t, c, "HOLD a\r\nHOLD b\r\n")
	<-l.news
	<-l.news
	l.complete("b")
	expect(t, r, "-UNKNOWN late", "+held b")
	l.complete("a")
	say(t, c, "PING x\r\n")
	expect(t, r, "+x")
}

func TestTooLargeKeepsTheConnectionAndNonsenseDoesNot(t *testing.T) {
	_, c, r := start(t, newLab(), Options{RequestBytesMax: 32})
	say(t, c, "*2\r\n$4\r\nPING\r\n$100\r\n"+strings.Repeat("x", 100)+"\r\nPING y\r\n*1\r\n$9223372036854775807\r\n")
	expect(t, r, "-ERR request too large: more than 32 bytes; it was not executed", "+y",
		"-ERR Protocol error: invalid bulk length")
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end of the connection", err)
	}
}

func TestConnectionLimit(t *testing.T) {
	s, c, r := start(t, newLab(), Options{ConnectionsMax: 1})
	say(t, c, "PING x\r\n")
	expect(t, r, "+x")
	second := bufio.NewReader(dial(t, s))
	expect(t, second, "-ERR max number of clients reached")
	if open, _, refused := s.Connections(); open != 1 || refused != 1 {
		t.Errorf("got %d open, %d refused, want 1 and 1", open, refused)
	}
}

func TestShutdownAnswersWhatIsUnderWay(t *testing.T) {
	l := newLab()
	s, c, r := start(t, l, Options{})
	say(t, c, "HOLD a\r\n")
	<-l.news
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	l.complete("a")
	expect(t, r, "+held a")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownGivesUpAtTheDeadline(t *testing.T) {
	l := newLab()
	s, c, r := start(t, l, Options{})
	say(t, c, "HOLD a\r\n")
	<-l.news
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("got a reply, want none")
	}
	l.complete("a") // late: must not crash
}

func TestOptionsNameEveryFault(t *testing.T) {
	err := Options{ConnectionsMax: -1, ArgsMax: -2, RequestBytesMax: -3}.WithDefaults().Validate()
	for _, want := range []string{"ConnectionsMax: -1", "ArgsMax: -2", "RequestBytesMax: -3"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %q", err, want)
		}
	}
}

// What begins after a late call, and changes what that reads, waits until its reply is made.
func TestLateCallsDoNotSeeWhatComesAfter(t *testing.T) {
	for _, c := range []struct {
		name, late, after string
		waits             bool
	}{
		{"the same key", "k", "k", true}, {"another key", "k", "other", false}, {"all keys", "k", "*", true},
		{"of all keys", "*", "k", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab()
			_, conn, r := start(t, l, Options{})
			say(t, conn, "HOLD first\r\nLATE "+c.late+" read\r\nAFTER "+c.after+" write\r\n")
			l.wantNews(t, "first", "read")
			l.complete("read") // it is not its turn yet
			if c.waits {
				l.wantNoNews(t)
			} else {
				l.wantNews(t, "write")
			}
			l.complete("first")
			expect(t, r, "+held first", "+held read")
			if c.waits {
				l.wantNews(t, "write")
			}
			l.complete("write")
			expect(t, r, "+held write")
		})
	}
}

func TestWaitForLateCallsEndsWithTheConnection(t *testing.T) {
	l := newLab()
	s, conn, _ := start(t, l, Options{})
	say(t, conn, "LATE k read\r\nAFTER k write\r\n")
	l.wantNews(t, "read")
	l.wantNoNews(t)
	s.Close() // hangs, if the reader still waits
	l.complete("read")
}
