package link

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// ErrSilent says that nothing was heard on a connection for Options.DeadPeerTimeout.
var ErrSilent = errors.New("nothing heard for the dead peer timeout")

// frameGrace is how long a frame may take beside what Options.BodyRateMin allows for its length: so its header, too.
const frameGrace = 2 * time.Second

// graceRead is what the last read of a frame is given to find what came while this node was stopped.
const graceRead = 2 * time.Millisecond

// answersPerTimeout bounds the answers in Options.DeadPeerTimeout: twice the probes, each of which must be answered
// even when it is early.
const answersPerTimeout = 2 * probesPerTimeout

// deadliner is a source whose reads can be given up.
type deadliner interface {
	io.Reader
	SetReadDeadline(t time.Time) error
}

// pacedSource reads for a [wire.Reader] and ends the reading of a frame that is slower than Options.BodyRateMin. It
// answers a peer that is heard with keep-alive frames, where the source is also a way back.
//
// The deadline is moved only when it is too late for the frame that has begun: on a busy connection once in frameGrace.
// One that fires too early is checked and moved.
type pacedSource struct {
	src    deadliner
	reader *wire.Reader
	rate   int // bytes a second

	armed  time.Time // the deadline of src, or zero
	begun  time.Time // when the first bytes of the frame under way were read
	last   time.Time // begun, of the frame that was given graceRead
	after  int       // bytes of unfinished frames after the last read
	lastly time.Time // of that read

	// back is where to answer, or nil; every is the least time between answers.
	back     answerer
	every    time.Duration
	answered time.Time
}

// answerer is a source that is also a way back.
type answerer interface {
	io.Writer
	SetWriteDeadline(t time.Time) error
}

// pace has r read no slower than the options say from now on, and answer. A source without deadlines is left as it is.
func pace(r *wire.Reader, o *transport.Options) {
	src, ok := r.Source().(deadliner)
	if !ok {
		return
	}
	s := &pacedSource{
		src: src, reader: r, rate: o.BodyRateMin, every: o.DeadPeerTimeout / answersPerTimeout,
		lastly: time.Now(), after: r.Buffered(), // the begin of a frame may have come with the hello
	}
	s.back, _ = r.Source().(answerer)
	r.SetSource(s)
}

// Read implements io.Reader for the reader.
func (s *pacedSource) Read(p []byte) (int, error) {
	for {
		if err := s.arm(); err != nil {
			return 0, err
		}
		n, err := s.src.Read(p)
		if n > 0 {
			return n, errors.Join(err, s.heard(n))
		}
		if s.armed.IsZero() || !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if err := s.expired(time.Now()); err != nil {
			return 0, err
		}
	}
}

// arm moves the deadline to when the next bytes of an unfinished frame must be there, unless it is before that.
func (s *pacedSource) arm() error {
	pending := s.reader.Buffered()
	if pending == 0 {
		s.begun = time.Time{}
		return nil
	}
	if pending != s.after || s.begun.IsZero() { // what was unfinished has been consumed, but for the begin of another
		s.begun = s.lastly
	}
	if want := s.deadline(pending); s.armed.IsZero() || s.armed.After(want) && !s.last.Equal(s.begun) {
		return s.set(want)
	}
	return nil
}

// deadline is until when more than pending bytes of the frame must have come.
func (s *pacedSource) deadline(pending int) time.Time {
	return s.begun.Add(frameGrace + perSecond(pending, s.rate))
}

// perSecond is how long so many bytes take at a rate.
func perSecond(bytes, rate int) time.Duration {
	return time.Duration(float64(bytes) / float64(rate) * float64(time.Second))
}

// expired is called when the deadline fired: it was that of an earlier frame, or the peer is too slow.
func (s *pacedSource) expired(now time.Time) error {
	pending := s.reader.Buffered()
	if pending == 0 {
		return s.set(time.Time{})
	}
	want := s.deadline(pending)
	if now.Before(want) {
		return s.set(want)
	}
	if late := now.Sub(s.armed); late > frameGrace/4 { // this node was stopped, not the peer slow
		s.begun = s.begun.Add(late + frameGrace/4)
		return s.set(s.deadline(pending))
	}
	if !s.last.Equal(s.begun) { // once a frame, so that nobody lives on it
		s.last = s.begun
		return s.set(now.Add(graceRead))
	}
	return transport.Refused(transport.RefusedSlow, "%d bytes of a frame in %v, want %d a second",
		pending, now.Sub(s.begun).Round(time.Millisecond), s.rate)
}

func (s *pacedSource) set(deadline time.Time) error {
	s.armed = deadline
	if err := s.src.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	return nil
}

// heard notes that so many bytes came, and answers once a while.
func (s *pacedSource) heard(bytes int) error {
	s.lastly, s.after = time.Now(), s.reader.Buffered()+bytes
	if s.back == nil || s.lastly.Sub(s.answered) < s.every {
		return nil
	}
	s.answered = s.lastly
	if err := s.back.SetWriteDeadline(s.lastly.Add(frameGrace)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if _, err := s.back.Write(wire.KeepAlive()); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
