package mem

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// Options say how a log in memory syncs.
type Options struct {
	// SyncDelay is how long a sync takes: a wait returns no earlier than this after its Append. Default: 0,
	// appends are durable at once. At most SyncDelayMax. Not together with ManualSync.
	SyncDelay time.Duration `json:"sync_delay"`
	// ManualSync makes waits block until Log.Sync is called. Default: false.
	ManualSync bool `json:"manual_sync"`
}

// SyncDelayMax bounds Options.SyncDelay.
const SyncDelayMax = time.Minute

// WithDefaults returns a copy with every zero field set to its default.
func (o Options) WithDefaults() Options { return o }

// Validate returns all faults of o, which has its defaults, or nil.
func (o Options) Validate() error {
	var errs []error
	if o.SyncDelay < 0 || o.SyncDelay > SyncDelayMax {
		errs = append(errs, fmt.Errorf("mem.SyncDelay: %v, need 0 to %v", o.SyncDelay, SyncDelayMax))
	}
	if o.SyncDelay > 0 && o.ManualSync {
		errs = append(errs, fmt.Errorf("mem.SyncDelay: %v, need 0 with ManualSync", o.SyncDelay))
	}
	return errors.Join(errs...)
}

// Log is a raft log in memory. It implements replica.Log.
type Log struct {
	options Options

	mu      sync.Mutex
	now     contents // what reads see
	durable contents // what a crash leaves
	pending []*batch // appended and not durable, in order
	err     error    // sticky
	loaded  bool
	closed  bool
}

// batch is one append or compaction.
type batch struct {
	hs       *raft.HardState
	spans    []raft.Span
	compact  *raft.Snapshot // of a compaction, which has nothing else
	appended time.Time      // with SyncDelay
	done     chan struct{}  // closed when it is durable, or never will be
	err      error          // set before done is closed
}

// New returns an empty log.
func New(o Options) (*Log, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Log{options: o}, nil
}

// Load implements replica.Log.
func (l *Log) Load() (raft.LogState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return raft.LogState{}, err
	}
	l.loaded = true
	return l.now.state(), nil
}

func (l *Log) usable() error {
	if l.closed {
		return fmt.Errorf("raft log: %w", raft.ErrClosed)
	}
	return nil
}

func (l *Log) writable() error {
	if err := l.usable(); err != nil {
		return err
	}
	invariant.Check(l.loaded, "raft log written before Load")
	return l.err
}

// Append implements replica.Log.
func (l *Log) Append(hs *raft.HardState, spans []raft.Span) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return nil, err
	}
	if err := l.now.check(hs, spans); err != nil {
		return nil, fmt.Errorf("append to log: %w", err)
	}
	b := &batch{done: make(chan struct{})}
	if hs != nil {
		copied := *hs
		b.hs = &copied
	}
	for _, s := range spans {
		b.spans = append(b.spans, raft.Span{Prev: s.Prev, Entries: slices.Clone(s.Entries)})
	}
	l.now.apply(b)
	l.pending = append(l.pending, b)
	switch {
	case l.options.ManualSync:
		return func() error { <-b.done; return b.err }, nil
	case l.options.SyncDelay > 0:
		b.appended = time.Now()
		return func() error { return l.syncLater(b) }, nil
	}
	l.sync(len(l.pending))
	return func() error { return b.err }, nil
}

// syncLater waits until b's sync has taken long enough, and makes everything up to b durable.
func (l *Log) syncLater(b *batch) error {
	time.Sleep(time.Until(b.appended.Add(l.options.SyncDelay)))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sync(slices.Index(l.pending, b) + 1)
	return b.err
}

// sync makes the first n pending batches durable, or fails them. It needs mu.
func (l *Log) sync(n int) {
	for _, b := range l.pending[:n] {
		if b.err = l.err; b.err == nil {
			l.durable.apply(b)
		}
		close(b.done)
	}
	l.pending = slices.Delete(l.pending, 0, n)
}

// Sync makes every append so far durable and ends its waits, like a sync of the disk that takes no time. It
// returns the sticky error.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sync(len(l.pending))
	return l.err
}

// Pending returns how many appends are not durable.
func (l *Log) Pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending)
}

// Fail makes err the sticky error: what is pending fails, and so does every write from now on.
func (l *Log) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	l.sync(len(l.pending))
}

// Crash returns the log as a power loss at this moment leaves it: everything durable, and then pending
// appends one by one, each with a probability of percent drawn from seed, until the first that is lost. The
// receiver stays as it is.
func (l *Log) Crash(percent int, seed uint64) *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	survivor := &Log{options: l.options, durable: l.durable.clone()}
	rng := rand.New(rand.NewPCG(seed, uint64(percent)))
	for _, b := range l.pending {
		if rng.IntN(100) >= percent {
			break
		}
		survivor.durable.apply(b)
	}
	survivor.now = survivor.durable.clone()
	return survivor
}

// Read implements replica.Log.
func (l *Log) Read(after, upto raft.Index, bytesMax int) (raft.Span, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return raft.Span{}, err
	}
	first := l.now.first.Last
	if after < first.Index {
		return raft.Span{}, fmt.Errorf("read log (%d, %d], log begins after %v: %w",
			after, upto, first, raft.ErrCompacted)
	}
	if upto > l.now.last().Index || after >= upto {
		return raft.Span{}, fmt.Errorf("read log (%d, %d], log ends at %v: %w",
			after, upto, l.now.last(), raft.ErrOutOfRange)
	}
	from, to := int(after-first.Index), int(upto-first.Index)
	n, size := 1, l.now.entries[from].Size()
	for from+n < to && size+l.now.entries[from+n].Size() <= bytesMax {
		size += l.now.entries[from+n].Size()
		n++
	}
	return raft.Span{
		Prev:    raft.EntryID{Term: l.now.term(after), Index: after},
		Entries: slices.Clone(l.now.entries[from : from+n]),
	}, nil
}

// Compact implements replica.Log. Like a disk, it makes what was appended before durable too; with ManualSync
// it does so by itself.
func (l *Log) Compact(upto raft.Snapshot) error {
	b, err := l.compact(upto)
	if err != nil || b == nil {
		return err
	}
	return l.syncLater(b)
}

// compact compacts what reads see; the batch is nil when there is nothing to do.
func (l *Log) compact(upto raft.Snapshot) (*batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return nil, err
	}
	if upto.Last.Index <= l.now.first.Last.Index {
		return nil, nil
	}
	if err := l.now.checkCompact(upto); err != nil {
		return nil, fmt.Errorf("compact log: %w", err)
	}
	b := &batch{compact: &upto, appended: time.Now(), done: make(chan struct{})}
	l.now.apply(b)
	l.pending = append(l.pending, b)
	return b, nil
}

// Close implements replica.Log. What was appended becomes durable and its waits end.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	l.closed = true
	l.sync(len(l.pending))
	return nil
}
