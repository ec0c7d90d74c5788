package faults

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wantIdle fails when this process is busy, in every one of many windows of time.
func wantIdle(t *testing.T, what string) {
	t.Helper()
	const window, busy = 50 * time.Millisecond, 10 * time.Millisecond
	least := time.Hour
	for range 10 {
		begin := cpuTime(t)
		time.Sleep(window)
		if least = min(least, cpuTime(t)-begin); least < busy {
			return
		}
	}
	t.Errorf("%s: %v of processor time or more in each %v: it spins", what, least, window)
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// A deadline is for whoever writes. That what is held outlasts it, as in each cut that is longer, costs nothing.
func TestHeldWritesRestAfterTheDeadline(t *testing.T) {
	l := newLinks(t)
	conn, peer := pair(t, l)
	mustAdd(t, l, Rule{Direction: Out, Action: Cut})
	write(t, conn, "held")
	if err := conn.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	wantIdle(t, "open")
	if err := conn.Close(); err != nil { // which parks it
		t.Fatal(err)
	}
	wantIdle(t, "closed")
	l.Clear("")
	wantRead(t, peer, "held")
}

// So for what is read: as much is held as may be, and the reader's deadline has passed.
func TestHeldReadsRestAfterTheDeadline(t *testing.T) {
	l := newLinks(t)
	conn, peer := pair(t, l)
	mustAdd(t, l, Rule{Direction: In, Action: Cut})
	wrote := make(chan error, 1)
	go func() { _, err := peer.Write(make([]byte, 2*HeldBytesMax)); wrote <- err }()
	if err := conn.SetReadDeadline(time.Now().Add(calm)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d, %v, want a deadline", n, err)
	}
	in := &heldOf(t, conn).in
	eventually(t, "all that may be is held", func() bool {
		in.mu.Lock()
		defer in.mu.Unlock()
		return in.bytes+chunkBytes > HeldBytesMax
	})
	wantIdle(t, "full")
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	l.Clear("")
	if n, err := io.ReadFull(conn, make([]byte, 2*HeldBytesMax)); err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func heldOf(t *testing.T, conn net.Conn) *Conn {
	t.Helper()
	c, ok := conn.(*Conn)
	if !ok {
		t.Fatalf("got a %T", conn)
	}
	return c
}
