package exchange

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Sizes of what keeps a lane full: a leader's defaults.
const (
	fullMessageBytes      = 1 << 20
	fullMessages          = windowBytes / fullMessageBytes
	snapshotChunkBytes    = 256 << 10
	snapshotInflightBytes = 2 << 20
)

// beats are the heartbeats of one command.
type beats struct {
	end    *end
	kind   raft.MessageKind
	number uint64

	mu    sync.Mutex
	start time.Time
	sent  []time.Duration // -1 before; by heartbeat
	took  []time.Duration // likewise
	left  int             // sent or to be sent, and not answered
	done  chan struct{}
}

// runBeat sends heartbeats when they are due, whatever became of those before, beside the background.
func (e *end) runBeat(ctx context.Context, o Beat) (*beatResult, error) {
	e.loads++
	n := int(o.Duration / o.Every)
	b := &beats{end: e, kind: raft.MsgHeartbeat, number: e.loads, left: n, done: make(chan struct{})}
	if o.Background == OneLane {
		b.kind = raft.MsgAppend
	}
	b.sent, b.took = make([]time.Duration, n), make([]time.Duration, n)
	for i := range n {
		b.sent[i], b.took[i] = -1, -1
	}
	background := e.newBackground(o)
	stop := e.receive(func(m *raft.Message) {
		if !b.take(m) {
			background.take(m)
		}
	})
	defer stop()
	background.begin()
	if err := pause(ctx, settle); err != nil { // until the lane is full
		return nil, err
	}
	before, ended := background.bytes(), len(background.snapshots())
	start := b.begin()
	sleepUntil, release := newSleeper()
	defer release()
	for i := range n {
		sleepUntil(start, time.Duration(i)*o.Every)
		b.send(i)
	}
	// Over the time it really took: a sender that is late is so for longer than was asked.
	lasted, moved := time.Since(start), background.bytes()-before
	took := background.snapshots()[ended:]
	b.wait(ctx)
	if err := background.stop(ctx); err != nil {
		return nil, fmt.Errorf("heartbeats beside %s: %w", o.Background, err)
	}
	return b.result(o, lasted, moved, took)
}

// settle is how long a background runs before heartbeats are timed.
const settle = 50 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *beats) begin() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.start = time.Now()
	return b.start
}

func (b *beats) send(i int) {
	b.mu.Lock()
	b.sent[i] = time.Since(b.start)
	b.mu.Unlock()
	if !b.end.send(raft.Message{Kind: b.kind, Seq: b.number<<32 | uint64(i)}) {
		b.mu.Lock()
		b.less()
		b.mu.Unlock()
	}
}

// take returns whether it was the answer to a heartbeat.
func (b *beats) take(m *raft.Message) bool {
	if m.Seq>>32 != b.number {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.start)
	if i := int(m.Seq & 0xFFFF_FFFF); i < len(b.took) && b.took[i] < 0 {
		b.took[i] = now - b.sent[i]
		b.less()
	}
	return true
}

// less needs mu.
func (b *beats) less() {
	b.left--
	if b.left == 0 {
		close(b.done)
	}
}

// wait gives the last heartbeats time to be answered; those that are not are lost.
func (b *beats) wait(ctx context.Context) {
	timer := time.NewTimer(answerMax)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (b *beats) result(o Beat, lasted time.Duration, moved int64, snapshots []time.Duration) (*beatResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &beatResult{Sent: len(b.sent), LastedNs: int64(lasted), BackgroundBytes: moved}
	took, lag, late := newHistogram(), newHistogram(), newHistogram()
	for i := range b.sent {
		due := time.Duration(i) * o.Every
		record(lag, b.sent[i]-due)
		if b.took[i] < 0 {
			r.Lost++
			continue
		}
		record(took, b.took[i])
		record(late, b.sent[i]+b.took[i]-due)
	}
	for _, d := range snapshots {
		r.SnapshotsNs = append(r.SnapshotsNs, int64(d))
	}
	var err error
	if r.Histogram, err = encodeHistogram(took); err != nil {
		return nil, err
	}
	if r.FromDue, err = encodeHistogram(late); err != nil {
		return nil, err
	}
	r.Lag, err = encodeHistogram(lag)
	return r, err
}

// background is what goes on beside the heartbeats.
type background interface {
	begin()
	take(m *raft.Message)
	bytes() int64
	snapshots() []time.Duration
	stop(ctx context.Context) error
}

func (e *end) newBackground(o Beat) background {
	switch o.Background {
	case Append, OneLane:
		l := e.newLoop(raft.Message{Kind: raft.MsgAppend, Span: spanOf(fullMessageBytes)}, fullMessages)
		l.to = 24 * time.Hour // until it is stopped
		return fullLane{l}
	case Snapshot:
		e.loads++
		return newSnapshots(e, e.loads, o.SnapshotBytes)
	default:
		return quiet{}
	}
}

// quiet does nothing.
type quiet struct{}

func (quiet) begin()                     {}
func (quiet) take(*raft.Message)         {}
func (quiet) bytes() int64               { return 0 }
func (quiet) snapshots() []time.Duration { return nil }
func (quiet) stop(context.Context) error { return nil }

// fullLane keeps the append lane full.
type fullLane struct{ *loop }

func (f fullLane) bytes() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.messages * fullMessageBytes
}

func (f fullLane) snapshots() []time.Duration { return nil }
