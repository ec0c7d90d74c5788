package etcdclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
)

// Target executes operations on an etcd cluster. It implements loadgen.Target.
type Target struct {
	opts    Options
	clock   clock.Clock
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	servers []*server
	board   *leaderBoard
	next    atomic.Uint64  // of servers in turn
	minders sync.WaitGroup // of the board
	work    sync.WaitGroup // operations under way

	mu     sync.RWMutex
	closed bool // no operation is begun any more
}

// New starts connecting to the servers and returns at once; WaitReady waits until operations are served.
func New(opts Options) (*Target, error) {
	opts = opts.WithDefaults()
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("target options: %w", err)
	}
	t := &Target{opts: opts, clock: opts.Clock, board: newLeaderBoard()}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for _, addr := range opts.Addrs {
		s, err := newServer(addr, opts)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("client of %s: %w", addr, err), t.Close())
		}
		t.servers = append(t.servers, s)
	}
	for _, s := range t.servers {
		t.minders.Go(func() { t.board.mind(t.ctx, s, opts.StatusInterval, opts.DialTimeout) })
	}
	return t, nil
}

// Options returns the effective options.
func (t *Target) Options() Options { return t.opts }

// Leader returns the address of the server that leads, or "".
func (t *Target) Leader() string {
	if s := t.board.leader.Load(); s != nil {
		return s.addr
	}
	return ""
}

// WaitReady returns when a server leads and a read is answered, or with the context's error and the last answer.
func (t *Target) WaitReady(ctx context.Context) error {
	ticker := time.NewTicker(t.opts.BackoffMax)
	defer ticker.Stop()
	var last error
	for tries := 0; ; tries++ {
		_, err := t.pick(tries).client().Get(withAttempt(ctx, new(attempt)), t.opts.ProbeKey)
		if err == nil && t.Leader() != "" {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err // what the end of ctx does to a call says nothing
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a leader: %w", errors.Join(last, ctx.Err()))
		case <-t.ctx.Done():
			return ErrClosed
		case <-ticker.C:
		}
	}
}

// pick returns where the given try of an operation, counted from 0, goes.
func (t *Target) pick(try int) *server {
	if leader := t.board.leader.Load(); leader != nil && try == 0 && t.opts.At == AtLeader {
		return leader
	}
	return t.servers[t.next.Add(1)%uint64(len(t.servers))]
}

// Submit implements loadgen.Target.
func (t *Target) Submit(op *loadgen.Op, done func(*loadgen.Op)) {
	op.Sent, op.Attempts, op.Redirects = -1, 0, 0
	t.mu.RLock()
	if t.closed {
		t.mu.RUnlock()
		op.Outcome, op.Err, op.Done = loadgen.Failed, ErrClosed, t.clock.Now()
		done(op)
		return
	}
	t.work.Add(1)
	t.mu.RUnlock()
	go func() {
		defer t.work.Done()
		newCall(t, op).run()
		done(op)
	}()
}

// Close implements loadgen.Target: what was sent and not answered ends Unknown if it writes, all else Failed.
func (t *Target) Close() error {
	t.mu.Lock()
	was := t.closed
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.work.Wait()
	t.minders.Wait()
	if was {
		return nil
	}
	var errs []error
	for _, s := range t.servers {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
