package exchange

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/transport/faults"
)

// LocalOptions say what to time between two ends in this process.
type LocalOptions struct {
	// Dir takes the certificates; it must exist. Required for tls and quic.
	Dir string
	// Transport is tcp, tls or quic. Required.
	Transport string
	// Links are what each end does to all that it sends. Default nothing.
	Links []faults.Rule
	// SizeBytes is the length of the entry in each append. Required.
	SizeBytes int
	// Warmup is not timed, Duration is, of each of the two lanes. Duration is required.
	Warmup, Duration time.Duration
}

// RoundTrips are those of two lanes, in nanoseconds: of an append with its acknowledgement, and of a heartbeat with its
// answer. Both are from Send to delivery, one message under way.
type RoundTrips struct {
	Append, Heartbeat *hdrhistogram.Histogram
}

// MeasureLocal opens two ends in this process, each with the transport that a node has, and times round trips between
// them. Nothing of it is left when it returns. Two processes, as [Start] has them, take longer: they wake each other.
func MeasureLocal(ctx context.Context, o LocalOptions) (trips RoundTrips, err error) {
	faulty := Options{Executable: "none", Dir: o.Dir, Transport: o.Transport}.Validate()
	if o.Transport == server.TransportTCP && o.Dir == "" {
		faulty = nil
	}
	if o.SizeBytes < 0 || o.Warmup < 0 || o.Duration <= 0 {
		faulty = errors.Join(faulty, fmt.Errorf("SizeBytes = %d, Warmup = %v, Duration = %v: want 0 or more, and a duration "+
			"above 0", o.SizeBytes, o.Warmup, o.Duration))
	}
	if faulty != nil {
		return trips, fmt.Errorf("exchange options: %w", faulty)
	}
	open := openCommand{Transport: o.Transport}
	if o.Transport != server.TransportTCP {
		open.TLSDir = filepath.Join(o.Dir, "tls")
		if err := cluster.WriteCertificates(open.TLSDir, clusterName, int(echoNode)); err != nil {
			return trips, err
		}
	}
	ends := map[raft.NodeID]*end{driverNode: {}, echoNode: {}}
	addresses := map[raft.NodeID]string{}
	for id, e := range ends {
		defer func() { err = errors.Join(err, e.close()) }()
		open.Node = id
		config := configOf(&open)
		config.Logger, config.EnableFaults, config.LinkFaults = nil, len(o.Links) > 0, o.Links
		if addresses[id], err = e.openWith(id, config); err != nil {
			return trips, err
		}
	}
	for _, id := range []raft.NodeID{echoNode, driverNode} { // the driver waits until it is answered
		peer := driverNode + echoNode - id
		if err := ends[id].connectTo(ctx, &peerCommand{Node: peer, Address: addresses[peer]}); err != nil {
			return trips, err
		}
	}
	return ends[driverNode].roundTrips(ctx, o)
}

func (e *end) roundTrips(ctx context.Context, o LocalOptions) (trips RoundTrips, err error) {
	for _, lane := range []struct {
		message raft.Message
		into    **hdrhistogram.Histogram
	}{
		{raft.Message{Kind: raft.MsgAppend, Span: spanOf(o.SizeBytes)}, &trips.Append},
		{raft.Message{Kind: raft.MsgHeartbeat}, &trips.Heartbeat},
	} {
		l := e.newLoop(lane.message, 1)
		l.from, l.to = o.Warmup, o.Warmup+o.Duration
		if err := e.complete(ctx, l); err != nil {
			return trips, fmt.Errorf("round trips over %s: %w", o.Transport, err)
		}
		*lane.into = l.histogram
	}
	return trips, nil
}
