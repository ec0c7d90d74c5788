package exchange

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/raft"
)

// histogramMax is the longest time that is told apart, in nanoseconds.
const histogramMax = int64(time.Minute)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(100, histogramMax, 3) }

// record takes a time, at least 100 ns and at most a minute.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d), 100), histogramMax)) // within the range, which is all that can fail
}

func encodeHistogram(h *hdrhistogram.Histogram) ([]byte, error) {
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("encode histogram: %w", err)
	}
	return text, nil
}

// loop is a closed loop under way at the driver.
type loop struct {
	end     *end
	message raft.Message  // what is sent, but for its number
	number  uint64        // of the loop, in the high half of Seq
	from    time.Duration // of what is timed, since start
	to      time.Duration
	done    chan struct{}

	mu        sync.Mutex
	start     time.Time
	sent      []time.Duration // by slot
	under     int             // messages under way
	stopped   bool
	messages  int64
	completed int64
	histogram *hdrhistogram.Histogram
}

// newLoop makes the next load's loop.
func (e *end) newLoop(message raft.Message, inFlight int) *loop {
	e.loads++
	return &loop{
		end: e, message: message, number: e.loads, done: make(chan struct{}), sent: make([]time.Duration, inFlight),
		histogram: newHistogram(),
	}
}

// runLoop keeps messages under way until the time is over, and waits for the last ones.
func (e *end) runLoop(ctx context.Context, o Loop) (*loopResult, error) {
	message := raft.Message{Kind: raft.MsgAppend, Span: spanOf(o.SizeBytes)}
	if o.Mode == Echo {
		message.Commit = comesBack
	}
	l := e.newLoop(message, o.InFlight)
	l.from, l.to = o.Warmup, o.Warmup+o.Duration
	if err := e.complete(ctx, l); err != nil {
		return nil, fmt.Errorf("%s of %d B, %d in flight: %w", o.Mode, o.SizeBytes, o.InFlight, err)
	}
	text, err := encodeHistogram(l.histogram)
	return &loopResult{Messages: l.messages, Completed: l.completed, Histogram: text}, err
}

// complete runs a loop to its end.
func (e *end) complete(ctx context.Context, l *loop) error {
	dropped := e.dropped.Load()
	stop := e.receive(l.take)
	defer stop()
	l.begin()
	if err := l.wait(ctx, l.to+answerMax); err != nil {
		return err
	}
	if n := e.dropped.Load() - dropped; n > 0 {
		return fmt.Errorf("%d messages were dropped: %w", n, ErrLost)
	}
	return nil
}

// begin fills the window.
func (l *loop) begin() {
	l.mu.Lock()
	l.start = time.Now()
	l.under = len(l.sent)
	l.mu.Unlock()
	for slot := range l.sent {
		l.send(slot)
	}
}

func (l *loop) send(slot int) {
	m := l.message
	m.Seq = l.number<<32 | uint64(slot)
	l.mu.Lock()
	l.sent[slot] = time.Since(l.start)
	l.mu.Unlock()
	if !l.end.send(m) {
		l.end1()
	}
}

// take is called with each answer.
func (l *loop) take(m *raft.Message) {
	slot := int(m.Seq & 0xFFFF_FFFF)
	if m.Seq>>32 != l.number || slot >= len(l.sent) {
		return // of an earlier load, or none of a loop
	}
	l.mu.Lock()
	now := time.Since(l.start)
	l.messages++
	if sent := l.sent[slot]; sent >= l.from && sent < l.to {
		record(l.histogram, now-sent) // also when it ends late: the slowest are those that do
	}
	if now >= l.from && now < l.to {
		l.completed++
	}
	more := now < l.to && !l.stopped
	l.mu.Unlock()
	if more {
		l.send(slot)
	} else {
		l.end1()
	}
}

// end1 notes that one message fewer is under way.
func (l *loop) end1() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.under--
	if l.under == 0 {
		close(l.done)
	}
}

// stop has no message sent again, and waits for those under way.
func (l *loop) stop(ctx context.Context) error {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	return l.wait(ctx, answerMax)
}

func (l *loop) wait(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("%d messages were not answered in %v: %w", l.under, limit, ErrLost)
	}
}

// ErrLost says that a transport lost a message, or dropped one, although nothing was broken.
var ErrLost = errors.New("the transport lost a message")
