package replica

import (
	"fmt"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// BenchmarkTrace is what the trace costs three servers for an entry, in batches of so many: all steps, and the readings
// of the clock that it adds.
func BenchmarkTrace(b *testing.B) {
	for _, batch := range []int{1, 64} {
		for _, oneIn := range []int{16, 128} {
			b.Run(fmt.Sprintf("batch=%d/one_in=%d", batch, oneIn), func(b *testing.B) {
				b.ReportAllocs()
				c := newTracedCluster(oneIn)
				for at := 0; at < b.N; at += batch {
					c.commit(batch)
				}
			})
		}
	}
}

// BenchmarkTraceShared is what a leader's steps of a batch of 64 cost when its loop, writer, transport and applier note
// theirs at once, and somebody reads the traces all the time: they share a lock.
func BenchmarkTraceShared(b *testing.B) {
	c := newTracedCluster(16)
	for range 8192 * 16 / 64 {
		c.commit(64) // a full ring
	}
	t := &c.servers[0]
	stop, read := make(chan struct{}), make(chan int)
	go func() {
		lists := 0
		for {
			select {
			case <-stop:
				read <- lists
				return
			default:
				_, _ = t.list()
				lists++
			}
		}
	}()
	last := raft.Span{Prev: raft.EntryID{Term: 1, Index: c.last - 64}, Entries: c.span.Entries}
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			t.wrote([]raft.Span{last}, 1, 2)
			t.acked(&raft.Message{From: 2, Term: 1, Match: c.last}, 3)
			t.applied(&last, 4)
		}
	})
	b.StopTimer()
	close(stop)
	b.ReportMetric(float64(<-read)/b.Elapsed().Seconds(), "lists/s")
}

// tracedCluster calls the tracers of three servers as a commit does.
type tracedCluster struct {
	r       *Replica // for its clock
	servers [3]tracer
	last    raft.Index
	span    raft.Span
}

func newTracedCluster(oneIn int) *tracedCluster {
	c := &tracedCluster{r: &Replica{started: time.Now()}}
	for i := range c.servers {
		c.servers[i] = newTracer(oneIn, 8192)
	}
	return c
}

func (c *tracedCluster) commit(batch int) {
	l := &c.servers[0]
	for len(c.span.Entries) < batch {
		c.span.Entries = append(c.span.Entries, raft.Entry{Term: 1, Kind: raft.EntryCommand})
	}
	span := raft.Span{Prev: raft.EntryID{Term: 1, Index: c.last}, Entries: c.span.Entries[:batch]}
	c.last = span.LastIndex()
	now := c.r.clock()
	for i := range batch {
		proposed := c.r.clock() // by Propose
		if id := (raft.EntryID{Term: 1, Index: span.Prev.Index + raft.Index(i) + 1}); l.samples(id.Index) {
			l.mu.Lock()
			l.lead(1)
			if r := l.begin(id, 1); r != nil {
				r.proposed, r.batched = proposed, now
			}
			l.mu.Unlock()
		}
	}
	now = c.r.clock()
	for peer := raft.NodeID(2); peer <= 3; peer++ {
		f := &c.servers[peer-1]
		l.mu.Lock()
		l.sent(&raft.Message{Kind: raft.MsgAppend, To: peer, Term: 1, Span: span}, now)
		l.mu.Unlock()
		if f.samplesAny(&span) {
			f.received(&span, 1, c.r.clock())
		}
		f.wrote([]raft.Span{span}, now, now)
		if f.samplesAny(&span) {
			f.applied(&span, c.r.clock())
		}
		l.acked(&raft.Message{From: peer, Term: 1, Match: c.last}, c.r.clock())
	}
	l.wrote([]raft.Span{span}, now, now)
	if l.samplesAny(&span) {
		l.applied(&span, c.r.clock())
	}
	for i := range batch {
		if id := (raft.EntryID{Term: 1, Index: span.Prev.Index + raft.Index(i) + 1}); l.samples(id.Index) {
			l.answered(id, c.r.clock())
		}
	}
}

// The trace allocates once, its ring, and nothing for an entry.
func TestTraceAllocatesNothingForAnEntry(t *testing.T) {
	c := newTracedCluster(1)
	c.commit(8)
	if got := testing.AllocsPerRun(100, func() { c.commit(8) }); got > 0 {
		t.Errorf("got %v allocations for eight entries at three servers", got)
	}
}
