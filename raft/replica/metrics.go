package replica

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/raft"
)

// meter counts what the goroutines of a replica do.
type meter struct {
	proposals       atomic.Uint64
	proposalsBusy   atomic.Uint64
	batches         atomic.Uint64
	messagesIn      atomic.Uint64
	messagesOut     atomic.Uint64
	messagesDropped atomic.Uint64
	appliedEntries  atomic.Uint64
	elections       atomic.Uint64

	mu             sync.Mutex
	writes         uint64
	writtenEntries uint64
	writtenBytes   uint64
	syncMicros     *hdrhistogram.Histogram
	entriesAWrite  *hdrhistogram.Histogram
}

func newMeter() *meter {
	const minute = 60_000_000
	return &meter{
		syncMicros:    hdrhistogram.New(1, minute, 3),
		entriesAWrite: hdrhistogram.New(1, 1<<24, 3),
	}
}

// synced counts a write that took d to become durable.
func (m *meter) synced(d time.Duration, spans []raft.Span) {
	entries, bytes := 0, 0
	for i := range spans {
		entries += len(spans[i].Entries)
		bytes += len(spans[i].Encoded)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	m.writtenEntries += uint64(entries)
	m.writtenBytes += uint64(bytes)
	record(m.syncMicros, d.Microseconds())
	if entries > 0 {
		record(m.entriesAWrite, int64(entries))
	}
}

// record clamps v to what the histogram can hold.
func record(h *hdrhistogram.Histogram, v int64) {
	_ = h.RecordValue(min(max(v, h.LowestTrackableValue()), h.HighestTrackableValue()))
}

// Metrics is a snapshot of a replica's counters since its start.
type Metrics struct {
	Proposals       uint64 // taken from callers
	ProposalsBusy   uint64 // refused at the queue's cap
	Batches         uint64 // turns of the loop that took proposals
	MessagesIn      uint64
	MessagesOut     uint64
	MessagesDropped uint64 // at the transport's or the inbox's caps
	MessagesInvalid uint64 // that no correct server sends
	AppliedEntries  uint64
	Elections       uint64 // stood for
	Writes          uint64 // synced
	WrittenEntries  uint64
	WrittenBytes    uint64

	SyncP50, SyncP99, SyncMax   time.Duration
	EntriesAWriteP50            int64
	EntriesAWriteP99            int64
	OldestWriteAge              time.Duration // of the write under way; 0 when none is
	TracedProposals, TraceOneIn int
}

// Metrics returns a snapshot.
func (r *Replica) Metrics() Metrics {
	m := Metrics{
		Proposals:       r.meter.proposals.Load(),
		ProposalsBusy:   r.meter.proposalsBusy.Load(),
		Batches:         r.meter.batches.Load(),
		MessagesIn:      r.meter.messagesIn.Load(),
		MessagesOut:     r.meter.messagesOut.Load(),
		MessagesDropped: r.meter.messagesDropped.Load() + r.inbox.droppedMessages(),
		MessagesInvalid: r.Status().Dropped,
		AppliedEntries:  r.meter.appliedEntries.Load(),
		Elections:       r.meter.elections.Load(),
		TracedProposals: len(r.traces.list()),
		TraceOneIn:      r.traceOneIn,
		OldestWriteAge:  r.oldestWriteAge(),
	}
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	micros := func(v int64) time.Duration { return time.Duration(v) * time.Microsecond }
	m.Writes, m.WrittenEntries, m.WrittenBytes = r.meter.writes, r.meter.writtenEntries, r.meter.writtenBytes
	m.SyncP50 = micros(r.meter.syncMicros.ValueAtQuantile(50))
	m.SyncP99 = micros(r.meter.syncMicros.ValueAtQuantile(99))
	m.SyncMax = micros(r.meter.syncMicros.Max())
	m.EntriesAWriteP50 = r.meter.entriesAWrite.ValueAtQuantile(50)
	m.EntriesAWriteP99 = r.meter.entriesAWrite.ValueAtQuantile(99)
	return m
}

// String returns an aligned table.
func (m Metrics) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "proposals\t%d\tbusy\t%d\tbatches\t%d\n", m.Proposals, m.ProposalsBusy, m.Batches)
	fmt.Fprintf(w, "messages in\t%d\tout\t%d\tdropped\t%d\tinvalid\t%d\n",
		m.MessagesIn, m.MessagesOut, m.MessagesDropped, m.MessagesInvalid)
	fmt.Fprintf(w, "writes\t%d\tentries\t%d\tbytes\t%d\n", m.Writes, m.WrittenEntries, m.WrittenBytes)
	fmt.Fprintf(w, "sync p50\t%v\tp99\t%v\tmax\t%v\toldest\t%v\n", m.SyncP50, m.SyncP99, m.SyncMax, m.OldestWriteAge)
	fmt.Fprintf(w, "entries a write p50\t%d\tp99\t%d\n", m.EntriesAWriteP50, m.EntriesAWriteP99)
	fmt.Fprintf(w, "applied\t%d\telections\t%d\n", m.AppliedEntries, m.Elections)
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}
