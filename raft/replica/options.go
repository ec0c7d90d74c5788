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
	// Core configures the protocol; its times are in ticks.
	Core raft.Config
	// TickInterval is the length of a tick. Default 5 ms. Lower: finer election timeouts; more wake-ups of
	// an idle node.
	TickInterval time.Duration

	// Log, Transport and Machine are the ports; all needed. The replica owns them from Start on and closes
	// them.
	Log       Log
	Transport Transport
	Machine   Machine

	// DiskStallMax is how long one write may take before this server stops leading and standing for election, until
	// the write is done: a leader whose disk hangs keeps its followers, and answers nobody (thesis §10.2.1 lets it
	// commit without its own disk, but it applies only what its disk has). Default 1 s. Lower: a shorter outage; more
	// changes of leader on a disk with hiccups. DiskStallIgnored for no limit.
	DiskStallMax time.Duration

	// QueueEntriesMax and QueueBytesMax bound the proposals, and apart from them the inbound messages, that
	// wait for the loop; beyond them proposals fail with ErrBusy and messages are dropped. As many proposals
	// again may wait for room in the log, and as many be in the log and not yet with the applier. Defaults
	// 65536 and 64 MiB.
	QueueEntriesMax, QueueBytesMax int
	// TraceOneIn samples one in so many proposals for the stage trace. Default 128; TraceOff for none.
	TraceOneIn int
	// TraceKeptMax bounds the finished traces that are kept; the oldest are dropped. Default 8192.
	TraceKeptMax int

	// Logger takes life events; nil discards.
	Logger *slog.Logger
	// Observe, when not nil, takes events from the loop; it must not block.
	Observe func(Event)
}

// TraceOff turns off the stage trace.
const TraceOff = -1

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
	if o.TraceOneIn == 0 {
		o.TraceOneIn = 128
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
	if o.DiskStallMax < o.TickInterval && o.DiskStallMax != DiskStallIgnored {
		errs = append(errs, fmt.Errorf("DiskStallMax: %v; want at least TickInterval %v, or DiskStallIgnored",
			o.DiskStallMax, o.TickInterval))
	}
	if o.Log == nil || o.Transport == nil || o.Machine == nil {
		errs = append(errs, errors.New("Log, Transport, Machine: nil; want all three"))
	}
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"QueueEntriesMax", o.QueueEntriesMax}, {"QueueBytesMax", o.QueueBytesMax}, {"TraceKeptMax", o.TraceKeptMax},
	} {
		if limit.value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d; want at least 1", limit.name, limit.value))
		}
	}
	if o.TraceOneIn < TraceOff {
		errs = append(errs, fmt.Errorf("TraceOneIn: %d; want at least 1, or TraceOff", o.TraceOneIn))
	}
	return errors.Join(errs...)
}
