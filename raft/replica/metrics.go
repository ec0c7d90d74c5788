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
	proposalsNoRoom atomic.Uint64
	messagesNoRoom  atomic.Uint64
	diskStalls      atomic.Uint64
	batches         atomic.Uint64
	messagesIn      atomic.Uint64
	messagesOut     atomic.Uint64
	messagesDropped atomic.Uint64
	appliedEntries  atomic.Uint64
	elections       atomic.Uint64

	reads, readsFailed, readsBusy, readBatches atomic.Uint64

	compactions, compactionsFailed                                atomic.Uint64
	snapshotsCreated, snapshotsSent, snapshotsReceived, installed atomic.Uint64
	snapshotsAborted, snapshotBytesSent, snapshotBytesReceived    atomic.Uint64
	transfers, transfersFailed, configChanges                     atomic.Uint64

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
	ProposalsNoRoom uint64 // refused with ErrDiskFull
	Batches         uint64 // turns of the loop that took proposals
	MessagesIn      uint64
	MessagesOut     uint64
	MessagesDropped uint64 // at the transport's or the inbox's caps
	MessagesNoRoom  uint64 // dropped because this server has no room for what they bring
	MessagesInvalid uint64 // that no correct server sends
	AppliedEntries  uint64
	Elections       uint64 // stood for
	Reads           uint64 // confirmed, and the machine was there
	ReadsFailed     uint64 // not confirmed in time, or the replica stopped
	ReadsBusy       uint64 // refused at ReadsMax
	ReadBatches     uint64 // reads that the core was asked for, each for many
	Writes          uint64 // synced
	WrittenEntries  uint64
	WrittenBytes    uint64

	Compactions           uint64 // of the log
	CompactionsFailed     uint64
	SnapshotsCreated      uint64
	SnapshotsSent         uint64 // to the last part
	SnapshotsReceived     uint64 // to the last part, and undamaged
	SnapshotsInstalled    uint64
	SnapshotsAborted      uint64 // parts that could not be read or stored
	SnapshotBytesSent     uint64
	SnapshotBytesReceived uint64
	Transfers             uint64 // of leadership, begun on demand
	TransfersFailed       uint64 // of these, where somebody waited
	ConfigChanges         uint64 // made on demand

	SyncP50, SyncP99, SyncMax   time.Duration
	EntriesAWriteP50            int64
	EntriesAWriteP99            int64
	OldestWriteAge              time.Duration // since it was handed over, of what is not durable yet; 0 when all is
	ApplyAge                    time.Duration // of the call of the machine under way; 0 when none is
	DiskStalls                  uint64        // longer than Options.DiskStallMax
	LogBytes, LogBytesMax       int64         // of the log, by Entry.Size, and its budget; -1 for none
	TracedProposals, TraceOneIn int
}

// Metrics returns a snapshot.
func (r *Replica) Metrics() Metrics {
	m := Metrics{
		Proposals:       r.meter.proposals.Load(),
		ProposalsBusy:   r.meter.proposalsBusy.Load(),
		ProposalsNoRoom: r.meter.proposalsNoRoom.Load(),
		Batches:         r.meter.batches.Load(),
		MessagesIn:      r.meter.messagesIn.Load(),
		MessagesOut:     r.meter.messagesOut.Load(),
		MessagesDropped: r.meter.messagesDropped.Load() + r.inbox.droppedMessages(),
		MessagesNoRoom:  r.meter.messagesNoRoom.Load(),
		MessagesInvalid: r.Status().Dropped,
		AppliedEntries:  r.meter.appliedEntries.Load(),
		Elections:       r.meter.elections.Load(),
		TracedProposals: r.tracer.count(),
		TraceOneIn:      r.tracer.oneIn,
		OldestWriteAge:  r.oldestWriteAge(),
		ApplyAge:        r.applyAge(),
		DiskStalls:      r.meter.diskStalls.Load(),
		LogBytes:        r.logBytes.Load(),
		LogBytesMax:     int64(r.logBytesMax),
	}
	r.meter.rest(&m)
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

// rest sets what is about anything but the log's way.
func (m *meter) rest(to *Metrics) {
	to.Reads, to.ReadsFailed = m.reads.Load(), m.readsFailed.Load()
	to.ReadsBusy, to.ReadBatches = m.readsBusy.Load(), m.readBatches.Load()
	to.Compactions, to.CompactionsFailed = m.compactions.Load(), m.compactionsFailed.Load()
	to.SnapshotsCreated, to.SnapshotsSent = m.snapshotsCreated.Load(), m.snapshotsSent.Load()
	to.SnapshotsReceived, to.SnapshotsInstalled = m.snapshotsReceived.Load(), m.installed.Load()
	to.SnapshotsAborted = m.snapshotsAborted.Load()
	to.SnapshotBytesSent, to.SnapshotBytesReceived = m.snapshotBytesSent.Load(), m.snapshotBytesReceived.Load()
	to.Transfers, to.TransfersFailed = m.transfers.Load(), m.transfersFailed.Load()
	to.ConfigChanges = m.configChanges.Load()
}

// String returns an aligned table.
func (m Metrics) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "proposals\t%d\tbusy\t%d\tno room\t%d\tbatches\t%d\n",
		m.Proposals, m.ProposalsBusy, m.ProposalsNoRoom, m.Batches)
	fmt.Fprintf(w, "messages in\t%d\tout\t%d\tdropped\t%d\tno room\t%d\tinvalid\t%d\n",
		m.MessagesIn, m.MessagesOut, m.MessagesDropped, m.MessagesNoRoom, m.MessagesInvalid)
	fmt.Fprintf(w, "writes\t%d\tentries\t%d\tbytes\t%d\n", m.Writes, m.WrittenEntries, m.WrittenBytes)
	fmt.Fprintf(w, "sync p50\t%v\tp99\t%v\tmax\t%v\toldest\t%v\n", m.SyncP50, m.SyncP99, m.SyncMax, m.OldestWriteAge)
	fmt.Fprintf(w, "apply age\t%v\tdisk stalls\t%d\tlog bytes\t%d\tbudget\t%d\n",
		m.ApplyAge, m.DiskStalls, m.LogBytes, m.LogBytesMax)
	fmt.Fprintf(w, "entries a write p50\t%d\tp99\t%d\n", m.EntriesAWriteP50, m.EntriesAWriteP99)
	fmt.Fprintf(w, "applied\t%d\telections\t%d\n", m.AppliedEntries, m.Elections)
	fmt.Fprintf(w, "reads\t%d\tfailed\t%d\tbusy\t%d\tbatches\t%d\n",
		m.Reads, m.ReadsFailed, m.ReadsBusy, m.ReadBatches)
	fmt.Fprintf(w, "compactions\t%d\tfailed\t%d\n", m.Compactions, m.CompactionsFailed)
	fmt.Fprintf(w, "snapshots created\t%d\tsent\t%d\treceived\t%d\tinstalled\t%d\taborted\t%d\n",
		m.SnapshotsCreated, m.SnapshotsSent, m.SnapshotsReceived, m.SnapshotsInstalled, m.SnapshotsAborted)
	fmt.Fprintf(w, "snapshot bytes sent\t%d\treceived\t%d\n", m.SnapshotBytesSent, m.SnapshotBytesReceived)
	fmt.Fprintf(w, "transfers\t%d\tfailed\t%d\tconfig changes\t%d\n", m.Transfers, m.TransfersFailed, m.ConfigChanges)
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}
