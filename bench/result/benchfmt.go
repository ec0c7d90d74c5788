package result

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// writeBenchfmt writes Go benchmark text that benchstat reads: a line for the steady phase of each arm, a line for each
// closed-loop point, and a line for each trial, so that benchstat has the trials as its sample. Times are in seconds.
// The axes of an arm's name are sub-names, so that "benchstat -col /transport" compares them.
//
// Note: the format is a page (golang.org/design/14313-benchmark-format) and is written here, because x/perf/benchfmt
// brings the statistics of benchstat with it.
func writeBenchfmt(w io.Writer, m Manifest, s Summary, trials []Trial) error {
	b := &benchWriter{w: w}
	b.config(m)
	for _, arm := range s.Arms {
		b.steady(arm)
		b.closed(arm)
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
	w   io.Writer
	err error
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

// config writes the configuration lines; keys as Go's own benchmarks have them where they exist.
func (b *benchWriter) config(m Manifest) {
	for _, c := range [][2]string{
		{"goos", m.Environment.OS},
		{"goarch", m.Environment.Arch},
		{"pkg", "github.com/raftmark/raftmark"},
		{"cpu", m.Environment.CPUModel},
		{"commit", m.Commit},
		{"scenario", m.Name},
		{"seed", strconv.FormatUint(m.Seed, 10)},
		{"placement", m.Environment.Placement},
	} {
		if value := strings.Join(strings.Fields(c[1]), " "); value != "" {
			b.printf("%s: %s\n", c[0], value)
		}
	}
	b.printf("\n")
}

func (b *benchWriter) line(name string, iterations int64, values []benchValue) {
	b.printf("Benchmark%s %d", name, max(iterations, 1))
	for _, v := range values {
		b.printf(" %s %s", strconv.FormatFloat(v.value, 'g', -1, 64), v.unit)
	}
	b.printf("\n")
}

func (b *benchWriter) steady(arm Arm) {
	s := arm.Steady
	if s == nil {
		return
	}
	values := []benchValue{{value: s.AchievedPerS, unit: "ok/s"}}
	add := func(unit string, us *float64) {
		if us != nil {
			values = append(values, benchValue{value: *us / 1e6, unit: unit})
		}
	}
	add("response-p50-sec", s.ResponseUs.P50)
	add("response-p99-sec", s.ResponseUs.P99)
	add("service-p50-sec", s.ServiceUs.P50)
	add("service-p99-sec", s.ServiceUs.P99)
	b.line("Steady"+subNames(arm.Name), s.OK, values)
}

func (b *benchWriter) closed(arm Arm) {
	for _, p := range arm.Closed {
		name := "Closed" + subNames(arm.Name) +
			"/proposers=" + strconv.Itoa(p.Proposers) + "/payload=" + strconv.Itoa(p.PayloadBytes)
		values := []benchValue{{value: p.PerS, unit: "op/s"}, {value: p.P50Us / 1e6, unit: "service-p50-sec"}}
		if p.P99Us != nil {
			values = append(values, benchValue{value: *p.P99Us / 1e6, unit: "service-p99-sec"})
		}
		b.line(name, 1, append(values,
			benchValue{value: p.CPUUsPerOp / 1e6, unit: "cpu-sec/op"},
			benchValue{value: p.AllocsPerOp, unit: "allocs/op"}))
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

// subNames turns "transport=tcp,payload=256B" into "/transport=tcp/payload=256B".
func subNames(arm string) string {
	var b strings.Builder
	for _, axis := range strings.FieldsFunc(arm, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		b.WriteString("/" + axis)
	}
	return b.String()
}
