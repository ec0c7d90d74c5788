package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/peers/etcd"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/internal/loadcommand"
)

func peersRun(ctx context.Context, args ...string) (code exit.Code, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, args, &out, &err)
	return code, out.String(), err.String()
}

// startEtcd returns the client addresses of an etcd cluster in this process.
func startEtcd(t *testing.T, nodes int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	system, err := etcd.Candidate().Start(ctx, bench.SystemOptions{
		Dir: t.TempDir(), Nodes: nodes, Heartbeat: 50 * time.Millisecond, ElectionMin: 500 * time.Millisecond,
		ElectionMax: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := system.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	cluster, ok := system.(*etcd.Cluster)
	if !ok {
		t.Fatalf("%T is no cluster of etcd", system)
	}
	return strings.Join(cluster.Endpoints(), ",")
}

// Operations of all kinds against three servers: each is checked against what was read back, and their order too.
func TestLoadOfAllKindsVerifies(t *testing.T) {
	addrs := startEtcd(t, 3)
	for _, at := range []string{"leader", "any"} {
		history := filepath.Join(t.TempDir(), "history.csv.gz")
		code, stdout, stderr := peersRun(t.Context(), "load", "--etcd", addrs, "--at", at, "-r", "400/s", "-d", "500ms",
			"-w", "100ms", "-q", "--keys", "10", "--mix", "get=0.3,set=0.2,incr=0.2,cas=0.3", "--preload", "--payload", "16B..200B",
			"--verify", "--history", history)
		// The figures may be invalid on a busy machine; the safety verdict may not.
		if code != exit.OK && code != exit.Invalid || !strings.Contains(stdout, "lost: 0, phantom: 0") ||
			!strings.Contains(stdout, "failed 0  unknown 0  shed 0") || !strings.Contains(stdout, "own retries are off") ||
			!strings.Contains(stdout, "20 % INCR, 30 % CAS") {
			t.Fatalf("--at %s: got exit code %d\n%s%s", at, code, stdout, stderr)
		}
		written, err := check.ReadFile(history, check.ReadLimits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := check.Linearizable(written, time.Minute); got.Verdict != check.VerdictOK {
			t.Errorf("--at %s: got %+v", at, got)
		}
	}
}

// The result says how the servers were reached, and that the client tried nothing again by itself.
func TestLoadRecordsItsSettings(t *testing.T) {
	addrs := startEtcd(t, 1)
	code, stdout, stderr := peersRun(t.Context(), "load", "--etcd", addrs, "-r", "max", "-c", "4", "-d", "200ms", "-w", "0s",
		"-q", "--conns", "2", "--json")
	var report loadcommand.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("exit code %d: %v\n%s%s", code, err, stdout, stderr)
	}
	target, ok := report.Target.(map[string]any)
	if !ok || target["MaxUnaryRetries"] != 1.0 || target["GRPCRetries"] != false || target["Conns"] != 2.0 ||
		target["At"] != "leader" || target["Client"] == "" {
		t.Errorf("got %v", report.Target)
	}
	if !report.Options.Closed || report.Stats.OK == 0 || report.Leader != addrs || !report.SameHost {
		t.Errorf("got %+v", report)
	}
}

func TestLoadRefusesBadInput(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "--etcd: none given"},
		{[]string{"--etcd", "nowhere"}, `"nowhere": want host:port`},
		{[]string{"--etcd", "h:1", "--at", "follower"}, `At = "follower": want leader or any`},
		{[]string{"--etcd", "h:1", "--conns", "300"}, "Conns = 300: want 1 to 256"},
		{[]string{"--etcd", "h:1", "--mix", "scan=1"}, `"scan=1": want get`},
		{[]string{"--targets", "h:1"}, "unknown flag: --targets"},
		{[]string{"h:1"}, "addresses go to --etcd"},
	} {
		code, stdout, stderr := peersRun(t.Context(), append([]string{"load"}, c.args...)...)
		if code != exit.UsageError || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%q: got exit code %d and\n%s%s", c.args, code, stderr, stdout)
		}
	}
	for _, args := range [][]string{{"lode"}, {"--runs", "0"}, {"--payload", "x"}} {
		if code, _, stderr := peersRun(t.Context(), args...); code != exit.UsageError || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: got exit code %d and %s", args, code, stderr)
		}
	}
	if code, stdout, _ := peersRun(t.Context(), "load", "--help"); code != exit.OK || !strings.Contains(stdout, "--etcd") {
		t.Errorf("--help: got exit code %d and %s", code, stdout)
	}
}

// Nobody is there: that is said in time, and is no measurement.
func TestLoadSaysThatNobodyAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := peersRun(t.Context(), "load", "--etcd", addr, "--connect-timeout", "300ms", "-q")
	if code != exit.RunError || !strings.Contains(stderr, "--etcd "+addr+" within --connect-timeout 300ms") ||
		!strings.Contains(stderr, "refused") || stdout != "" {
		t.Errorf("got exit code %d\n%s%s", code, stdout, stderr)
	}
}

// Each command that a page or the help shows is parsed and checked as the program would.
func TestDocumentedCommands(t *testing.T) {
	texts := map[string]string{"the help": newLoadCommand().Example}
	pages, err := filepath.Glob("../../../../docs/peers/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(pages, "doc.go", "../../../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	found := map[string]int{}
	for place, text := range texts {
		for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
			fields := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(line, "//"), "\t"))
			if place == "the help" && len(fields) > 0 {
				fields = append([]string{"$"}, fields...)
			}
			if len(fields) < 2 || fields[0] != "$" || strings.TrimPrefix(fields[1], "bin/") != "raftmark-peers" {
				continue
			}
			found[place]++
			cmd, rest, err := newCommand().Find(fields[2:])
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err == nil && cmd.PreRunE != nil {
				err = cmd.PreRunE(cmd, nil)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", place, strings.TrimSpace(line), err)
			}
		}
	}
	for _, place := range []string{"the help", "doc.go", "../../../../docs/peers/etcd.md"} {
		if found[place] == 0 {
			t.Errorf("no command in %s: the search has lost its way", place)
		}
	}
}
