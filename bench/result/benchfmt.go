package result

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// writeBenchfmt writes Go benchmark text that benchstat reads: a line for each run of the steady phase and of the
// closed loop, so that benchstat has the runs as its sample, and a line for each trial. Times are in seconds. The axes
// of an arm's name are sub-names, so that "benchstat -col /transport" compares them.
//
// Note: the format is a page (golang.org/design/14313-benchmark-format) and is written here, because x/perf/benchfmt
// brings the statistics of benchstat with it. It reads what is written here in the tests.
func writeBenchfmt(w io.Writer, m Manifest, s Summary, trials []Trial) error {
	b := newBenchWriter(w, m)
	b.config(m, s.Verdict)
	b.units()
	for _, arm := range s.Arms {
		b.steady(arm)
		b.closed(arm)
		b.open(arm)
		b.saturation(arm)
		for _, t := range trials {
			if t.Arm == arm.Name {
				b.trial(t)
			}
		}
	}
	return b.err
}

type benchWriter struct {
	w io.Writer
	// suffix ends all names, as those of Go's own benchmarks end: "-8" with GOMAXPROCS 8. Without it a reader would take
	// the end of a name like "/election=150-300ms/last=1-3" for it.
	suffix string
	err    error
}

func newBenchWriter(w io.Writer, m Manifest) *benchWriter {
	return &benchWriter{w: w, suffix: "-" + strconv.Itoa(max(1, m.Environment.GOMAXPROCS))}
}

// benchUnits are all units that are written, and whether more of them is better.
func benchUnits() map[string]string {
	const higher, lower = "higher", "lower"
	return map[string]string{
		"ok/s": higher, "op/s": higher, "msg/s": higher,
		"response-p50-sec": lower, "response-p99-sec": lower, "service-p50-sec": lower, "service-p99-sec": lower,
		"p50-sec": lower, "p99-sec": lower, "outage-sec": lower, "leaderless-sec": lower, "latency-debt-op-sec": lower,
		"cpu-sec/op": lower, "cpu-sec/msg": lower, "allocs/op": lower, "allocs/msg": lower, "wire-B/msg": lower,
	}
}

// benchValue is a value and its unit.
type benchValue struct {
	value float64
	unit  string
}

func (b *benchWriter) printf(format string, args ...any) {
	if b.err == nil {
		_, b.err = fmt.Fprintf(b.w, format, args...)
	}
}

// config writes the configuration lines; keys as Go's own benchmarks have them where they exist. benchstat makes a
// table of its own for each configuration: what differs between two results that one wants to compare, the commit and
// the seed, is a comment.
func (b *benchWriter) config(m Manifest, verdict Verdict) {
	b.printf("# commit %s, seed %d\n", orDash(m.Commit), m.Seed)
	for _, c := range [][2]string{
		{"goos", m.Environment.OS},
		{"goarch", m.Environment.Arch},
		{"pkg", "github.com/raftmark/raftmark"},
		{"cpu", m.Environment.CPUModel},
		{"scenario", m.Name},
		{"placement", m.Environment.Placement},
		{"verdict", string(verdict)},
	} {
		if value := strings.Join(strings.Fields(c[1]), " "); value != "" {
			b.printf("%s: %s\n", c[0], value)
		}
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// units says which direction is the better one.
func (b *benchWriter) units() {
	units := benchUnits()
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		b.printf("Unit %s better=%s\n", unit, units[unit])
	}
	b.printf("\n")
}

func (b *benchWriter) line(name string, iterations int64, values []benchValue) {
	b.printf("Benchmark%s%s %d", name, b.suffix, max(iterations, 1))
	for _, v := range values {
		b.printf(" %s %s", strconv.FormatFloat(v.value, 'g', -1, 64), v.unit)
	}
	b.printf("\n")
}

// seconds appends a time in microseconds, unless there is none.
func seconds(values []benchValue, unit string, us *float64) []benchValue {
	if us == nil {
		return values
	}
	return append(values, benchValue{value: *us / 1e6, unit: unit})
}

// steady writes the runs of the steady phase; without them all runs together, whose service times are known too.
func (b *benchWriter) steady(arm Arm) {
	name := "Steady" + subNames(arm.Name)
	for i := range arm.SteadyRuns {
		r := &arm.SteadyRuns[i]
		values := seconds([]benchValue{{r.AchievedPerS, "ok/s"}}, "response-p50-sec", r.ResponseUs.P50)
		b.line(name, int64(r.ResponseUs.N), seconds(values, "response-p99-sec", r.ResponseUs.P99))
	}
	if s := arm.Steady; s != nil && len(arm.SteadyRuns) == 0 {
		values := seconds([]benchValue{{s.AchievedPerS, "ok/s"}}, "response-p50-sec", s.ResponseUs.P50)
		values = seconds(values, "response-p99-sec", s.ResponseUs.P99)
		values = seconds(values, "service-p50-sec", s.ServiceUs.P50)
		b.line(name, s.OK, seconds(values, "service-p99-sec", s.ServiceUs.P99))
	}
}

// closed writes the runs of the closed loop; without them the medians over runs.
func (b *benchWriter) closed(arm Arm) {
	runs := arm.ClosedRuns
	if len(runs) == 0 {
		runs = [][]ClosedPoint{arm.Closed}
	}
	for _, run := range runs {
		for _, p := range run {
			if p.N == 0 {
				continue // nothing was committed
			}
			name := "Closed" + subNames(arm.Name) +
				"/proposers=" + strconv.Itoa(p.Proposers) + "/payload=" + strconv.Itoa(p.PayloadBytes)
			values := seconds([]benchValue{{p.PerS, "op/s"}}, "service-p50-sec", &p.P50Us)
			values = seconds(values, "service-p99-sec", p.P99Us)
			b.line(name, p.N, append(values,
				benchValue{value: p.CPUUsPerOp / 1e6, unit: "cpu-sec/op"},
				benchValue{value: p.AllocsPerOp, unit: "allocs/op"}))
		}
	}
}

func (b *benchWriter) open(arm Arm) {
	for _, p := range arm.Open {
		name := "Open" + subNames(arm.Name) + "/rate=" + strconv.FormatFloat(p.OfferedPerS, 'f', 0, 64)
		values := seconds([]benchValue{{p.AchievedPerS, "ok/s"}}, "response-p50-sec", &p.P50Us)
		b.line(name, int64(p.N), seconds(values, "response-p99-sec", &p.P99Us))
	}
}

func (b *benchWriter) trial(t Trial) {
	values := []benchValue{
		{value: t.OutageMs / 1e3, unit: "outage-sec"},
		{value: t.LatencyDebtOpS, unit: "latency-debt-op-sec"},
	}
	if t.LeaderlessMs >= 0 { // else it was not observed
		values = append(values, benchValue{value: t.LeaderlessMs / 1e3, unit: "leaderless-sec"})
	}
	b.line(benchName(t.Kind)+subNames(t.Arm), 1, values)
}

// benchName turns "leader-kill" into "LeaderKill": a benchmark's name begins with an upper-case letter.
func benchName(kind string) string {
	var b strings.Builder
	upper := true
	for _, r := range kind {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			upper = true
		case upper:
			b.WriteRune(unicode.ToUpper(r))
			upper = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// subNames turns "transport=tcp,payload=256B" into "/transport=tcp/payload=256B". A slash would begin another sub-name.
func subNames(arm string) string {
	var b strings.Builder
	for _, axis := range strings.FieldsFunc(arm, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		b.WriteString("/" + strings.ReplaceAll(axis, "/", "_"))
	}
	return b.String()
}
