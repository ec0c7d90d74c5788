package resulttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
)

// ExchangeOptions choose a result of transports alone.
type ExchangeOptions struct {
	Runs int // default 6
	// Late makes the heartbeats of the last transport exceed their bound beside a full append lane.
	Late bool
	// Uncounted leaves out what the sockets did, as on a system that does not count it.
	Uncounted bool
	Verdict   result.Verdict // default ok
}

// The sizes and numbers in flight of the fixture.
var (
	exchangeSizes   = []int{64, 1 << 10, 1 << 20}
	exchangeFlights = []int{1, 64}
)

// WriteExchange makes a result of three transports that were measured alone.
func WriteExchange(dir string, o ExchangeOptions) error {
	if o.Runs == 0 {
		o.Runs = 6
	}
	if o.Verdict == "" {
		o.Verdict = result.VerdictOK
	}
	w, err := result.Create(dir)
	if err != nil {
		return err
	}
	manifest := fixedManifest(Options{}.WithDefaults())
	manifest.Name, manifest.Command = "transport", []string{"raftmark", "bench", "transport"}
	calibration := fixedCalibration(result.StorageHonest)
	summary := result.Summary{Verdict: o.Verdict, Calibration: calibration}
	var rows []result.ExchangeRow
	for i, name := range []string{"tcp", "tls", "quic"} {
		a := exchangeArm{o: o, name: name, slow: 1 + .4*float64(i), random: rand.New(rand.NewPCG(1, uint64(i)))}
		summary.Arms = append(summary.Arms, a.make())
		rows = append(rows, a.rows...)
	}
	for _, write := range []func() error{
		func() error { return w.WriteManifest(manifest) },
		func() error { return w.WriteScenario([]byte("name: transport\ndescription: A fixture.\n")) },
		func() error { return w.WriteCalibration(calibration) },
		func() error { return w.WriteTrials(nil) },
		func() error { return w.WriteTimeline(nil) },
		func() error { return w.WriteEvents(nil) },
		func() error { return w.WriteOps(slices.Values[[]result.OpRow](nil)) },
		func() error { return w.WriteExchange(rows) },
		func() error { return w.WriteSummary(summary) },
		w.Close,
	} {
		if err := write(); err != nil {
			return fmt.Errorf("write fixture: %w", err)
		}
	}
	return nil
}

// exchangeArm is one transport in the making; slow multiplies its times.
type exchangeArm struct {
	o      ExchangeOptions
	name   string
	slow   float64
	random *rand.Rand
	rows   []result.ExchangeRow
}

func (a *exchangeArm) make() result.Arm {
	x := &result.Exchange{Ledger: a.ledger()}
	for _, size := range exchangeSizes {
		x.Cells = append(x.Cells, a.cell(result.ModeStream, size, max(1, min(1024, 8<<20/size))))
	}
	for _, n := range exchangeFlights {
		for _, size := range exchangeSizes {
			if n*size > 16<<20 {
				x.Cells = append(x.Cells, result.ExchangeCell{
					Mode: result.ModeEcho, SizeBytes: size, InFlight: n, Skipped: "more in flight than is queued",
				})
				continue
			}
			x.Cells = append(x.Cells, a.cell(result.ModeEcho, size, n))
		}
	}
	for i, beside := range []string{result.BesideIdle, result.BesideAppend, result.BesideSnapshot, result.BesideOneLane} {
		x.Heartbeats = append(x.Heartbeats, a.delay(i, beside))
	}
	for _, how := range []string{result.ConnectFresh, result.ConnectAgain} {
		x.Connections = append(x.Connections, result.ConnectCost{
			How: how, TookUs: ladder(54, 900*a.slow, 2000*a.slow), CPUUs: median(1500 * a.slow), SocketBytes: a.counted(8000),
			LoopbackBytes: median(9000),
		})
	}
	arm := result.Arm{
		Name: "transport=" + a.name, Config: map[string]any{"transport": a.name}, Exchange: x,
		Safety: result.Safety{Linearizable: "unknown"}, Validity: []string{"note: clients and servers share this host"},
	}
	if a.o.Verdict == result.VerdictInvalid {
		arm.Validity = append(arm.Validity, "other programs used 40 % of the CPUs")
	}
	return arm
}

func (a *exchangeArm) ledger() result.TransportLedger {
	l := result.TransportLedger{
		Congestion: "cubic (kernel)", Connections: 4, SendBufferBytes: [2]int{2 << 20, 4 << 20},
		ReceiveBufferBytes: [2]int{128 << 10, 128 << 10}, SendBufferMaxBytes: 4 << 20, ReceiveBufferMaxBytes: 4 << 20,
		SegmentBytes: 65_483, InterfaceMTU: 65_536, Offload: "TSO and GRO of the kernel", SnapshotBytes: 64 << 20,
	}
	if a.name != "tcp" {
		l.TLS, l.Handshakes = "TLS 1.3, TLS_AES_128_GCM_SHA256", 54
	}
	if a.name == "quic" {
		l.Congestion, l.Connections, l.SegmentBytes, l.Resumed = "NewReno (quic-go)", 1, 0, 54
		l.Offload = "GSO there, GRO on"
	}
	return l
}

func median(v float64) result.Median { return result.Median{N: 6, Median: &v} }

func (a *exchangeArm) counted(v float64) result.Median {
	if a.o.Uncounted {
		return result.Median{}
	}
	return median(v)
}

// over sums the runs up; of fewer than six there is no interval.
func over(values []float64) result.Median {
	sorted := slices.Sorted(slices.Values(values))
	m := result.Median{N: len(sorted), Median: &sorted[(len(sorted)-1)/2]}
	if len(sorted) >= 6 {
		m.Low, m.High = &sorted[0], &sorted[len(sorted)-1]
	}
	return m
}

func (a *exchangeArm) cell(mode string, size, inFlight int) result.ExchangeCell {
	perMessage := a.slow * (8 + float64(size)/500)
	var p50s, perSs, bytes, cpus []float64
	for run := range a.o.Runs {
		p50 := perMessage * math.Sqrt(float64(inFlight)) * (1 + .1*a.random.Float64())
		perS := float64(inFlight) / p50 * 1e6
		row := result.ExchangeRow{
			Arm: "transport=" + a.name, Run: run + 1, Mode: mode, SizeBytes: size, InFlight: inFlight, N: 5000, Messages: 5500,
			PerS: perS, BytesPerS: perS * float64(size), P50Us: p50, P90Us: 1.2 * p50, P99Us: 2 * p50, P999Us: 3 * p50,
			MaxUs: 9 * p50, CPUUs: 1.5 * perMessage, Allocs: 4, LagP99Us: -1, SnapshotUs: -1, Foreign: .01,
		}
		a.rows = append(a.rows, row)
		p50s, perSs = append(p50s, p50), append(perSs, perS)
		bytes, cpus = append(bytes, row.BytesPerS), append(cpus, row.CPUUs)
	}
	wire := float64(size)*1.02 + 40
	if mode == result.ModeEcho {
		wire *= 2
	}
	return result.ExchangeCell{
		Mode: mode, SizeBytes: size, InFlight: inFlight, RoundTripUs: ladder(5000*a.o.Runs, p50s[0], 2*p50s[0]),
		P50Us: over(p50s), P99Us: median(2 * p50s[0]), PerS: over(perSs), BytesPerS: over(bytes), CPUUsPerMessage: over(cpus),
		AllocsPerMessage: median(4 * a.slow), BytesPerMessage: a.counted(wire), SegmentsPerMessage: a.counted(1 + wire/1400),
		CallsPerMessage: a.counted(2), LoopbackPerMessage: median(wire * 1.04), SoftirqUsPerMessage: median(0),
	}
}

func (a *exchangeArm) delay(place int, beside string) result.LaneDelay {
	p50 := []float64{120, 700, 800, 21_000}[place] * a.slow
	h := result.LaneDelay{
		Beside: beside, RoundTripUs: ladder(4200, p50, 5*p50), SendLagUs: ladder(4200, 5, 90),
		FromDueUs: ladder(4200, p50+5, 5*p50+90),
	}
	if place > 0 {
		h.BesideBytesPerS = median(400e6 / a.slow)
	}
	if beside == result.BesideSnapshot {
		h.SnapshotUs = median(150_000 * a.slow)
	}
	if beside == result.BesideAppend || beside == result.BesideSnapshot {
		held := true
		h.BoundUs = 50_000
		if a.o.Late && a.name == "quic" && beside == result.BesideAppend {
			late := 81_000.
			h.FromDueUs.Max, held = &late, false
		}
		h.Held = &held
	}
	return h
}
