package bench

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/exchange"
	"github.com/raftmark/raftmark/bench/result"
)

// TestToyExchange runs the real thing: two processes a transport, every kind of point.
func TestToyExchange(t *testing.T) {
	s, err := LoadScenario("transport-quick")
	if err != nil {
		t.Fatal(err)
	}
	x := s.Exchange
	s.Runs = 1
	x.Sizes, x.InFlight, x.Connections, x.Snapshot = []Size{256, 1 << 20}, []int{1, 32}, 2, 4<<20
	x.Warmup, x.Duration, x.Lanes = 0, Duration(40*ms), Duration(60*ms)
	dir := filepath.Join(t.TempDir(), "result")
	outcome, err := Run(t.Context(), Options{Scenario: s, Dir: dir, Executable: executable(t), CalibrateEach: 20 * ms})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("verdict %s: %q", outcome.Summary.Verdict, outcome.Summary.Arms[0].Validity) // the machine may be busy
	if outcome.DataDir != "" || len(processesIn(t, dir)) > 0 {
		t.Errorf("got data in %q and processes %q, want nothing left", outcome.DataDir, processesIn(t, dir))
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	const points = 3 + 2 + 4 + 2 // echoes but for 32 x 1 MiB, streams, heartbeats, connections
	if want := 3 * s.Runs * points; len(r.Exchange) != want {
		t.Fatalf("got %d rows, want %d", len(r.Exchange), want)
	}
	for _, row := range r.Exchange {
		if row.N == 0 || row.Lost != 0 || row.MaxUs <= 0 {
			t.Errorf("got %+v, want something that was timed and nothing lost", row)
		}
		if row.Mode == result.ModeEcho && (row.CPUUs <= 0 || row.Allocs <= 0 || row.SocketBytes < 2*float64(row.SizeBytes)) {
			t.Errorf("got %+v, want what it cost", row)
		}
	}
	for _, arm := range r.Summary.Arms {
		checkToyExchange(t, arm)
	}
}

func checkToyExchange(t *testing.T, arm result.Arm) {
	t.Helper()
	x := arm.Exchange
	skipped := slices.IndexFunc(x.Cells, func(c result.ExchangeCell) bool { return c.Skipped != "" })
	if len(x.Cells) != 6 || skipped < 0 || x.Cells[skipped].SizeBytes != 1<<20 || x.Cells[skipped].InFlight != 32 {
		t.Errorf("%s: got cells %+v, want one of six skipped", arm.Name, x.Cells)
	}
	for _, h := range x.Heartbeats {
		// On a busy machine the only run is left out, and then nothing is said of a bound.
		demanded := h.Beside == result.BesideAppend || h.Beside == result.BesideSnapshot
		if want := demanded && h.Disturbed == 0; want != (h.Held != nil) || demanded != (h.BoundUs > 0) {
			t.Errorf("%s: got %+v, want a bound beside full lanes only", arm.Name, h)
		}
	}
	encrypted := arm.Name != "transport=tcp"
	if got := x.Ledger.TLS; encrypted != strings.HasPrefix(got, "TLS 1.3") || (x.Ledger.Handshakes > 0) != encrypted {
		t.Errorf("%s: got ledger %+v", arm.Name, x.Ledger)
	}
}

// Each arm is first, and each is last, equally often: what comes first in a turn may be faster, or slower.
func TestTurnsAreFair(t *testing.T) {
	const arms, runs, points = 3, 6, 36
	first, last := map[int]int{}, map[int]int{}
	for run := range runs {
		for point := range points {
			var order []int
			for place := range arms {
				order = append(order, turn(place, arms, run, point))
			}
			first[order[0]]++
			last[order[arms-1]]++
			slices.Sort(order)
			if !slices.Equal(order, []int{0, 1, 2}) {
				t.Fatalf("run %d, point %d: got %v, want each arm once", run, point, order)
			}
		}
	}
	for arm := range arms {
		if want := runs * points / arms; first[arm] != want || last[arm] != want {
			t.Errorf("arm %d: got %d times first and %d times last, want %d", arm, first[arm], last[arm], want)
		}
	}
}

// The ranks are those of the usual tables of distribution-free intervals of the median.
func TestMedianRank(t *testing.T) {
	for n, want := range map[int]int{6: 0, 9: 1, 10: 1, 12: 2, 20: 5, 100: 39} {
		if k, ok := medianRank(n); !ok || k != want {
			t.Errorf("n=%d: got %d %v, want %d", n, k, ok, want)
		}
	}
	for _, n := range []int{0, 1, 5} {
		if _, ok := medianRank(n); ok {
			t.Errorf("n=%d: got an interval, want none", n)
		}
	}
}

func exchangeOf(runs int, foreign float64, n int64) *exchangeRecord {
	s := DefaultScenario()
	s.Exchange, s.Runs = &Exchange{Sizes: []Size{64}, InFlight: []int{1}}, runs
	x := newExchangeRecord(newArmRecord(Arm{Name: "transport=tcp", Scenario: s}))
	for run := range runs {
		for _, mode := range []string{result.ModeEcho, result.ModeStream} {
			row := newExchangeRow("transport=tcp", run+1)
			row.Mode, row.SizeBytes, row.InFlight, row.N, row.Foreign = mode, 64, 1, n, foreign
			if mode == result.ModeStream {
				row.InFlight = exchange.StreamWindow(64)
			}
			row.P50Us = float64(10 + run)
			x.rows = append(x.rows, *row)
		}
	}
	return x
}

// A closed loop slows down with the machine and does not show it: who else used the processors decides.
func TestExchangeIsInvalidWhenItsConditionsDidNotHold(t *testing.T) {
	for _, c := range []struct {
		name    string
		foreign float64
		n       int64
		want    string // in what makes it invalid
	}{
		{"quiet", 0.01, 1000, ""},
		{"a little noise", 0.19, 1000, ""},
		{"a busy machine", 0.4, 1000, "12 of 12 rows are left out: other programs used more than 20 %"},
		{"too few round trips", 0.01, 5, "only 5 round trips"},
	} {
		x := exchangeOf(6, c.foreign, c.n)
		_, faults := x.summary()
		if got := strings.Join(faults, "; "); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		warned := slices.ContainsFunc(x.arm.warnings, func(w string) bool { return strings.HasPrefix(w, "warning:") })
		if warned {
			t.Errorf("%s: got warnings %q", c.name, x.arm.warnings)
		}
	}
	if _, faults := (*exchangeRecord)(nil).summary(); len(faults) == 0 {
		t.Error("nothing was measured, and it is valid")
	}
}

// A row in which other programs used too much is in no median; a few are counted, more make the result invalid.
func TestDisturbedRowsAreLeftOut(t *testing.T) {
	for _, c := range []struct {
		out     int // runs of the echo
		invalid bool
	}{{0, false}, {1, false}, {2, true}, {3, true}} { // 2 of 12 rows are more than a tenth
		x := exchangeOf(6, 0.01, 1000)
		for i := range c.out {
			x.rows[2*i].Foreign, x.rows[2*i].P50Us = 0.21, 1e6
		}
		s, faults := x.summary()
		echo := s.Cells[0]
		if echo.Disturbed != c.out || echo.P50Us.N != 6-c.out || *echo.P50Us.Median > 15 || s.Cells[1].Disturbed != 0 {
			t.Errorf("%d out: got %+v", c.out, echo)
		}
		warned := slices.ContainsFunc(x.arm.warnings, func(w string) bool { return strings.Contains(w, "1 of 12 rows") })
		if (len(faults) > 0) != c.invalid || warned != (c.out == 1) {
			t.Errorf("%d out: got faults %q, warnings %q", c.out, faults, x.arm.warnings)
		}
	}
}

// What was not counted is null, and fewer than six runs have no interval.
func TestMediansOverRuns(t *testing.T) {
	s, _ := exchangeOf(6, 0, 1000).summary()
	cell := s.Cells[0]
	if m := cell.P50Us; *m.Median != 12 || *m.Low != 10 || *m.High != 15 {
		t.Errorf("got %v [%v, %v], want 12 [10, 15]", *m.Median, *m.Low, *m.High)
	}
	if cell.BytesPerMessage.Median != nil || cell.CPUUsPerMessage.Median != nil {
		t.Errorf("got %+v, want null for what was not counted", cell)
	}
	s, _ = exchangeOf(5, 0, 1000).summary()
	if m := s.Cells[0].P50Us; m.Median == nil || m.Low != nil {
		t.Errorf("5 runs: got %+v, want a median without an interval", m)
	}
}

func TestLedgerTakesTheExtremesOfAllSockets(t *testing.T) {
	l := ledgerOf(exchange.Facts{TLS: "TLS 1.3", Sockets: []exchange.Socket{
		{Network: "tcp", Congestion: "cubic", SendBufferBytes: 5, ReceiveBufferBytes: 7, SegmentBytes: 1448},
		{Network: "tcp", Congestion: "cubic", SendBufferBytes: 3, ReceiveBufferBytes: 9, SegmentBytes: 1400},
	}})
	if l.SendBufferBytes != [2]int{3, 5} || l.ReceiveBufferBytes != [2]int{7, 9} || l.SegmentBytes != 1448 ||
		l.Congestion != "cubic (kernel)" || l.Connections != 2 {
		t.Errorf("got %+v", l)
	}
}

// The slowest heartbeat of all runs decides, and one that is lost is slower than any bound.
func TestTheSlowestHeartbeatIsHeldToTheBound(t *testing.T) {
	for _, c := range []struct {
		name    string
		slowest time.Duration
		lost    int
		want    bool
	}{{"within", 49 * ms, 0, true}, {"beyond", 51 * ms, 0, false}, {"lost", 2 * ms, 1, false}} {
		x := exchangeOf(1, 0.01, 1000)
		x.arm.scenario.Exchange.HeartbeatMax = Duration(50 * ms)
		for _, background := range []exchange.Background{exchange.Append, exchange.OneLane} {
			times, lag := hdrhistogram.New(100, int64(time.Minute), 3), hdrhistogram.New(100, int64(time.Minute), 3)
			for range 500 {
				_ = times.RecordValue(int64(ms))
				_ = lag.RecordValue(int64(ms / 100))
			}
			_ = times.RecordValue(int64(c.slowest))
			o := exchange.Beat{Background: background, Every: ms, Duration: 500 * ms}
			b := exchange.Beats{Sent: 501 + c.lost, Lost: c.lost, Times: lag, Lag: lag, FromDue: times}
			x.addBeats(newExchangeRow("transport=tcp", 1), &o, b)
		}
		s, faults := x.summary()
		for _, h := range s.Heartbeats {
			switch h.Beside {
			case result.BesideAppend:
				if h.Held == nil || *h.Held != c.want || h.BoundUs != 50_000 {
					t.Errorf("%s: got %+v, want held %v", c.name, h, c.want)
				}
			default:
				if h.Held != nil {
					t.Errorf("%s: beside %s nothing is demanded, got %v", c.name, h.Beside, *h.Held)
				}
			}
		}
		if len(faults) > 0 {
			t.Errorf("%s: got %q: a bound that was not held is a finding", c.name, faults)
		}
	}
}

// A sender that is late misses the moments in which the lanes are slow: then nothing is said about a bound.
func TestLateHeartbeatsMakeTheExchangeInvalid(t *testing.T) {
	x := exchangeOf(1, 0.01, 1000)
	x.arm.scenario.Exchange.HeartbeatMax = Duration(50 * ms)
	times, lag := hdrhistogram.New(100, int64(time.Minute), 3), hdrhistogram.New(100, int64(time.Minute), 3)
	for range 500 {
		_ = times.RecordValue(int64(ms))
		_ = lag.RecordValue(int64(30 * ms))
	}
	o := exchange.Beat{Background: exchange.Append, Every: ms, Duration: 500 * ms}
	x.addBeats(newExchangeRow("transport=tcp", 1), &o, exchange.Beats{Sent: 500, Times: times, Lag: lag, FromDue: lag})
	if _, faults := x.summary(); len(faults) != 1 || !strings.Contains(faults[0], "sent late, by 30.0 ms") {
		t.Errorf("got %q", faults)
	}
}
