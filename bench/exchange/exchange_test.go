package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/exchange"
)

// TestMain makes an end of the test's own binary when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "exchange-end" {
		if err := exchange.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const ms = time.Millisecond

func start(t *testing.T, transport string) *exchange.Pair {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pair, err := exchange.Start(t.Context(), exchange.Options{Executable: self, Dir: dir, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() { // what the transports counted says why
			for _, end := range []string{"driver", "echo"} {
				text, _ := os.ReadFile(filepath.Join(dir, end+".log"))
				t.Logf("%s:\n%s", end, text)
			}
		}
		if err := pair.Close(); err != nil {
			t.Error(err)
		}
	})
	return pair
}

func eachTransport(t *testing.T, test func(t *testing.T, pair *exchange.Pair)) {
	for _, transport := range []string{"tcp", "tls", "quic"} {
		t.Run(transport, func(t *testing.T) { test(t, start(t, transport)) })
	}
}

func TestLoops(t *testing.T) {
	eachTransport(t, func(t *testing.T, pair *exchange.Pair) {
		for _, l := range []exchange.Loop{
			{Mode: exchange.Echo, SizeBytes: 64, InFlight: 1},
			{Mode: exchange.Echo, SizeBytes: 1 << 10, InFlight: 64},
			{Mode: exchange.Echo, SizeBytes: 1 << 20, InFlight: 4},
			{Mode: exchange.Stream, SizeBytes: 256, InFlight: exchange.StreamWindow(256)},
			{Mode: exchange.Stream, SizeBytes: 1 << 20, InFlight: exchange.StreamWindow(1 << 20)},
		} {
			l.Duration = 60 * ms // without a warm-up: the first window is timed, however busy the machine is
			c, err := pair.Loop(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			if n := int64(l.InFlight); c.Messages < c.Completed || c.Messages < n || c.Times.TotalCount() < n {
				t.Errorf("%+v: got %d messages, %d completed, %d timed", l, c.Messages, c.Completed, c.Times.TotalCount())
			}
			if least := time.Duration(c.Times.Min()); least < 5*time.Microsecond || c.Used.CPU <= 0 || c.Used.Allocs <= 0 {
				t.Errorf("%+v: got a fastest round trip of %v, CPU %v, %d allocations", l, least, c.Used.CPU, c.Used.Allocs)
			}
			// Nothing is compressed: what went through the sockets is at least what was sent.
			least := uint64(c.Messages) * uint64(l.SizeBytes)
			if l.Mode == exchange.Echo {
				least *= 2
			}
			if s := c.Used.Socket; s != nil && (s.SendBytes < least || s.ReceiveBytes < least || s.Sends == 0) {
				t.Errorf("%+v: got sockets %+v for %d messages", l, *s, c.Messages)
			}
		}
	})
}

// What does not fit into a transport's queue is dropped; a loop that goes on with fewer messages would be another one.
func TestADroppedMessageEndsALoop(t *testing.T) {
	pair := start(t, "tcp")
	_, err := pair.Loop(t.Context(), exchange.Loop{
		Mode: exchange.Echo, SizeBytes: 4 << 20, InFlight: 64, Duration: 10 * ms,
	})
	if !errors.Is(err, exchange.ErrLost) {
		t.Errorf("got %v, want that a message was lost", err)
	}
	if _, err := pair.Loop(t.Context(), exchange.Loop{
		Mode: exchange.Echo, SizeBytes: 64, InFlight: 1, Duration: 10 * ms,
	}); err != nil {
		t.Errorf("the next loop: %v", err)
	}
}

func TestHeartbeatsBesideEachBackground(t *testing.T) {
	eachTransport(t, func(t *testing.T, pair *exchange.Pair) {
		for _, background := range []exchange.Background{
			exchange.Idle, exchange.Append, exchange.Snapshot, exchange.OneLane,
		} {
			var moved int64
			for try := 0; try < 5 && (try == 0 || moved == 0 && background != exchange.Idle); try++ { // on a busy machine
				b, err := pair.Beat(t.Context(), exchange.Beat{
					Background: background, Every: 2 * ms, Duration: 100 * ms, SnapshotBytes: 4 << 20,
				})
				if err != nil {
					t.Fatal(err)
				}
				if b.Sent != 50 || b.Lost != 0 || b.Times.TotalCount() != 50 || b.Lag.TotalCount() != 50 {
					t.Errorf("%s: got %d sent, %d lost, %d timed", background, b.Sent, b.Lost, b.Times.TotalCount())
				}
				moved += b.BackgroundBytes
			}
			if (background == exchange.Idle) != (moved == 0) {
				t.Errorf("%s: got %d bytes on the other lane", background, moved)
			}
		}
	})
}

func TestConnections(t *testing.T) {
	eachTransport(t, func(t *testing.T, pair *exchange.Pair) {
		for _, again := range []bool{false, true} {
			c, err := pair.Connect(t.Context(), exchange.Connect{Count: 3, Again: again})
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Took) != 3 || c.Took[0] <= 0 || c.Used.CPU <= 0 {
				t.Errorf("again %v: got %v, CPU %v", again, c.Took, c.Used.CPU)
			}
		}
		// The two ends still talk.
		if _, err := pair.Loop(t.Context(), exchange.Loop{
			Mode: exchange.Echo, SizeBytes: 64, InFlight: 1, Duration: 10 * ms,
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestAnEndThatDiesIsAnError(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*ms)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := exchange.Start(t.Context(), exchange.Options{Executable: self, Dir: t.TempDir(), Transport: "tcp"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pair.Close() }() // it was killed, which is an error
	_, err = pair.Loop(ctx, exchange.Loop{Mode: exchange.Echo, SizeBytes: 64, InFlight: 1, Duration: time.Hour})
	if err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("got %v, want the end of the context", err)
	}
	if _, err := pair.Facts(t.Context()); err == nil {
		t.Error("got an answer of an end that was killed")
	}
}

func TestStartRefusesWhatItDoesNotKnow(t *testing.T) {
	_, err := exchange.Start(t.Context(), exchange.Options{Transport: "mem"})
	for _, want := range []string{"Executable", "Dir", "Transport"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a word about %s", err, want)
		}
	}
}
