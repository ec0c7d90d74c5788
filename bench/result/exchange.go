package result

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// ExchangeFile is the rows of a measurement of transports alone; other results have none.
const ExchangeFile = "exchange.csv"

// Modes of an exchange.
const (
	ModeEcho      = "echo"      // a message goes there and comes back
	ModeStream    = "stream"    // messages one way, answered by small ones
	ModeHeartbeat = "heartbeat" // on the control lane, beside another lane
	ModeConnect   = "connect"   // connections made anew
)

// What goes on beside heartbeats, and how connections are made.
const (
	BesideIdle     = "idle"
	BesideAppend   = "append"   // the append lane is kept full
	BesideSnapshot = "snapshot" // snapshots go on the snapshot lane
	BesideOneLane  = "one-lane" // the control: the append lane is kept full, and the heartbeat takes it too
	ConnectFresh   = "fresh"    // of a transport of its own, as after a start
	ConnectAgain   = "again"    // of a transport that was connected before
)

// ExchangeRow is a row of exchange.csv: what one transport did at one point in one run. What was not counted, or has
// too small a sample, is -1. What is of a message is of a round trip, or of a connection.
type ExchangeRow struct {
	Arm       string `csv:"arm"`
	Run       int    `csv:"run"`
	Mode      string `csv:"mode"`
	Beside    string `csv:"beside"` // of heartbeat and connect
	SizeBytes int    `csv:"size_bytes"`
	InFlight  int    `csv:"in_flight"`
	// N are the round trips that were timed, Messages all that the costs are of.
	N        int64 `csv:"n"`
	Messages int64 `csv:"messages"`
	Lost     int64 `csv:"lost"`
	// PerS and BytesPerS are of messages, one way; of heartbeat those of the lane beside.
	PerS      float64 `csv:"per_s"`
	BytesPerS float64 `csv:"bytes_per_s"`
	P50Us     float64 `csv:"p50_us"`
	P90Us     float64 `csv:"p90_us"`
	P99Us     float64 `csv:"p99_us"`
	P999Us    float64 `csv:"p999_us"`
	MaxUs     float64 `csv:"max_us"`
	// LagP99Us is how much later than due heartbeats were sent; SnapshotUs the median time of a whole snapshot.
	LagP99Us   float64 `csv:"lag_p99_us"`
	SnapshotUs float64 `csv:"snapshot_us"`
	// CPUUs is the time of both processes, SoftirqUs what the kernel worked off beside them, of the whole machine.
	CPUUs      float64 `csv:"cpu_us"`
	SoftirqUs  float64 `csv:"softirq_us"`
	Allocs     float64 `csv:"allocs"`
	AllocBytes float64 `csv:"alloc_bytes"`
	// SocketBytes, Segments and Calls are what both ends handed to and took from their sockets, each counted where it was
	// sent; Calls are of both directions. ReceiveBytes and ReceiveSegments are kept to compare.
	SocketBytes float64 `csv:"socket_bytes"`
	Segments    float64 `csv:"segments"`
	SendCalls   float64 `csv:"send_calls"`
	ReadCalls   float64 `csv:"read_calls"`
	Retransmits float64 `csv:"retransmits"`
	// LoopbackBytes and LoopbackPackets are of the interface, headers included, all processes of the machine together.
	LoopbackBytes   float64 `csv:"loopback_bytes"`
	LoopbackPackets float64 `csv:"loopback_packets"`
	// Foreign is the share of the CPUs that other processes used meanwhile, interrupts included; see Disturbed.
	Foreign float64 `csv:"foreign"`
}

// ExchangeForeignMax is the share of the CPUs that other processes may use while a row is measured.
const ExchangeForeignMax = 0.20

// Disturbed returns whether other processes used so much that the row is left out of all medians and quantiles.
func (r *ExchangeRow) Disturbed() bool { return r.Foreign > ExchangeForeignMax }

// Exchange is a transport that was measured alone.
type Exchange struct {
	Cells       []ExchangeCell  `json:"cells"`
	Heartbeats  []LaneDelay     `json:"heartbeats"`
	Connections []ConnectCost   `json:"connections"`
	Ledger      TransportLedger `json:"ledger"`
}

// Median is the median over runs and its 95 % interval by order statistics, which fewer than six runs do not have.
type Median struct {
	N      int      `json:"n"`
	Median *float64 `json:"median"` // null when nothing was counted
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
}

// ExchangeCell is one mode, size and number of messages in flight, over all runs.
type ExchangeCell struct {
	Mode      string `json:"mode"` // echo, stream
	SizeBytes int    `json:"size_bytes"`
	InFlight  int    `json:"in_flight"`
	// Skipped says why it was not measured; then the rest is empty.
	Skipped string `json:"skipped,omitempty"`
	// Disturbed are the runs that are left out because other programs used too much of the CPUs.
	Disturbed int `json:"disturbed,omitempty"`
	// RoundTripUs is of all runs together; P50Us and P99Us are of the runs' quantiles.
	RoundTripUs         Quantiles `json:"round_trip_us"`
	P50Us               Median    `json:"p50_us"`
	P99Us               Median    `json:"p99_us"`
	PerS                Median    `json:"per_s"`
	BytesPerS           Median    `json:"bytes_per_s"`
	CPUUsPerMessage     Median    `json:"cpu_us_per_message"`
	AllocsPerMessage    Median    `json:"allocs_per_message"`
	BytesPerMessage     Median    `json:"socket_bytes_per_message"`
	SegmentsPerMessage  Median    `json:"segments_per_message"`
	CallsPerMessage     Median    `json:"calls_per_message"`
	LoopbackPerMessage  Median    `json:"loopback_bytes_per_message"`
	SoftirqUsPerMessage Median    `json:"softirq_us_per_message"`
}

// LaneDelay is what a heartbeat took beside another lane, over all runs.
type LaneDelay struct {
	Beside          string    `json:"beside"`
	RoundTripUs     Quantiles `json:"round_trip_us"`
	SendLagUs       Quantiles `json:"send_lag_us"`
	FromDueUs       Quantiles `json:"from_due_us"` // from when each was due to its reply: with the lag
	Disturbed       int       `json:"disturbed,omitempty"`
	P99Us           Median    `json:"p99_us"` // of the runs
	Lost            int64     `json:"lost"`
	BesideBytesPerS Median    `json:"beside_bytes_per_s"`
	SnapshotUs      Median    `json:"snapshot_us"` // one of Ledger.SnapshotBytes
	// BoundUs is what the slowest may take from when it was due, 0 where nothing is demanded; Held whether all did and
	// none was lost, null likewise.
	BoundUs float64 `json:"bound_us"`
	Held    *bool   `json:"held"`
}

// ConnectCost is what a connection to a peer costs, over all runs: until the control and the append lane are greeted.
type ConnectCost struct {
	How string `json:"how"` // fresh, again
	// Disturbed are the runs that are left out because other programs used too much of the CPUs.
	Disturbed int       `json:"disturbed,omitempty"`
	TookUs    Quantiles `json:"took_us"`
	CPUUs     Median    `json:"cpu_us"`
	// SocketBytes are those of the connecting node, both directions, until it was closed; LoopbackBytes those of the
	// interface.
	SocketBytes   Median `json:"socket_bytes"`
	LoopbackBytes Median `json:"loopback_bytes"`
}

// TransportLedger is what one must know to compare the transports: it is of the driver's sockets in the first run. What
// the system does not tell is empty or 0.
type TransportLedger struct {
	// TLS is the version and the cipher suite, "" for plaintext.
	TLS string `json:"tls"`
	// Congestion is the congestion control, and who does it.
	Congestion  string `json:"congestion"`
	Connections int    `json:"connections"` // of TCP; of QUIC the sockets
	// SendBufferBytes and ReceiveBufferBytes are the least and the most that the kernel granted a socket;
	// SendBufferMaxBytes and ReceiveBufferMaxBytes what it would grant at most to a program that asks.
	SendBufferBytes       [2]int `json:"send_buffer_bytes"`
	ReceiveBufferBytes    [2]int `json:"receive_buffer_bytes"`
	SendBufferMaxBytes    int    `json:"send_buffer_max_bytes"`
	ReceiveBufferMaxBytes int    `json:"receive_buffer_max_bytes"`
	// SegmentBytes is the largest segment of a TCP connection, or datagram of QUIC; InterfaceMTU that of lo.
	SegmentBytes int `json:"segment_bytes"`
	InterfaceMTU int `json:"interface_mtu"`
	// Offload is what is known of segmentation offload: GSO and GRO.
	Offload string `json:"offload"`
	// Handshakes are those of TLS when a transport connected again, of which so many resumed a session.
	Handshakes    int64 `json:"handshakes"`
	Resumed       int64 `json:"handshakes_resumed"`
	SnapshotBytes int   `json:"snapshot_bytes"`
}

// WirePerCommit is what the nodes of a cluster sent each other for each committed entry of the steady phases: all nodes
// together, heartbeats included, each byte and segment counted where it was sent.
type WirePerCommit struct {
	Commits  int64   `json:"commits"`
	Messages float64 `json:"messages"`
	Bytes    float64 `json:"bytes"` // at the sockets: without headers of UDP, TCP and below
	// Segments are TCP segments or UDP datagrams; null when they are not counted.
	Segments *float64 `json:"segments"`
	Calls    float64  `json:"calls"` // of the system, sends and receives
}

// WriteExchange writes exchange.csv, before WriteSummary.
func (w *Writer) WriteExchange(rows []ExchangeRow) error {
	w.exchange = slices.Clone(rows)
	return writeCSV(w, ExchangeFile, rows)
}

// readExchange reads exchange.csv of a result that has exchanges.
func (r *Result) readExchange() (err error) {
	if !slices.ContainsFunc(r.Summary.Arms, func(a Arm) bool { return a.Exchange != nil }) {
		return nil
	}
	if r.Exchange, err = readCSV[ExchangeRow](r, ExchangeFile); err != nil {
		return err
	}
	for i, row := range r.Exchange {
		if !r.arms[row.Arm] {
			return unknownArm(ExchangeFile, i+2, row.Arm)
		}
	}
	return nil
}

func (x *Exchange) validate(at string) []error {
	if x == nil {
		return nil
	}
	var faults []error
	for i, c := range x.Cells {
		faults = append(faults, c.RoundTripUs.validate(fmt.Sprintf("%s.cells[%d].round_trip_us", at, i)))
	}
	for i, h := range x.Heartbeats {
		faults = append(faults, h.RoundTripUs.validate(fmt.Sprintf("%s.heartbeats[%d].round_trip_us", at, i)))
	}
	for i, c := range x.Connections {
		faults = append(faults, c.TookUs.validate(fmt.Sprintf("%s.connections[%d].took_us", at, i)))
	}
	return faults
}

// exchange adds the rows of summary.csv.
func (t *summaryTable) exchange(arm Arm) {
	if w := arm.Wire; w != nil {
		t.number(arm.Name, "wire", "", "messages_per_commit", "1", w.Messages)
		t.number(arm.Name, "wire", "", "bytes_per_commit", "B", w.Bytes)
		if w.Segments != nil {
			t.number(arm.Name, "wire", "", "segments_per_commit", "1", *w.Segments)
		}
		t.number(arm.Name, "wire", "", "calls_per_commit", "1", w.Calls)
	}
	if arm.Exchange == nil {
		return
	}
	over := func(subject, metric, unit string, m Median) {
		if m.Median != nil {
			t.rows = append(t.rows, summaryRow{
				Arm: arm.Name, Section: "exchange", Subject: subject, Metric: metric, Unit: unit, N: strconv.Itoa(m.N),
				Quantile: "median of runs", Value: formatFloat(*m.Median),
			})
		}
	}
	for _, c := range arm.Exchange.Cells {
		if c.Skipped != "" {
			continue
		}
		subject := fmt.Sprintf("%s/size=%dB/in_flight=%d", c.Mode, c.SizeBytes, c.InFlight)
		t.quantiles(arm.Name, "exchange", subject, "round_trip", "us", c.RoundTripUs)
		over(subject, "round_trip_p50", "us", c.P50Us)
		over(subject, "rate", "1/s", c.PerS)
		over(subject, "throughput", "B/s", c.BytesPerS)
		over(subject, "cpu_per_message", "us", c.CPUUsPerMessage)
		over(subject, "allocs_per_message", "1", c.AllocsPerMessage)
		over(subject, "socket_bytes_per_message", "B", c.BytesPerMessage)
		over(subject, "segments_per_message", "1", c.SegmentsPerMessage)
		over(subject, "calls_per_message", "1", c.CallsPerMessage)
	}
	for _, h := range arm.Exchange.Heartbeats {
		t.quantiles(arm.Name, "exchange", "heartbeat/beside="+h.Beside, "round_trip", "us", h.RoundTripUs)
	}
	for _, c := range arm.Exchange.Connections {
		t.quantiles(arm.Name, "exchange", "connect/"+c.How, "took", "us", c.TookUs)
		over("connect/"+c.How, "cpu", "us", c.CPUUs)
		over("connect/"+c.How, "socket_bytes", "B", c.SocketBytes)
	}
}

// exchange writes a line for each point of each run, so that benchstat has the runs as its sample, without those that
// are left out everywhere.
func (b *benchWriter) exchange(rows []ExchangeRow) {
	for i := range rows {
		r := &rows[i]
		if r.Disturbed() {
			continue
		}
		name := benchName(r.Mode) + subNames(r.Arm)
		switch r.Mode {
		case ModeEcho, ModeStream:
			name += "/size=" + strconv.Itoa(r.SizeBytes) + "/inflight=" + strconv.Itoa(r.InFlight)
		default:
			name += "/beside=" + r.Beside
		}
		var values []benchValue
		for _, v := range []benchValue{
			{r.P50Us / 1e6, "p50-sec"}, {r.P99Us / 1e6, "p99-sec"}, {r.PerS, "msg/s"}, {r.CPUUs / 1e6, "cpu-sec/msg"},
			{r.Allocs, "allocs/msg"}, {r.SocketBytes, "wire-B/msg"},
		} {
			if v.value >= 0 {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			b.line(name, r.N, values)
		}
	}
}

// exchangeRows writes the rows of an exchange as Go benchmark text, below what writeBenchfmt wrote.
func exchangeRows(w io.Writer, m Manifest, rows []ExchangeRow) error {
	b := newBenchWriter(w, m)
	b.exchange(rows)
	return b.err
}
