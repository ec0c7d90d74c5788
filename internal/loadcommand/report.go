package loadcommand

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/loadgen"
)

// Report is the summary of the command, and its JSON.
type Report struct {
	Options     loadgen.Options   `json:"options"`
	Target      any               `json:"target"` // its effective settings
	Leader      string            `json:"leader"`
	SameHost    bool              `json:"same_host"` // client and servers share this machine
	Interrupted bool              `json:"interrupted"`
	CPUUsPerOp  float64           `json:"cpu_us_per_op"` // of this process, warm-up included
	Stats       loadgen.Stats     `json:"stats"`
	Steps       []loadgen.Stats   `json:"steps,omitempty"` // of --steps, each by itself
	Invalid     []string          `json:"invalid"`
	Verified    *check.LostReport `json:"verified,omitempty"`
}

func newReport(r *loadRun, interrupted bool, cpu time.Duration) Report {
	report := Report{
		Options:     r.generator.Options(),
		Target:      r.target.Settings(),
		Leader:      r.target.Leader(),
		SameHost:    sameHost(r.flags.addrs),
		Interrupted: interrupted,
		Stats:       r.histograms.Stats(),
	}
	report.Stats.Closed = r.opts.Closed
	report.Stats.Self = r.generator.Self()
	report.Invalid = report.Stats.Invalid()
	if r.steps != nil {
		report.judgeSteps(r.steps.Stats())
	}
	if offered := r.generator.Counters().Offered; offered > 0 {
		report.CPUUsPerOp = float64(cpu.Nanoseconds()) / 1000 / float64(offered)
	}
	return report
}

// judgeSteps adds the figures of each step. One step that does not hold makes the measurement invalid: in the figures
// of all of them, it may not show.
func (r *Report) judgeSteps(steps []loadgen.Stats) {
	r.Steps = steps
	for i, s := range steps {
		if s.Offered == 0 {
			continue // at a low rate, or interrupted, before its first operation was due
		}
		for _, reason := range s.Invalid() {
			r.Invalid = append(r.Invalid, fmt.Sprintf("step %d: %s", i+1, reason))
		}
	}
}

func sameHost(addrs []string) bool {
	for _, addr := range addrs {
		host, _, _ := net.SplitHostPort(addr)
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return true
		}
	}
	return false
}

// processCPU returns the processor time that this process has used; 0 when the system does not say.
func processCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// exit returns the error that carries the exit code; what is wrong was printed.
func (r Report) exit() error {
	switch {
	case r.Verified != nil && r.Verified.Verdict() == check.VerdictViolation:
		return exit.Error{Code: exit.Unsafe}
	case r.Interrupted:
		return exit.Error{Code: exit.Interrupted}
	case len(r.Invalid) > 0, r.Verified != nil && r.Verified.Verdict() != check.VerdictOK:
		return exit.Error{Code: exit.Invalid}
	}
	return nil
}

func (r Report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	var b strings.Builder
	r.head(&b)
	r.table(&b)
	r.stepTable(&b)
	r.tail(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Report) head(b *strings.Builder) {
	o := r.Options
	if o.Closed {
		fmt.Fprintf(b, "closed loop, %d clients (service time: waiting is not seen)", o.Clients)
	} else {
		fmt.Fprintf(b, "open loop, %s", o.ScheduleText())
	}
	w := o.Workload
	keys := fmt.Sprintf("%d keys %s", w.Keys, w.KeyDist)
	if w.KeyDist == loadgen.KeysSequential || w.KeyDist == loadgen.KeysLatest {
		keys = "a key for each write"
	}
	if w.HotShare > 0 {
		keys += fmt.Sprintf(" with %.4g %% on one", 100*w.HotShare)
	}
	mix := fmt.Sprintf("%.4g %% reads", 100*w.ReadShare)
	if w.IncrShare+w.CASShare > 0 {
		mix += fmt.Sprintf(", %.4g %% INCR, %.4g %% CAS", 100*w.IncrShare, 100*w.CASShare)
	}
	fmt.Fprintf(b, ", %.3g s after %v warm-up, payload %s, %s, %s, seed %d\n",
		r.Stats.DurationS, o.Warmup, w.PayloadText(), keys, mix, o.Seed)
	fmt.Fprintf(b, "leader at the end %s", orNone(r.Leader))
	if r.SameHost {
		b.WriteString("; client and servers share this host")
	}
	if target, ok := r.Target.(fmt.Stringer); ok {
		fmt.Fprintf(b, "\n%s", target)
	}
	b.WriteString("\n\n")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (r Report) table(b *strings.Builder) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tn\tmin\tp50\tp90\tp95\tp99\tp99.9\tmax\t")
	row := func(name string, q loadgen.Quantiles, censored bool) {
		most := latency(q.Max)
		if censored {
			most = ">" + most
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, q.N, latency(q.Min), latency(q.P50),
			latency(q.P90), latency(q.P95), latency(q.P99), latency(q.P999), most)
	}
	s := r.Stats
	row("response", s.ResponseUs, s.Censored > 0 || s.Capped > 0)
	row("service", s.ServiceUs, s.Capped > 0)
	row("send lag", s.SendLagUs, false)
	if s.Failed > 0 {
		row("failed", s.FailedUs, false)
	}
	if s.Unknown > 0 {
		row("unknown", s.UnknownUs, true)
	}
	_ = t.Flush() // to memory
}

// stepTable prints the response times of each step.
func (r Report) stepTable(b *strings.Builder) {
	if len(r.Steps) == 0 {
		return
	}
	b.WriteByte('\n')
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "step\toffered\tachieved\tnot ok\tlag p99\tp50\tp99\tmax\t")
	for i, s := range r.Steps {
		most := latency(s.ResponseUs.Max)
		if s.Censored > 0 || s.Capped > 0 {
			most = ">" + most
		}
		fmt.Fprintf(t, "%d\t%.1f/s\t%.1f/s\t%d\t%s\t%s\t%s\t%s\t\n", i+1, s.OfferedPerS, s.AchievedPerS,
			s.Failed+s.Unknown+s.Shed, latency(s.SendLagUs.P99), latency(s.ResponseUs.P50), latency(s.ResponseUs.P99), most)
	}
	if more := len(r.Options.Steps) - loadgen.StepsReportedMax; more > 0 {
		fmt.Fprintf(t, "and %d more\t\n", more)
	}
	_ = t.Flush() // to memory
}

// latency writes microseconds with three digits; "-" is of a sample too small for it.
func latency(us *float64) string {
	switch {
	case us == nil:
		return "-"
	case *us < 1000:
		return fmt.Sprintf("%.0fµs", *us)
	case *us < 1e6:
		return fmt.Sprintf("%.*fms", decimals(*us/1000), *us/1000)
	default:
		return fmt.Sprintf("%.*fs", decimals(*us/1e6), *us/1e6)
	}
}

func decimals(v float64) int {
	switch {
	case v < 10:
		return 2
	case v < 100:
		return 1
	}
	return 0
}

func (r Report) tail(b *strings.Builder) {
	s := r.Stats
	fmt.Fprintf(b, "\noffered %.1f/s  achieved %.1f/s  ok %d  failed %d  unknown %d  shed %d\n",
		s.OfferedPerS, s.AchievedPerS, s.OK, s.Failed, s.Unknown, s.Shed)
	fmt.Fprintf(b, "attempts %d  redirects %d  late sends %d  generator CPU %.1f µs/op\n",
		s.Attempts, s.Redirects, s.Late, r.CPUUsPerOp)
	if s.Self != nil {
		longest := s.Self.GCPauseMaxUs
		fmt.Fprintf(b, "generator stopped by its collector %d times, for at most %s  wall clock stepped by %.1f ms\n",
			s.Self.GCPauses, latency(&longest), s.Self.ClockStepUs/1000)
	}
	if s.Censored > 0 {
		fmt.Fprintf(b, "%d operations that did not end ok count in the response time as at least their timeout of %v\n",
			s.Censored, r.Options.Timeout)
	}
	if s.Capped > 0 {
		fmt.Fprintf(b, "%d latencies are beyond the histograms' range of %v\n", s.Capped, loadgen.HistogramMax)
	}
	if v := r.Verified; v != nil {
		fmt.Fprintf(b, "verified: %d keys read back, %d acknowledged writes, lost: %d", v.Keys-v.Unread, v.Acked, v.Lost)
		fmt.Fprintf(b, ", phantom: %d, unread keys: %d, unrecorded operations: %d → %s\n",
			v.Phantom, v.Unread, v.Dropped, v.Verdict())
		for _, example := range v.Examples {
			fmt.Fprintf(b, "  %s\n", example)
		}
	}
	if r.Interrupted {
		b.WriteString("INTERRUPTED: these are partial results\n")
	}
	for _, reason := range r.Invalid {
		fmt.Fprintf(b, "INVALID: %s\n", reason)
	}
	if len(r.Invalid) == 0 && !r.Interrupted {
		b.WriteString("VALID: the generator kept its schedule\n")
	}
}
