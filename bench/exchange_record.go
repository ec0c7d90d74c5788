package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/exchange"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/transport"
)

// exchangeKey names a point of all runs.
type exchangeKey struct {
	mode, beside   string
	size, inFlight int
}

func keyOf(r *result.ExchangeRow) exchangeKey {
	return exchangeKey{mode: r.Mode, beside: r.Beside, size: r.SizeBytes, inFlight: r.InFlight}
}

// exchangeRecord gathers what the runs of one arm measured of its transport.
type exchangeRecord struct {
	arm    *armRecord
	rows   []result.ExchangeRow
	times  map[exchangeKey]*hdrhistogram.Histogram // of all runs
	lags   map[exchangeKey]*hdrhistogram.Histogram
	dues   map[exchangeKey]*hdrhistogram.Histogram
	took   map[exchangeKey][]float64 // of connections, microseconds
	ledger *result.TransportLedger
	// handshakes and resumed are of connections that were made again.
	handshakes, resumed uint64
}

func newExchangeRecord(arm *armRecord) *exchangeRecord {
	return &exchangeRecord{
		arm: arm, times: map[exchangeKey]*hdrhistogram.Histogram{}, lags: map[exchangeKey]*hdrhistogram.Histogram{},
		dues: map[exchangeKey]*hdrhistogram.Histogram{}, took: map[exchangeKey][]float64{},
	}
}

func merge(into map[exchangeKey]*hdrhistogram.Histogram, key exchangeKey, h *hdrhistogram.Histogram) {
	if into[key] == nil {
		into[key] = h
		return
	}
	into[key].Merge(h)
}

func (x *exchangeRecord) addLoop(r *result.ExchangeRow, l *exchange.Loop, c exchange.Cell) {
	r.Mode, r.SizeBytes, r.InFlight = string(l.Mode), l.SizeBytes, l.InFlight
	r.N, r.Messages = c.Times.TotalCount(), c.Messages
	r.PerS = float64(c.Completed) / l.Duration.Seconds()
	r.BytesPerS = r.PerS * float64(l.SizeBytes)
	setTimes(r, c.Times)
	setUsed(r, c.Used, c.Used.Socket, c.Messages)
	if !r.Disturbed() {
		merge(x.times, keyOf(r), c.Times)
	}
	x.rows = append(x.rows, *r)
}

func (x *exchangeRecord) addBeats(r *result.ExchangeRow, o *exchange.Beat, b exchange.Beats) {
	r.Mode, r.Beside, r.InFlight = result.ModeHeartbeat, string(o.Background), 1
	r.N, r.Messages, r.Lost = b.Times.TotalCount(), int64(b.Sent), int64(b.Lost)
	r.BytesPerS = float64(b.BackgroundBytes) / max(b.Lasted, o.Duration).Seconds()
	setTimes(r, b.Times)
	if q := histogramQuantiles(b.Lag); q.P99 != nil {
		r.LagP99Us = *q.P99
	} else if q.Max != nil {
		r.LagP99Us = *q.Max
	}
	if n := len(b.Snapshots); n > 0 {
		r.SnapshotUs = us(slices.Sorted(slices.Values(b.Snapshots))[rank(n, 0.5)])
	}
	r.Foreign = b.Used.Foreign
	if !r.Disturbed() {
		merge(x.times, keyOf(r), b.Times)
		merge(x.lags, keyOf(r), b.Lag)
		merge(x.dues, keyOf(r), b.FromDue)
	}
	x.rows = append(x.rows, *r)
}

func (x *exchangeRecord) addConnections(r *result.ExchangeRow, o *exchange.Connect, c exchange.Connections) {
	r.Mode, r.Beside = result.ModeConnect, result.ConnectFresh
	if o.Again {
		r.Beside = result.ConnectAgain
		x.handshakes, x.resumed = x.handshakes+c.Handshakes, x.resumed+c.Resumed
	}
	r.N, r.Messages = int64(len(c.Took)), int64(len(c.Took))
	took := make([]float64, len(c.Took))
	for i, d := range c.Took {
		took[i] = us(d)
	}
	q := quantilesOf(took)
	r.P50Us, r.MaxUs = orAbsent(q.P50), orAbsent(q.Max)
	setUsed(r, c.Used, nil, r.Messages)
	if !r.Disturbed() {
		x.took[keyOf(r)] = append(x.took[keyOf(r)], took...)
	}
	if c.Socket != nil {
		// Of the connecting node alone, both directions: the other end's are the same bytes again.
		r.SocketBytes = float64(c.Socket.SendBytes+c.Socket.ReceiveBytes) / float64(r.N)
	}
	x.rows = append(x.rows, *r)
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func orAbsent(v *float64) float64 {
	if v == nil {
		return -1
	}
	return *v
}

func setTimes(r *result.ExchangeRow, h *hdrhistogram.Histogram) {
	q := histogramQuantiles(h)
	r.P50Us, r.P90Us, r.P99Us, r.P999Us = orAbsent(q.P50), orAbsent(q.P90), orAbsent(q.P99), orAbsent(q.P999)
	r.MaxUs = orAbsent(q.Max)
}

// histogramQuantiles sums a histogram of nanoseconds up in microseconds, as far as its sample allows (rule R9).
func histogramQuantiles(h *hdrhistogram.Histogram) result.Quantiles {
	if h == nil || h.TotalCount() == 0 {
		return result.Quantiles{}
	}
	n := int(h.TotalCount())
	of := func(ns int64) *float64 {
		value := float64(ns) / 1000
		return &value
	}
	at := func(quantile float64) *float64 {
		if n < loadgen.MinimumSample(quantile) {
			return nil
		}
		return of(h.ValueAtQuantile(quantile * 100))
	}
	return result.Quantiles{
		N: n, Min: of(h.Min()), Max: of(h.Max()),
		P50: at(0.5), P90: at(0.9), P95: at(0.95), P99: at(0.99), P999: at(0.999),
	}
}

// setUsed divides what was used by the messages.
func setUsed(r *result.ExchangeRow, u exchange.Used, s *transport.SocketMetrics, messages int64) {
	r.Foreign = u.Foreign
	if messages == 0 {
		return
	}
	n := float64(messages)
	r.CPUUs, r.Allocs, r.AllocBytes = us(u.CPU)/n, float64(u.Allocs)/n, float64(u.AllocBytes)/n
	if u.Softirq >= 0 {
		r.SoftirqUs = us(u.Softirq) / n
	}
	if u.LoopbackBytes >= 0 {
		r.LoopbackBytes, r.LoopbackPackets = float64(u.LoopbackBytes)/n, float64(u.LoopbackPackets)/n
	}
	if s == nil {
		return
	}
	r.SocketBytes = float64(s.SendBytes) / n
	r.SendCalls, r.ReadCalls = float64(s.Sends)/n, float64(s.Receives)/n
	if s.SendSegments > 0 {
		r.Segments, r.Retransmits = float64(s.SendSegments)/n, float64(s.Retransmits)/n
	}
}

// noteLedger keeps what is to be known of the arm's sockets, once.
func (x *exchangeRecord) noteLedger(ctx context.Context, pair *exchange.Pair) error {
	facts, err := pair.Facts(ctx)
	if err != nil {
		return err
	}
	l := ledgerOf(facts)
	l.SnapshotBytes = int(x.arm.scenario.Exchange.Snapshot)
	x.ledger = &l
	return nil
}

func ledgerOf(f exchange.Facts) result.TransportLedger {
	l := result.TransportLedger{
		TLS: f.TLS, Congestion: f.Congestion, Connections: len(f.Sockets), Offload: f.Offload,
		SendBufferMaxBytes: f.SendBufferMax, ReceiveBufferMaxBytes: f.ReceiveBufferMax, InterfaceMTU: f.InterfaceMTU,
	}
	for i, s := range f.Sockets {
		if i == 0 {
			l.SendBufferBytes = [2]int{s.SendBufferBytes, s.SendBufferBytes}
			l.ReceiveBufferBytes = [2]int{s.ReceiveBufferBytes, s.ReceiveBufferBytes}
		}
		l.SendBufferBytes[0] = min(l.SendBufferBytes[0], s.SendBufferBytes)
		l.SendBufferBytes[1] = max(l.SendBufferBytes[1], s.SendBufferBytes)
		l.ReceiveBufferBytes[0] = min(l.ReceiveBufferBytes[0], s.ReceiveBufferBytes)
		l.ReceiveBufferBytes[1] = max(l.ReceiveBufferBytes[1], s.ReceiveBufferBytes)
		if s.Network == "tcp" {
			l.SegmentBytes = max(l.SegmentBytes, s.SegmentBytes)
			l.Congestion = s.Congestion + " (kernel)"
		}
	}
	return l
}

// overRuns takes the median of the values that were counted, and its interval.
func overRuns(rows []*result.ExchangeRow, of func(*result.ExchangeRow) float64) result.Median {
	var values []float64
	for _, r := range rows {
		if v := of(r); v >= 0 && !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return medianOf(values)
}

// medianRank returns the largest k for which the median lies between the k-th smallest and the k-th largest value,
// counted from 0, with a probability of 95 %; not ok when there is none.
func medianRank(n int) (k int, ok bool) {
	below, sum := math.Pow(0.5, float64(n)), 0.0 // P(exactly k values lie below)
	for k = 0; k <= n/2; k++ {
		if sum += below; sum > 0.025 {
			break
		}
		below *= float64(n-k) / float64(k+1)
	}
	return k - 1, k > 0
}

// summary sums all runs up, and returns what makes them invalid.
func (x *exchangeRecord) summary() (*result.Exchange, []string) {
	if x == nil || len(x.rows) == 0 {
		return nil, []string{"nothing was measured"}
	}
	by, out := map[exchangeKey][]*result.ExchangeRow{}, map[exchangeKey]int{}
	for i := range x.rows {
		key := keyOf(&x.rows[i])
		if x.rows[i].Disturbed() {
			out[key]++
			continue
		}
		by[key] = append(by[key], &x.rows[i])
	}
	s := &result.Exchange{}
	if x.ledger != nil {
		s.Ledger = *x.ledger
	}
	s.Ledger.Handshakes, s.Ledger.Resumed = int64(x.handshakes), int64(x.resumed)
	var faults []string
	for _, p := range x.arm.scenario.Exchange.points() {
		switch {
		case p.loop != nil:
			cell, fault := x.cell(p, by)
			cell.Disturbed = out[p.key()]
			s.Cells = append(s.Cells, cell)
			faults = append(faults, fault...)
		case p.beat != nil:
			delay := x.delay(p.beat, by)
			delay.Disturbed = out[p.key()]
			s.Heartbeats = append(s.Heartbeats, delay)
			if lag, bound := delay.SendLagUs.P99, us(time.Duration(x.arm.scenario.Exchange.HeartbeatMax)); lag != nil &&
				*lag > bound/2 {
				faults = append(faults, fmt.Sprintf("%s: heartbeats were sent late, by %.1f ms at p99: what they took says "+
					"nothing about a bound of %.1f ms", p, *lag/1000, bound/1000))
			}
		default:
			cost := x.connections(p.connect, by)
			cost.Disturbed = out[p.key()]
			s.Connections = append(s.Connections, cost)
		}
	}
	slices.SortStableFunc(s.Cells, func(a, b result.ExchangeCell) int {
		return cmp.Or(cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.InFlight*modeScale(a.Mode), b.InFlight*modeScale(b.Mode)),
			cmp.Compare(a.SizeBytes, b.SizeBytes))
	})
	return s, append(faults, x.disturbed(out)...)
}

// modeScale leaves the windows of streams, which follow from the sizes, out of the order.
func modeScale(mode string) int {
	if mode == result.ModeStream {
		return 0
	}
	return 1
}

func (x *exchangeRecord) cell(
	p exchangePoint, by map[exchangeKey][]*result.ExchangeRow,
) (c result.ExchangeCell, faults []string) {
	key := exchangeKey{mode: string(p.loop.Mode), size: p.loop.SizeBytes, inFlight: p.loop.InFlight}
	rows := by[key]
	c = result.ExchangeCell{
		Mode: key.mode, SizeBytes: key.size, InFlight: key.inFlight, Skipped: p.skipped,
		RoundTripUs: histogramQuantiles(x.times[key]),
	}
	if p.skipped != "" {
		return c, nil
	}
	over := func(of func(*result.ExchangeRow) float64) result.Median { return overRuns(rows, of) }
	c.P50Us = over(func(r *result.ExchangeRow) float64 { return r.P50Us })
	c.P99Us = over(func(r *result.ExchangeRow) float64 { return r.P99Us })
	c.PerS = over(func(r *result.ExchangeRow) float64 { return r.PerS })
	c.BytesPerS = over(func(r *result.ExchangeRow) float64 { return r.BytesPerS })
	c.CPUUsPerMessage = over(func(r *result.ExchangeRow) float64 { return r.CPUUs })
	c.AllocsPerMessage = over(func(r *result.ExchangeRow) float64 { return r.Allocs })
	c.BytesPerMessage = over(func(r *result.ExchangeRow) float64 { return r.SocketBytes })
	c.SegmentsPerMessage = over(func(r *result.ExchangeRow) float64 { return r.Segments })
	c.CallsPerMessage = over(func(r *result.ExchangeRow) float64 {
		if r.SendCalls < 0 || r.ReadCalls < 0 {
			return -1
		}
		return r.SendCalls + r.ReadCalls
	})
	c.LoopbackPerMessage = over(func(r *result.ExchangeRow) float64 { return r.LoopbackBytes })
	c.SoftirqUsPerMessage = over(func(r *result.ExchangeRow) float64 { return r.SoftirqUs })
	for _, r := range rows {
		if r.N < int64(loadgen.MinimumSample(0.5)) {
			faults = append(faults, fmt.Sprintf("run %d, %s: only %d round trips were timed; measure for longer", r.Run, p, r.N))
		}
	}
	return c, faults
}

func (x *exchangeRecord) delay(o *exchange.Beat, by map[exchangeKey][]*result.ExchangeRow) result.LaneDelay {
	key := exchangeKey{mode: result.ModeHeartbeat, beside: string(o.Background), inFlight: 1}
	rows := by[key]
	d := result.LaneDelay{
		Beside: key.beside, RoundTripUs: histogramQuantiles(x.times[key]), SendLagUs: histogramQuantiles(x.lags[key]),
		FromDueUs:       histogramQuantiles(x.dues[key]),
		P99Us:           overRuns(rows, func(r *result.ExchangeRow) float64 { return r.P99Us }),
		BesideBytesPerS: overRuns(rows, func(r *result.ExchangeRow) float64 { return r.BytesPerS }),
		SnapshotUs:      overRuns(rows, func(r *result.ExchangeRow) float64 { return r.SnapshotUs }),
	}
	for i := range x.rows { // of all rows: a message that is lost is lost on a busy machine too
		if keyOf(&x.rows[i]) == key {
			d.Lost += x.rows[i].Lost
		}
	}
	if o.Background == exchange.Append || o.Background == exchange.Snapshot {
		d.BoundUs = us(time.Duration(x.arm.scenario.Exchange.HeartbeatMax))
		if most := d.FromDueUs.Max; most != nil {
			held := *most <= d.BoundUs && d.Lost == 0
			d.Held = &held
		}
	}
	return d
}

func (x *exchangeRecord) connections(o *exchange.Connect, by map[exchangeKey][]*result.ExchangeRow) result.ConnectCost {
	key := exchangeKey{mode: result.ModeConnect, beside: result.ConnectFresh}
	if o.Again {
		key.beside = result.ConnectAgain
	}
	rows := by[key]
	return result.ConnectCost{
		How: key.beside, TookUs: quantilesOf(x.took[key]),
		CPUUs:         overRuns(rows, func(r *result.ExchangeRow) float64 { return r.CPUUs }),
		SocketBytes:   overRuns(rows, func(r *result.ExchangeRow) float64 { return r.SocketBytes }),
		LoopbackBytes: overRuns(rows, func(r *result.ExchangeRow) float64 { return r.LoopbackBytes }),
	}
}

// writeExchange writes the rows of all arms.
func (e *experiment) writeExchange() error {
	if e.opts.Scenario.Exchange == nil {
		return nil
	}
	var rows []result.ExchangeRow
	for _, arm := range e.arms {
		if arm.exchange != nil {
			rows = append(rows, arm.exchange.rows...)
		}
	}
	return e.writer.WriteExchange(rows)
}
