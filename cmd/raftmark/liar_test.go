package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/internal/exit"
)

// lieEnv makes those nodes of this test binary lie to their clients whose folder has the name of a lie in its path.
// Behind the lie is a real node.
const (
	lieEnv       = "RAFTMARK_TEST_LIES"
	honest       = "honest"
	lieForgets   = "forgets"    // every 40th SET is answered OK, and another key is written
	lieReadsPast = "reads-past" // every 40th GET is answered as if its key had never been written
	lieEvery     = 40
)

// startLying puts a liar before the client port of the node that this process is about to be: the node listens
// elsewhere.
func startLying() error {
	at := slices.Index(os.Args, "--config") + 1
	if at == 0 || at == len(os.Args) {
		return nil // no node of a cluster
	}
	var lie string
	for _, name := range []string{lieForgets, lieReadsPast} {
		if strings.Contains(os.Args[at], "/"+name+"/") {
			lie = name
		}
	}
	if lie == "" {
		return nil // an honest one
	}
	text, err := os.ReadFile(os.Args[at])
	if err != nil {
		return err
	}
	var from string
	lines := strings.Split(string(text), "\n")
	spare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	to := spare.Addr().String()
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "client_listen:"); ok {
			from = strings.Trim(rest, ` "`)
			lines[i] = "client_listen: " + to
		}
	}
	if from == "" {
		return fmt.Errorf("no client_listen in %s", os.Args[at])
	}
	lying, err := net.Listen("tcp", from)
	if err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(os.Args[at]), "lying.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		return err
	}
	os.Args[at] = path
	go func() {
		var count atomic.Int64
		for {
			client, err := lying.Accept()
			if err != nil {
				return
			}
			go lieTo(client, to, lie, &count)
		}
	}()
	return spare.Close() // the node takes its place
}

// lieTo hands on what a client says, but for the lie; the answers come from the node as they are.
func lieTo(client net.Conn, to, lie string, count *atomic.Int64) {
	defer func() { _ = client.Close() }()
	node, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = node.Close() }()
	go func() {
		_, _ = io.Copy(client, node)
		_ = client.Close()
	}()
	reader := redcon.NewReader(client)
	for {
		command, err := reader.ReadCommand()
		if err != nil {
			return
		}
		name := strings.ToUpper(string(command.Args[0]))
		lies := lie == lieForgets && name == "SET" || lie == lieReadsPast && name == "GET"
		if lies && !strings.HasPrefix(string(command.Args[1]), "raftmark:") && count.Add(1)%lieEvery == 0 {
			command.Args[1] = []byte("nobody's")
		}
		out := redcon.AppendArray(nil, len(command.Args))
		for _, arg := range command.Args {
			out = redcon.AppendBulk(out, arg)
		}
		if _, err := node.Write(out); err != nil {
			return
		}
	}
}

// lyingScenario is a second of load: writes to keys of their own, or reads and writes of a few.
const lyingScenario = `name: lie
nodes: 3
load: {rate: 400/s, keys: 20, key_dist: %s, read_share: %v}
warmup: 200ms
steady: 1s
runs: 1
`

// A benchmark of a cluster that forgets a write, or that answers from the past, ends with exit code 6, whatever its
// figures; and so does raftmark check on what it left behind. One of the same cluster when it is honest does not.
func TestBenchOfALiarIsUnsafe(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and takes many seconds")
	}
	t.Setenv(lieEnv, "1")
	for _, c := range []struct {
		lie, keys string
		reads     float64
		want      []exit.Code // exit.Invalid: the figures of a busy machine
		says      string
	}{
		{honest, "uniform", .5, []exit.Code{exit.OK, exit.Invalid}, "linearizable: ok"},
		{lieForgets, "sequential", 0, []exit.Code{exit.Unsafe}, "lost writes: violation"},
		{lieReadsPast, "uniform", .5, []exit.Code{exit.Unsafe}, "linearizable: violation"},
	} {
		t.Run(c.lie, func(t *testing.T) {
			t.Parallel() // most of the time of each is calibration
			dir := t.TempDir()
			scenario, results := filepath.Join(dir, "lie.yaml"), filepath.Join(dir, c.lie, "result")
			if err := os.Mkdir(filepath.Dir(results), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(scenario, fmt.Appendf(nil, lyingScenario, c.keys, c.reads), 0o644); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := raftmarkRun(t.Context(), "bench", "-q", "-o", results, scenario)
			if !slices.Contains(c.want, exit.Code(code)) {
				t.Fatalf("bench: got exit code %d, want one of %d\n%s%s", code, c.want, stdout, stderr)
			}
			verdict := exit.OK
			if c.lie != honest {
				verdict = exit.Unsafe
			}
			checked := wantRun(t, int(verdict), c.says, "check", results)
			if !strings.Contains(checked, "logs: ok: ") || !strings.Contains(checked, "run1-") {
				t.Errorf("got\n%s", checked)
			}
			if c.lie == honest {
				damageHistories(t, filepath.Join(results, "history"))
			}
		})
	}
}

// damageHistories takes away and changes what a check needs, and wants it noticed.
func damageHistories(t *testing.T, folder string) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	logs := read("logs.csv")
	wantRun(t, int(exit.CannotResolve), "verdict: unknown", "check", "--max-ops", "50", folder)
	if err := os.Remove(filepath.Join(folder, "SHA256SUMS")); err != nil {
		t.Fatal(err)
	}
	wantRun(t, int(exit.OK), "verdict: ok", "check", folder)
	lines := strings.SplitAfter(logs, "\n")
	last := strings.Split(lines[3], ",") // the header, and three nodes
	last[6] = strings.Repeat("0", 64)
	write("logs.csv", strings.Join(append(lines[:3:3], strings.Join(last, ",")), ""))
	wantRun(t, int(exit.Unsafe), "hold different entries", "check", folder)
	write("logs.csv", strings.Join(lines[:3], ""))
	wantRun(t, int(exit.CannotResolve), "2 of 3 nodes answered", "check", folder)
	if err := os.Remove(filepath.Join(folder, "logs.csv")); err != nil {
		t.Fatal(err)
	}
	wantRun(t, int(exit.CannotResolve), "has the logs of 0 of 1 runs", "check", "--json", folder)
}
