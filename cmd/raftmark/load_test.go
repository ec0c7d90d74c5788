package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/internal/loadcommand"
	"github.com/raftmark/raftmark/loadgen/resp/resptest"
)

func raftmarkRun(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, args, &out, &err)
	return code, out.String(), err.String()
}

func wantRun(t *testing.T, want int, says string, args ...string) string {
	t.Helper()
	code, stdout, stderr := raftmarkRun(t.Context(), args...)
	if code != want || !strings.Contains(stdout+stderr, says) {
		t.Fatalf("raftmark %s: got exit code %d, want %d with %q\n%s%s",
			strings.Join(args, " "), code, want, says, stdout, stderr)
	}
	return stdout
}

func loadServer(t *testing.T) *resptest.Server {
	t.Helper()
	s, err := resptest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestLoadVerifiesAndCheckAgrees(t *testing.T) {
	server := loadServer(t)
	history := filepath.Join(t.TempDir(), "history.csv.gz")
	args := []string{"load", "--targets", server.Addr(), "-r", "1000/s", "-d", "400ms", "-w", "100ms", "-q",
		"--keys", "50", "--read-share", "0.3", "--verify", "--history", history}
	// The figures may be invalid on a busy machine; the safety verdict may not.
	code, stdout, stderr := raftmarkRun(t.Context(), args...)
	if code != int(exit.OK) && code != int(exit.Invalid) || !strings.Contains(stdout, "lost: 0, phantom: 0") {
		t.Fatalf("got exit code %d\n%s%s", code, stdout, stderr)
	}
	wantRun(t, int(exit.OK), "linearizable: ok", "check", history)
}

// Operations of all kinds, in steps, on keys that were preloaded: all of it is checked.
func TestLoadOfAllKindsVerifiesAndCheckAgrees(t *testing.T) {
	server := loadServer(t)
	history := filepath.Join(t.TempDir(), "history.csv.gz")
	code, stdout, stderr := raftmarkRun(t.Context(), "load", "--targets", server.Addr(), "-w", "100ms", "-q",
		"--steps", "1000/s:200ms,3000/s:200ms", "--spacing", "poisson", "--workload", "ycsb-f", "--keys", "20",
		"--mix", "get=0.3,set=0.2,incr=0.2,cas=0.3", "--payload", "16B..200B", "--verify", "--history", history)
	if code != int(exit.OK) && code != int(exit.Invalid) || !strings.Contains(stdout, "lost: 0, phantom: 0") ||
		!strings.Contains(stdout, "steps 1000/s:200ms,3000/s:200ms poisson") ||
		!strings.Contains(stdout, "not ok  lag p99") || !strings.Contains(stdout, "failed 0 ") {
		t.Fatalf("got exit code %d\n%s%s", code, stdout, stderr)
	}
	wantRun(t, int(exit.OK), "linearizable: ok", "check", history)
}

// An INCR that was answered and counted nowhere is a lost write.
func TestLoadFindsLostIncrements(t *testing.T) {
	server := loadServer(t)
	var incrs atomic.Int64
	server.Answer(func(r resptest.Request) []byte {
		if string(r.Name) == "INCR" && incrs.Add(1) == 100 {
			return redcon.AppendInt(nil, 1)
		}
		return nil
	})
	wantRun(t, int(exit.Unsafe), "lost: 1", "load", "--targets", server.Addr(), "-r", "1000/s", "-d", "300ms", "-w", "0s",
		"-q", "--mix", "incr=1", "--keys", "3", "--verify")
}

func TestLoadFindsLostWrites(t *testing.T) {
	server := loadServer(t)
	var sets atomic.Int64
	server.Answer(func(r resptest.Request) []byte {
		if string(r.Name) == "SET" && sets.Add(1)%100 == 0 {
			return redcon.AppendOK(nil) // and nothing stored
		}
		return nil
	})
	history := filepath.Join(t.TempDir(), "history.csv.gz")
	wantRun(t, int(exit.Unsafe), "lost: 5", "load", "--targets", server.Addr(), "-r", "1000/s", "-d", "500ms", "-w", "0s",
		"-q", "--key-dist", "sequential", "--verify", "--history", history)
	stdout := wantRun(t, int(exit.Unsafe), `"lost": 5`, "check", "--json", history)
	var report checkReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if report.FinalReads != 500 || report.Linearizable.Verdict != "violation" {
		t.Errorf("%+v", report)
	}
}

func TestLoadSaysInvalid(t *testing.T) {
	server := loadServer(t)
	server.Answer(func(r resptest.Request) []byte {
		if string(r.Name) == "SET" {
			return redcon.AppendError(nil, "ERR no")
		}
		return nil
	})
	stdout := wantRun(t, int(exit.Invalid), `"failed": 200`, "load", "--targets", server.Addr(), "-r", "1000/s",
		"-d", "200ms", "-w", "0s", "-q", "--json")
	var report loadcommand.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Invalid) == 0 || report.Stats.Censored != 200 { // more than one reason on a busy machine
		t.Errorf("%+v", report)
	}
}

// Trap T8: what the in-flight cap refuses stands in the headline, and the figures are not valid.
func TestLoadShowsWhatItShed(t *testing.T) {
	server := loadServer(t)
	server.Answer(func(r resptest.Request) []byte {
		if string(r.Name) == "SET" {
			return []byte{} // silence
		}
		return nil
	})
	stdout := wantRun(t, int(exit.Invalid), "shed 195", "load", "--targets", server.Addr(), "-r", "1000/s", "-d", "200ms",
		"-w", "0s", "-q", "--max-inflight", "5", "--timeout", "300ms")
	if !strings.Contains(stdout, "INVALID: ") || !strings.Contains(stdout, "unknown 5") {
		t.Error(stdout)
	}
}

// A step that does not hold is named, though in the figures of all steps it does not show.
func TestLoadJudgesEachStep(t *testing.T) {
	server := loadServer(t)
	var sets atomic.Int64
	server.Answer(func(r resptest.Request) []byte {
		if string(r.Name) == "SET" && sets.Add(1) > 1000 {
			return redcon.AppendError(nil, "ERR no")
		}
		return nil
	})
	stdout := wantRun(t, int(exit.Invalid), "INVALID: step 2: none of 2 operations was acknowledged", "load",
		"--targets", server.Addr(), "--steps", "2000/s:500ms,20/s:100ms", "-w", "0s", "-q")
	if strings.Contains(stdout, "INVALID: none") || strings.Contains(stdout, "INVALID: achieved") {
		t.Errorf("the figures of all steps show it, too: the test proves nothing\n%s", stdout)
	}
}

// What the help prints as examples runs.
func TestLoadExamplesRun(t *testing.T) {
	flags := func(args []string) error {
		cmd := newLoadCommand()
		if err := cmd.ParseFlags(args); err != nil {
			return err
		}
		return cmd.PreRunE(cmd, nil)
	}
	for line := range strings.Lines(newLoadCommand().Example) {
		if err := flags(strings.Fields(line)[2:]); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	server := loadServer(t)
	usage := newLoadCommand().Flags().Lookup("payload").Usage
	_, examples, _ := strings.Cut(strings.Replace(usage, " or ", ", ", 1), ": ")
	for payload := range strings.SplitSeq(examples, ", ") {
		code, stdout, stderr := raftmarkRun(t.Context(), "load", "--targets", server.Addr(), "-r", "200/s", "-d", "50ms",
			"-w", "0s", "-q", "--payload", payload)
		if code != int(exit.OK) && code != int(exit.Invalid) || !strings.Contains(stdout, "failed 0  unknown 0") {
			t.Errorf("--payload %s: got exit code %d\n%s%s", payload, code, stdout, stderr)
		}
	}
}

func TestLoadInterruptedKeepsPartialResults(t *testing.T) {
	server := loadServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server.Answer(func(r resptest.Request) []byte {
		if server.Served() > 100 {
			cancel()
		}
		return nil
	})
	code, stdout, _ := raftmarkRun(ctx, "load", "--targets", server.Addr(), "-r", "1000/s", "-d", "1h", "-w", "0s", "-q")
	if code != int(exit.Interrupted) || !strings.Contains(stdout, "INTERRUPTED") {
		t.Errorf("got exit code %d\n%s", code, stdout)
	}
}

func TestLoadInterruptedWhileItReadsBack(t *testing.T) {
	server := loadServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server.Answer(func(r resptest.Request) []byte {
		if string(r.Name) == "GET" && string(r.Args[0]) != "raftmark:probe" { // the load itself reads nothing
			cancel()
		}
		return nil
	})
	code, stdout, stderr := raftmarkRun(ctx, "load", "--targets", server.Addr(), "-r", "1000/s", "-d", "1s", "-w", "0s",
		"-q", "--key-dist", "sequential", "--verify")
	if code != int(exit.Interrupted) || !strings.Contains(stdout, "INTERRUPTED") ||
		!strings.Contains(stdout, "→ unknown") {
		t.Errorf("got exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestLoadClosedAtMaximum(t *testing.T) {
	server := loadServer(t)
	wantRun(t, int(exit.OK), "closed loop, 4 clients", "load", "--targets", server.Addr(), "-r", "max", "-c", "4",
		"-d", "200ms", "-w", "0s", "-q")
}

func TestLoadRefusesBadInput(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "--targets"},
		{[]string{"--targets", "nowhere"}, `"nowhere": want host:port`},
		{[]string{"--targets", "h:1", "-r", "-5/s"}, `"-5/s": want a number above 0`},
		{[]string{"--targets", "h:1", "--payload", "3B"}, "raftmark: --payload = 3: want 16"},
		{[]string{"--targets", "h:1", "--keys", "0"}, "--keys = 0: want above 0"},
		{[]string{"--targets", "h:1", "--read-share", "2"}, "raftmark: --read-share = 2: want 0 to 1"},
		{[]string{"--targets", "h:1", "--key-dist", "odd"}, `raftmark: --key-dist = "odd": want`},
		{[]string{"--targets", "h:1", "--timeout", "-1s"}, "raftmark: --timeout = -1s: want above 0"},
		{[]string{"--targets", "h:1", "--payload", "1MiB", "--max-inflight", "65536"},
			"(--clients when --closed) × --payload = 65536 × 1048576: want"},
		{[]string{"--targets", "h:1", "--closed", "-r", "5/s"}, "want one of them"},
		{[]string{"--targets", "h:1", "-c", "5"}, "want --closed"},
		{[]string{"--targets", "h:1", "--schedule", "step"}, `--schedule step with --steps ""`},
		{[]string{"--targets", "h:1", "--steps", "5/s"}, `step "5/s": want rate:time`},
		{[]string{"--targets", "h:1", "--steps", "5/s:1s", "-r", "9/s"}, "--rate 9/s with --schedule step"},
		{[]string{"--targets", "h:1", "--steps", "5/s:1s", "-d", "9s"}, "--duration = 9s with Schedule"},
		{[]string{"--targets", "h:1", "--steps", "5/s:1s", "--ramp", "1/s..2/s"}, "want both or none"},
		{[]string{"--targets", "h:1", "--ramp", "5/s"}, "want rate..rate"},
		{[]string{"--targets", "h:1", "--ramp", "1/s..max"}, `rate "max": want a number`},
		{[]string{"--targets", "h:1", "--spacing", "poisson"}, "want step or ramp"},
		{[]string{"--targets", "h:1", "--workload", "ycsb-e"}, "or one of ycsb-a"},
		{[]string{"--targets", "h:1", "--mix", "get=0.5"}, "0.5 in sum"},
		{[]string{"--targets", "h:1", "--mix", "scan=1"}, `"scan=1": want get`},
		{[]string{"--targets", "h:1", "--mix", "get=0.5,get=0.5"}, "each once"},
		{[]string{"--targets", "h:1", "--mix", "get=0.5,set=NaN"}, "want a share"},
		{[]string{"--targets", "h:1", "--mix", "get=1", "--read-share", "1"}, "want one of them"},
		{[]string{"--targets", "h:1", "--mix", "cas=1", "--key-dist", "latest"}, "--mix: cas = 1 with KeyDist"},
		{[]string{"--targets", "h:1", "--payload", "4KiB..64B"}, "Sizes.Min = 4096"},
		{[]string{"--targets", "h:1", "--progress", "odd"}, `--progress = "odd"`},
		{[]string{"--no-such-flag"}, "no-such-flag"},
		{[]string{"h:1"}, "--targets"},
	} {
		code, stdout, stderr := raftmarkRun(t.Context(), append([]string{"load"}, c.args...)...)
		if code != int(exit.UsageError) || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 ||
			stdout != "" {
			t.Errorf("%q: got exit code %d and\n%s%s", c.args, code, stdout, stderr)
		}
	}
	wantRun(t, int(exit.UsageError), "no such file", "check", filepath.Join(t.TempDir(), "none"))
	wantRun(t, int(exit.UsageError), "0 arguments", "check")
	began := time.Now()
	wantRun(t, int(exit.RunError), "connection refused", "load", "--targets", "127.0.0.1:1", "--connect-timeout", "100ms")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
