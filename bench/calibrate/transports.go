package calibrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/exchange"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/transport/faults"
)

// Of a transport's time an eighth goes to the warm-up of each of its two lanes.
const laneShare, laneWarmupShare = 2, 8

// TransportEachMax is the longest time for one transport, its warm-ups included.
const TransportEachMax = 300 * time.Millisecond

// Transport is a transport between nodes whose round trips are measured.
type Transport struct {
	// Name is tcp, tls or quic. Required.
	Name string
	// PayloadBytes is the length of the entry in each append.
	PayloadBytes int
	// Links are what each end does to all that it sends, which Link names. Default nothing.
	Links []faults.Rule
	Link  string
}

// measureTransports times the round trips of each transport between two ends in this process.
func measureTransports(
	ctx context.Context, dir string, each time.Duration, transports []Transport,
) (all []result.TransportRTT, err error) {
	if len(transports) == 0 {
		return nil, nil
	}
	certificates, err := os.MkdirTemp(dir, ".calibrate-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder for certificates: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(certificates)) }()
	lane := min(each, TransportEachMax) / laneShare
	for _, t := range transports {
		trips, err := exchange.MeasureLocal(ctx, exchange.LocalOptions{
			Dir: certificates, Transport: t.Name, Links: t.Links, SizeBytes: t.PayloadBytes,
			Warmup: lane / laneWarmupShare, Duration: lane - lane/laneWarmupShare,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, result.TransportRTT{
			Name: t.Name, PayloadBytes: t.PayloadBytes, Link: t.Link,
			RTTUs: quantilesOf(trips.Append), HeartbeatRTTUs: quantilesOf(trips.Heartbeat),
		})
	}
	return all, nil
}

// quantilesOf sums up a histogram of nanoseconds; values that it is too small for stay nil.
func quantilesOf(h *hdrhistogram.Histogram) result.Quantiles {
	q := result.Quantiles{N: int(h.TotalCount())}
	if q.N == 0 {
		return q
	}
	us := func(ns int64) *float64 {
		value := float64(ns) / 1000
		return &value
	}
	at := func(p float64) *float64 {
		if q.N < loadgen.MinimumSample(p) {
			return nil
		}
		return us(h.ValueAtQuantile(100 * p))
	}
	q.Min, q.Max = us(h.Min()), us(h.Max())
	q.P50, q.P90, q.P95, q.P99, q.P999 = at(0.5), at(0.9), at(0.95), at(0.99), at(0.999)
	return q
}
