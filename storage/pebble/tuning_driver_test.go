package pebble

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// driving is how a driver uses the log.
type driving int

const (
	// drivingMerged appends all that waits, and waits for it, before it appends again: as raft/replica does.
	drivingMerged driving = iota
	// drivingPipelined appends all that waits while a sync is under way; another goroutine waits.
	drivingPipelined
	// drivingEach is drivingPipelined with one append of each entry.
	drivingEach
)

// driver appends groups of entries to the log of a measurement, on goroutines of its own.
//
//	put ──► queue ──► writer: Append ──► waiter: wait ──► took
type driver struct {
	m      *measurement
	how    driving
	tokens chan struct{} // one for each group under way; nil: no limit

	mu      sync.Mutex
	arrived *sync.Cond
	queue   []group
	ended   bool

	waits chan waiting
	done  chan error
	took  []time.Duration // read it after end
}

// group is what one Ready of the core brings.
type group struct {
	from time.Time
	span *raft.Span
}

type waiting struct {
	groups []group
	waits  []func() error
}

func newDriver(m *measurement, how driving, depth int) *driver {
	d := &driver{m: m, how: how, waits: make(chan waiting, 512), done: make(chan error, 1)}
	if depth > 0 {
		d.tokens = make(chan struct{}, depth)
	}
	d.arrived = sync.NewCond(&d.mu)
	go d.wait()
	go d.write()
	return d
}

// put hands over what is due since from.
func (d *driver) put(from time.Time, s *raft.Span) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, group{from, s})
	d.arrived.Signal()
}

// write appends what waits; an error ends it, and is that of end.
func (d *driver) write() {
	defer close(d.waits)
	for {
		d.mu.Lock()
		for len(d.queue) == 0 && !d.ended {
			d.arrived.Wait()
		}
		groups := d.queue
		d.queue = nil
		d.mu.Unlock()
		if len(groups) == 0 {
			return
		}
		w, err := d.append(groups)
		if err == nil && d.how == drivingMerged {
			err = w.waits[0]()
			w.waits = nil
		}
		if err != nil {
			w.waits = []func() error{func() error { return err }}
		}
		d.waits <- w
	}
}

func (d *driver) append(groups []group) (waiting, error) {
	w := waiting{groups: groups}
	var spans []raft.Span
	for _, g := range groups {
		if d.how != drivingEach {
			spans = append(spans, *g.span)
			continue
		}
		for _, e := range g.span.Entries {
			wait, err := d.m.append([]raft.Span{{Entries: []raft.Entry{e}}})
			if err != nil {
				return w, err
			}
			w.waits = append(w.waits, wait)
		}
	}
	if d.how == drivingEach {
		return w, nil
	}
	wait, err := d.m.append(spans)
	w.waits = append(w.waits, wait)
	return w, err
}

// wait waits in the order of the appends, and notes how long each group took.
func (d *driver) wait() {
	var err error
	for w := range d.waits {
		for _, wait := range w.waits {
			err = errors.Join(err, wait())
		}
		now := time.Now()
		for _, g := range w.groups {
			d.took = append(d.took, now.Sub(g.from))
			if d.tokens != nil {
				<-d.tokens
			}
		}
	}
	d.done <- err
}

// end waits for all that was put.
func (d *driver) end() error {
	d.mu.Lock()
	d.ended = true
	d.arrived.Signal()
	d.mu.Unlock()
	return <-d.done
}

// pacedRate is how many groups of one entry are due a second in the paced phase: about half of what a sync each allows.
const pacedRate = 2500

// paced puts single entries at random instants, as many clients do, and counts from when each was due.
func (m *measurement) paced() error {
	s := makeSpan(1, smallEntryBytes)
	d := newDriver(m, m.how, 0)
	rng := rand.New(rand.NewPCG(1, 1))
	used := m.start()
	for due := used.at; due.Sub(used.at) < m.each; {
		due = due.Add(time.Duration(rng.ExpFloat64() / pacedRate * float64(time.Second)))
		time.Sleep(time.Until(due))
		d.put(due, &s)
	}
	if err := d.end(); err != nil {
		return err
	}
	used = m.since(used)
	m.out["paced.p50"], m.out["paced.p99"] = quantiles(d.took)
	m.out["paced.cpu"] = micros(used.cpu) / float64(len(d.took))
	return nil
}

// pipeline keeps some groups under way, and compacts as a replica does.
func (m *measurement) pipeline() error {
	s := makeSpan(batchEntries, batchEntryBytes)
	d := newDriver(m, m.how, pipelineDepth)
	used := m.start()
	bytes := 0
	for ; bytes < m.pipelineBytes && time.Since(used.at) < m.pipelineFor; bytes += len(s.Encoded) {
		d.tokens <- struct{}{}
		d.put(time.Now(), &s)
	}
	if err := d.end(); err != nil {
		return err
	}
	elapsed := time.Since(used.at)
	if err := m.settle(); err != nil {
		return err
	}
	used = m.since(used)
	entries := float64(bytes) / float64(len(s.Encoded)) * batchEntries
	m.out["pipeline.p50"], m.out["pipeline.p99"] = quantiles(d.took)
	m.out["pipeline.rate"] = entries / elapsed.Seconds() / 1e3
	m.out["pipeline.cpu"] = micros(used.cpu) / entries
	m.out["pipeline.wal"] = float64(used.wal) / float64(bytes)
	m.out["pipeline.tables"] = float64(used.tables) / float64(bytes)
	m.out["pipeline.other"] = float64(used.other) / float64(bytes)
	m.out["pipeline.syncs"] = float64(used.syncs) / entries * batchEntries
	return nil
}

// settle waits until the engine has written the memtables that are full, so that all rounds have written the same.
func (m *measurement) settle() error {
	for end := time.Now().Add(5 * time.Second); m.log.db.Metrics().MemTable.Count > 1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("the engine does not flush its memtables")
		}
	}
	return nil
}

// plainApply is Apply with Sync, on the goroutine that appends.
func plainApply() (tuning, func()) {
	return tuning{submit: func(db *pebble.DB, batch *pebble.Batch) (func() error, error) {
		err := errors.Join(db.Apply(batch, pebble.Sync), batch.Close())
		return func() error { return nil }, err
	}}, func() {}
}

// spansBytes is the size of the spans' encodings.
func spansBytes(spans []raft.Span) (bytes int) {
	for _, s := range spans {
		if bytes += len(s.Encoded); s.Encoded == nil {
			bytes += len(raft.AppendEntries(nil, s.Entries))
		}
	}
	return bytes
}

// compactWhenDue compacts the log as a replica does, which keeps some entries.
func (m *measurement) compactWhenDue() error {
	if m.grown < m.compactBytes {
		return nil
	}
	m.grown = 0
	keep := raft.EntryID{Term: 1, Index: m.last.Index - min(keptEntries, m.last.Index)}
	return m.log.Compact(raft.Snapshot{Last: keep})
}
