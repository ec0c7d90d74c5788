package link

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

const paceTestRate = 16 << 10

// paced runs a test with a paced reader and the other end of its connection, in a time of its own. What the reader
// answers is counted.
func paced(t *testing.T, test func(t *testing.T, r *wire.Reader, peer net.Conn, answers func() int)) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		r := wire.NewReader(here, 1<<20)
		pace(r, &transport.Options{BodyRateMin: paceTestRate, DeadPeerTimeout: time.Second})
		answers := make(chan int, 1)
		go func() {
			count, answer := 0, wire.NewReader(there, 0)
			for {
				if _, err := answer.Next(); err != nil {
					answers <- count
					return
				}
				count++
			}
		}()
		test(t, r, there, func() int {
			_ = here.Close()
			return <-answers
		})
		_, _ = here.Close(), there.Close()
		time.Sleep(2 * time.Hour) // whoever still writes notices
	})
}

// drip writes data in pieces, one each pause.
func drip(conn io.Writer, data []byte, piece int, pause time.Duration) {
	for len(data) > 0 {
		n := min(piece, len(data))
		if _, err := conn.Write(data[:n]); err != nil {
			return
		}
		data = data[n:]
		time.Sleep(pause)
	}
}

func TestSlowFramesAreRefused(t *testing.T) {
	frame := wire.AppendFrame(nil, wire.KindMessages, make([]byte, 256<<10))
	for name, c := range map[string]struct {
		piece       int
		pause       time.Duration
		least, most time.Duration
	}{
		"header":       {1, time.Second, 2 * time.Second, 2100 * time.Millisecond},
		"body":         {wire.HeaderBytes, 100 * time.Millisecond, 2 * time.Second, 2100 * time.Millisecond},
		"half as fast": {paceTestRate / 20, 100 * time.Millisecond, 3900 * time.Millisecond, 4100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			paced(t, func(t *testing.T, r *wire.Reader, peer net.Conn, _ func() int) {
				go drip(peer, frame, c.piece, c.pause)
				begin := time.Now()
				_, err := r.Next()
				took := time.Since(begin)
				if transport.ReasonOf(err) != transport.RefusedSlow || took < c.least || took > c.most {
					t.Errorf("%v after %v, want a refusal as slow after %v to %v", err, took, c.least, c.most)
				}
			})
		})
	}
}

// TestFramesThatAreFastEnoughArrive has frames at just the rate, and pauses between them that are no one's fault.
func TestFramesThatAreFastEnoughArrive(t *testing.T) {
	frame := wire.AppendFrame(nil, wire.KindMessages, make([]byte, 256<<10))
	paced(t, func(t *testing.T, r *wire.Reader, peer net.Conn, answers func() int) {
		begin := time.Now()
		go func() {
			for range 3 {
				drip(peer, frame, paceTestRate/10, 100*time.Millisecond)
				time.Sleep(time.Hour)
				// The begin of the next comes with the end of this one.
				drip(peer, append(wire.KeepAlive(), frame[:100]...), 1000, time.Second)
				drip(peer, frame[100:], paceTestRate/2, 100*time.Millisecond)
			}
		}()
		for i := range 9 {
			if _, err := r.Next(); err != nil {
				t.Fatalf("frame %d after %v: %v", i, time.Since(begin), err)
			}
		}
		// At most each eighth of the dead peer timeout, and for each of six frames of many seconds again and again:
		// what comes each 100 ms is answered every other time.
		if got, busy := answers(), 3*(16+1+4)*answersPerTimeout; got > busy || got < busy/2 {
			t.Errorf("%d answers, want somewhat less than %d", got, busy)
		}
	})
}

// TestOwnPauseIsNotThePeersFault has a deadline fire a minute late, as after a stop of this process, and then in time.
func TestOwnPauseIsNotThePeersFault(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _, _ = here.Close(), there.Close() }()
	r := wire.NewReader(here, 1<<20)
	go func() { _, _ = there.Write(append(wire.KeepAlive(), wire.KeepAlive()[:5]...)) }()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s := &pacedSource{src: here, reader: r, rate: paceTestRate, begun: now.Add(-time.Minute)}
	s.armed = s.deadline(r.Buffered())
	if err := s.expired(now); err != nil || !s.armed.After(now) {
		t.Fatalf("after a stop of this process: %v, the next deadline is %v from now", err, s.armed.Sub(now))
	}
	if err := s.expired(s.armed); err != nil {
		t.Fatalf("when that passed, too: %v, want a last read", err)
	}
	if err := s.expired(s.armed); transport.ReasonOf(err) != transport.RefusedSlow {
		t.Errorf("after that read: %v, want a refusal as slow", err)
	}
}

// TestWhatWaitsIsReadBeforeAPeerIsSlow has a deadline fire in time while the rest of the frame is there to be read, as
// after a stop of this process that was not long enough to show.
func TestWhatWaitsIsReadBeforeAPeerIsSlow(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _, _ = here.Close(), there.Close() }()
	r := wire.NewReader(here, 1<<20)
	frame := wire.KeepAlive()
	go func() { _, _ = there.Write(append(wire.KeepAlive(), frame[:5]...)) }()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now().Add(-frameGrace - 100*time.Millisecond)
	s := &pacedSource{src: here, reader: r, rate: paceTestRate, begun: begun, after: r.Buffered()}
	if err := s.set(s.deadline(r.Buffered())); err != nil {
		t.Fatal(err)
	}
	if err := s.expired(s.armed); err != nil {
		t.Fatalf("at the deadline: %v, want a last read", err)
	}
	s.armed = time.Now().Add(time.Minute) // a busy machine may need more than graceRead
	if err := here.SetReadDeadline(s.armed); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = there.Write(frame[5:]) }()
	p := make([]byte, 100)
	if n, err := s.Read(p); n != len(frame)-5 || err != nil {
		t.Errorf("the last read: %d bytes, %v; want %d", n, err, len(frame)-5)
	}
	if err := s.expired(time.Now()); transport.ReasonOf(err) != transport.RefusedSlow {
		t.Errorf("when the same frame needs another: %v, want a refusal as slow", err)
	}
}

// TestEachProbeIsAnswered has probes that come early, as those of a ticker that was late before.
func TestEachProbeIsAnswered(t *testing.T) {
	const probes = 40
	paced(t, func(t *testing.T, r *wire.Reader, peer net.Conn, answers func() int) {
		go func() {
			for i := range probes {
				_, _ = peer.Write(wire.KeepAlive())
				time.Sleep(time.Second/probesPerTimeout + []time.Duration{20, -20}[i%2]*time.Millisecond)
			}
		}()
		for i := range probes {
			if _, err := r.Next(); err != nil {
				t.Fatalf("probe %d: %v", i, err)
			}
		}
		if got := answers(); got != probes {
			t.Errorf("%d answers, want one for each of %d probes", got, probes)
		}
	})
}

// TestFrameThatBeganWithTheGreeting has a reader that holds part of a frame before it is paced.
func TestFrameThatBeganWithTheGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		greeting, frame := wire.KeepAlive(), wire.AppendFrame(nil, wire.KindMessages, make([]byte, 1000))
		go func() {
			drip(there, append(greeting, frame[:20]...), 100, time.Second)
			drip(there, frame[20:], 100, 100*time.Millisecond)
		}()
		r := wire.NewReader(here, 1<<20)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		pace(r, &transport.Options{BodyRateMin: paceTestRate, DeadPeerTimeout: time.Second})
		go func() { _, _ = io.Copy(io.Discard, there) }()
		if _, err := r.Next(); err != nil {
			t.Error(err)
		}
		_, _ = here.Close(), there.Close()
		time.Sleep(time.Hour)
	})
}
