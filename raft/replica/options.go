package replica

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Options configure a [Replica].
type Options struct {
	// Core configures the protocol; its times are in ticks. A lease must be two ticks shorter than the minimum election
	// timeout: that may begin up to a tick after its cause, and its last tick may come at once, from the ticker's buffer.
	Core raft.Config
	// TickInterval is the length of a tick. Default 5 ms. Lower: finer election timeouts; more wake-ups of
	// an idle node.
	TickInterval time.Duration

	// Log, Transport, Machine and Snapshots are the ports; all needed. The replica owns them from Start on and closes
	// them.
	Log       Log
	Transport Transport
	Machine   Machine
	Snapshots Snapshots

	// DiskStallMax is how long a write may take, from when it was handed over to the log's writer until it is durable,
	// or the machine to apply what it is given at once, before this server stops leading and standing for election, until
	// that is done: a leader whose disk hangs keeps its followers, and answers nobody (thesis §10.2.1 lets it
	// commit without its own disk, but it applies only what its disk has). Default 1 s. Lower: a shorter outage; more
	// changes of leader on a disk with hiccups. DiskStallIgnored for no limit.
	DiskStallMax time.Duration

	// QueueEntriesMax and QueueBytesMax bound the proposals, and apart from them the inbound messages, that
	// wait for the loop; beyond them proposals fail with ErrBusy and messages are dropped. As many proposals
	// again may wait for room in the log, and as many be in the log and not yet with the applier. Defaults
	// 65536 and 64 MiB.
	QueueEntriesMax, QueueBytesMax int
	// SnapshotLogBytes and SnapshotLogEntries are how much is applied, by Entry.Size and in entries, before the log is
	// compacted (§7): the machine makes its state durable, and the log begins anew after it. Defaults 64 MiB and
	// 1048576; SnapshotOff as SnapshotLogBytes for neither. Lower: a smaller log, and a shorter start, which reads all
	// of it; more work for the machine, and more followers that need a snapshot. The log can be twice as long while a
	// follower lags, and grows up to LogBytesMax while the machine cannot make its state durable.
	SnapshotLogBytes, SnapshotLogEntries int
	// LogBytesMax is the budget of the log, by Entry.Size. From three quarters of it on the log is compacted without
	// regard to followers, of which some then need a snapshot, and although SnapshotLogBytes is SnapshotOff; above it
	// (the machine cannot make its state durable) this server takes no commands: proposals fail with ErrDiskFull, and
	// entries of a leader are not taken. The files of the log are larger than that by what the log keeps in reserve. At
	// least twice SnapshotLogBytes and twice Core.UncommittedBytesMax. Default 1 GiB, or four times the greater of these
	// when that is more; LogBytesUnbounded for none. Lower: less disk; more snapshots for followers that were away.
	LogBytesMax int
	// SnapshotKeepEntries is how many applied entries stay in a log that is compacted, for followers that are a little
	// behind; fewer when they are more than half of SnapshotLogBytes. Default 4096; SnapshotKeepNone for none. Higher:
	// fewer snapshots are sent; a longer log.
	SnapshotKeepEntries int
	// ReadsMax bounds the reads that wait, for their index or for the machine; beyond it they fail with raft.ErrBusy.
	// Default 65536.
	ReadsMax int
	// ReadTimeout is how long a read is asked for again while no leader confirms it. Default 1 s. Lower: a client hears
	// sooner that there is no leader; an election that takes longer fails the reads during it.
	ReadTimeout time.Duration
	// TraceOneIn samples one in so many entries for the stage trace, the same at all servers that have the same number.
	// Default 16; TraceOff for none. Lower: tails are known from shorter runs, and the traces that are kept are of a
	// shorter time; each sample costs a server some tenths of a microsecond (BenchmarkTrace), under a lock that its loop,
	// transport, writer and applier share.
	TraceOneIn int
	// TraceKeptMax bounds the traces that are kept; the oldest are dropped. They take about 370 bytes each, all at once
	// with the first. Default 8192, of the last 131072 commands; at most TraceKeptLimit. Higher: the traces are of a
	// longer time; more memory, and more to read at once.
	TraceKeptMax int

	// Logger takes life events; nil discards.
	Logger *slog.Logger
	// Observe, when not nil, takes events from the loop; it must not block.
	Observe func(Event)
}

// TraceOff turns off the stage trace, and TraceOneInDefault is what it is otherwise.
const (
	TraceOff          = -1
	TraceOneInDefault = 16
)

// TraceKeptLimit bounds Options.TraceKeptMax: traces of about 24 MB.
const TraceKeptLimit = 1 << 16

// SnapshotOff turns off automatic compactions.
const SnapshotOff = -1

// LogBytesUnbounded is no budget of the log.
const LogBytesUnbounded = -1

// SnapshotKeepNone keeps no applied entries in a log that is compacted.
const SnapshotKeepNone = -1

// DiskStallIgnored lets a leader lead however long its disk takes.
const DiskStallIgnored time.Duration = -1

// WithDefaults returns a copy with the zero fields set.
func (o Options) WithDefaults() Options {
	o.Core = o.Core.WithDefaults()
	if o.TickInterval == 0 {
		o.TickInterval = 5 * time.Millisecond
	}
	if o.DiskStallMax == 0 {
		o.DiskStallMax = time.Second
	}
	if o.QueueEntriesMax == 0 {
		o.QueueEntriesMax = 1 << 16
	}
	if o.QueueBytesMax == 0 {
		o.QueueBytesMax = 64 << 20
	}
	if o.SnapshotLogBytes == 0 {
		o.SnapshotLogBytes = 64 << 20
	}
	if o.SnapshotLogEntries == 0 {
		o.SnapshotLogEntries = 1 << 20
	}
	if o.LogBytesMax == 0 {
		o.LogBytesMax = max(1<<30, 4*o.SnapshotLogBytes, 4*o.Core.UncommittedBytesMax)
	}
	if o.SnapshotKeepEntries == 0 {
		o.SnapshotKeepEntries = 4096
	}
	if o.ReadsMax == 0 {
		o.ReadsMax = 1 << 16
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = time.Second
	}
	if o.TraceOneIn == 0 {
		o.TraceOneIn = TraceOneInDefault
	}
	if o.TraceKeptMax == 0 {
		o.TraceKeptMax = 8192
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	return o
}

// Validate returns all faults of options whose defaults are set.
func (o Options) Validate() error {
	errs := []error{o.Core.Validate()}
	if o.TickInterval < time.Millisecond {
		errs = append(errs, fmt.Errorf("TickInterval: %v; want at least 1ms", o.TickInterval))
	}
	leaseMax := int64(o.Core.ElectionTicksMin-2) * o.TickInterval.Nanoseconds()
	if o.Core.LeaseNanos > 0 && o.Core.LeaseNanos > leaseMax {
		errs = append(errs, fmt.Errorf("Core.LeaseNanos: %d; want at most %d, (ElectionTicksMin %d - 2) * TickInterval %v",
			o.Core.LeaseNanos, leaseMax, o.Core.ElectionTicksMin, o.TickInterval))
	}
	if o.DiskStallMax < o.TickInterval && o.DiskStallMax != DiskStallIgnored {
		errs = append(errs, fmt.Errorf("DiskStallMax: %v; want at least TickInterval %v, or DiskStallIgnored",
			o.DiskStallMax, o.TickInterval))
	}
	if o.Log == nil || o.Transport == nil || o.Machine == nil || o.Snapshots == nil {
		errs = append(errs, errors.New("Log, Transport, Machine, Snapshots: nil; want all four"))
	}
	if o.ReadTimeout < o.TickInterval {
		errs = append(errs, fmt.Errorf("ReadTimeout: %v; want at least TickInterval %v", o.ReadTimeout, o.TickInterval))
	}
	if o.SnapshotLogBytes < 1 && o.SnapshotLogBytes != SnapshotOff {
		errs = append(errs, fmt.Errorf("SnapshotLogBytes: %d; want at least 1, or SnapshotOff", o.SnapshotLogBytes))
	}
	if least := 2 * max(o.SnapshotLogBytes, o.Core.UncommittedBytesMax); o.LogBytesMax < least &&
		o.LogBytesMax != LogBytesUnbounded {
		errs = append(errs, fmt.Errorf("LogBytesMax: %d; want at least %d, twice SnapshotLogBytes %d and "+
			"Core.UncommittedBytesMax %d, or LogBytesUnbounded",
			o.LogBytesMax, least, o.SnapshotLogBytes, o.Core.UncommittedBytesMax))
	}
	if o.SnapshotKeepEntries < SnapshotKeepNone {
		errs = append(errs, fmt.Errorf("SnapshotKeepEntries: %d; want at least 1, or SnapshotKeepNone",
			o.SnapshotKeepEntries))
	}
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"QueueEntriesMax", o.QueueEntriesMax}, {"QueueBytesMax", o.QueueBytesMax}, {"TraceKeptMax", o.TraceKeptMax},
		{"SnapshotLogEntries", o.SnapshotLogEntries}, {"ReadsMax", o.ReadsMax},
	} {
		if limit.value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d; want at least 1", limit.name, limit.value))
		}
	}
	if o.TraceOneIn < TraceOff {
		errs = append(errs, fmt.Errorf("TraceOneIn: %d; want at least 1, or TraceOff", o.TraceOneIn))
	}
	if o.TraceKeptMax > TraceKeptLimit {
		errs = append(errs, fmt.Errorf("TraceKeptMax: %d; want at most %d", o.TraceKeptMax, TraceKeptLimit))
	}
	return errors.Join(errs...)
}
