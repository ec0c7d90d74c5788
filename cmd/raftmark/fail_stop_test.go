package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage/faultfs"
)

// brokenNode is a node that is a cluster of its own, in a process of its own, whose disk is going to fail.
type brokenNode struct {
	t       *testing.T
	config  server.Config
	process *nodeProcess
	acked   []string // keys
}

func newBrokenNode(t *testing.T) *brokenNode {
	t.Helper()
	peers := freeNodes(t, 1)
	return &brokenNode{t: t, config: server.Config{
		Node: 1, DataDir: filepath.Join(t.TempDir(), "data"), Peers: peers, PeerListen: peers[1].Peer,
		ClientListen: peers[1].Client, AdminListen: peers[1].Admin, EnableFaults: true,
	}}
}

func (b *brokenNode) start() {
	b.t.Helper()
	b.process = startProcess(b.t, b.config)
	soon(b.t, "the node is ready", func() bool { return strings.HasPrefix(readiness(b.config.Peers[1]), "ok") })
}

// say sends a command and returns the reply, a line or a value, or what keeps it from coming.
func (b *brokenNode) say(c net.Conn, r *bufio.Reader, command string) string {
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		return err.Error()
	}
	line, err := r.ReadString('\n')
	if err == nil && strings.HasPrefix(line, "$") && !strings.HasPrefix(line, "$-") {
		line, err = r.ReadString('\n')
	}
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

// converse connects and talks until talk returns.
func (b *brokenNode) converse(talk func(say func(command string) string)) {
	b.t.Helper()
	c, err := net.Dial("tcp", b.config.ClientListen)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	talk(func(command string) string { return b.say(c, r, command) })
}

// write writes n keys that are new, until one is not acknowledged, and returns how many were.
func (b *brokenNode) write(n int) (acked int) {
	b.converse(func(say func(string) string) {
		for ; acked < n; acked++ {
			key := fmt.Sprintf("key-%d", len(b.acked))
			if say("SET "+key+" value-of-"+key) != "+OK" {
				return
			}
			b.acked = append(b.acked, key)
		}
	})
	return acked
}

// breakDisk adds a rule by the command line.
func (b *brokenNode) breakDisk(flags string) {
	b.t.Helper()
	args := append(strings.Fields("ctl faults add --admin "+b.config.AdminListen), strings.Fields(flags)...)
	wantRun(b.t, 0, "HITS", args...)
}

// compact has the machine made durable; what becomes of it shows elsewhere.
func (b *brokenNode) compact() {
	r, err := http.Post("http://"+b.config.AdminListen+"/snapshot", "application/json", strings.NewReader("{}"))
	if err == nil {
		_ = r.Body.Close()
	}
}

// wantFailed waits for the end of the process, and wants it to be the disk's fault.
func (b *brokenNode) wantFailed(part, reason string) {
	b.t.Helper()
	select {
	case <-b.process.exited:
	case <-time.After(20 * time.Second):
		b.t.Fatalf("the node does not end:\n%s", &b.process.stderr)
	}
	if code := b.process.cmd.ProcessState.ExitCode(); code != int(exit.Storage) {
		b.t.Errorf("exit code %d, want %d", code, exit.Storage)
	}
	for _, want := range []string{"storage failed: " + part, reason} {
		if !b.process.said(want) {
			b.t.Errorf("it did not say %q:\n%s", want, &b.process.stderr)
		}
	}
}

// wantEvent wants the node to have recorded why it stopped.
func (b *brokenNode) wantEvent(part string) {
	b.t.Helper()
	events, err := os.ReadFile(filepath.Join(b.config.DataDir, server.EventsFile))
	failed, want := strings.Count(string(events), `"kind":"storage_failed"`), fmt.Sprintf(`"part":%q`, part)
	if err != nil || failed != 1 || !strings.Contains(string(events), want) {
		b.t.Errorf("%d events, want one with %s: %v\n%s", failed, want, err, events)
	}
}

// wantAll starts the node on a disk that is well and wants every acknowledged write to be there.
func (b *brokenNode) wantAll() {
	b.t.Helper()
	b.config.EnableFaults, b.config.DiskFaults = false, nil
	b.start()
	b.converse(func(say func(string) string) {
		for _, key := range b.acked {
			if got, want := say("GET "+key), "value-of-"+key; got != want {
				b.t.Fatalf("GET %s = %s, want %s", key, got, want)
			}
		}
	})
	b.process.end(b.t, syscall.SIGTERM)
	if code := b.process.cmd.ProcessState.ExitCode(); code != 0 {
		b.t.Errorf("a node that is well and told to stop: exit code %d", code)
	}
}

// The first error of the disk ends the process with a code of its own; nothing is acknowledged after it, and nothing
// that was acknowledged is lost.
func TestFailingDiskEndsTheProcess(t *testing.T) {
	writes := func(b *brokenNode) {
		if n := b.write(1); n != 0 {
			b.t.Error("a write was acknowledged that the log could not hold")
		}
	}
	for what, c := range map[string]struct {
		flags, part, reason string
		do                  func(*brokenNode)
	}{
		"sync of the log":        {"--op sync --path log/ --error EIO", "log", "input/output error", writes},
		"write of the log":       {"--op write --path log/ --error ENOSPC", "log", "no space left on device", writes},
		"short write of the log": {"--op write --path log/ --short", "log", "no space left on device", writes},
		"sync of the machine": {
			"--op sync --path kv/ --error EIO", "machine", "input/output error", (*brokenNode).compact,
		},
		"write of the machine": {
			"--op write --path kv/ --error ENOSPC", "machine", "no space left on device", (*brokenNode).compact,
		},
		"short write of the machine": {
			"--op write --path kv/ --short", "machine", "no space left on device", (*brokenNode).compact,
		},
		"read of the machine": {"--op read --path kv/ --error EIO", "machine", "input/output error", func(b *brokenNode) {
			b.converse(func(say func(string) string) {
				if got := say("GET key-0"); strings.HasPrefix(got, "value") {
					b.t.Errorf("GET = %s on a disk that cannot be read", got)
				}
			})
		}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := newBrokenNode(t)
			b.start()
			if n := b.write(50); n != 50 {
				t.Fatalf("%d writes were acknowledged, want 50", n)
			}
			if strings.HasPrefix(what, "read") {
				b.compact() // so that reads go to the disk
			}
			b.breakDisk(c.flags)
			c.do(b)
			b.wantFailed(c.part, c.reason)
			b.wantEvent(c.part)
			b.wantAll()
		})
	}
}

// A log that cannot be read keeps the node from starting, with the same code.
func TestUnreadableLogEndsTheStart(t *testing.T) {
	t.Parallel()
	b := newBrokenNode(t)
	b.start()
	if n := b.write(50); n != 50 {
		t.Fatalf("%d writes were acknowledged, want 50", n)
	}
	b.process.end(t, syscall.SIGKILL)
	b.config.DiskFaults = []faultfs.Rule{{Op: faultfs.Read, Path: "log/", Action: faultfs.Error}}
	b.process = startProcess(t, b.config)
	b.wantFailed("log", "input/output error")
	b.wantAll()
}

// A sync that hangs for ever does not keep a process whose disk failed from ending.
func TestHungSyncDoesNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	b := newBrokenNode(t)
	b.start()
	if n := b.write(50); n != 50 {
		t.Fatalf("%d writes were acknowledged, want 50", n)
	}
	b.breakDisk("--op sync --path log/ --stall")
	hung := make(chan struct{})
	go func() {
		defer close(hung)
		c, err := net.Dial("tcp", b.config.ClientListen)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		if got := b.say(c, bufio.NewReader(c), "SET hung value"); got == "+OK" {
			t.Error("acknowledged while the sync hangs")
		}
	}()
	soon(t, "a sync hangs", func() bool {
		_, stdout, _ := raftmarkRun(t.Context(), "ctl", "faults", "--admin", b.config.AdminListen)
		return !strings.HasSuffix(strings.TrimSpace(stdout), " 0") && strings.Contains(stdout, "stall")
	})
	b.breakDisk("--op write --path kv/ --error EIO")
	b.compact()
	b.wantFailed("machine", "input/output error")
	<-hung
	b.wantAll()
}

func TestFaultsOfTheCommandLine(t *testing.T) {
	for _, c := range []struct{ want, args string }{
		{"--op: \"\", want one of sync, write", "add --stall"},
		{"--op: \"flush\", want one of", "add --op flush --stall"},
		{"0 actions, want one of --delay, --stall, --error and --short", "add --op sync"},
		{"2 actions, want one of", "add --op sync --stall --delay 1s"},
		{"--delay: -1s, want more than 0", "add --op sync --delay -1s"},
		{"--error: \"EPERM\", want EIO or ENOSPC", "add --op sync --error EPERM"},
		{"--op: \"sync\", want write with action short", "add --op sync --short"},
		{"--count: -1, want 0 to", "add --op sync --stall --count -1"},
		{"faults takes no argument", "explode"},
		{"--admin: \"nowhere\", want host:port", "--admin nowhere"},
	} {
		wantRun(t, int(exit.UsageError), c.want, append([]string{"ctl", "faults"}, strings.Fields(c.args)...)...)
	}
	n, err := server.Start(server.Config{
		Node: 1, DataDir: t.TempDir(), LogStorage: server.StorageMem, AdminListen: "127.0.0.1:0", PeerListen: "127.0.0.1:0",
		Peers: map[raft.NodeID]server.Peer{1: {Peer: "127.0.0.1:1"}}, EnableFaults: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Abort() }()
	run := func(want string, args string) {
		t.Helper()
		command := strings.Fields("ctl faults --admin " + n.AdminAddr() + " " + args)
		stdout := wantRun(t, 0, "NODE", command...)
		for _, line := range strings.Split(want, "|") {
			if !strings.Contains(strings.Join(strings.Fields(stdout), " "), line) {
				t.Errorf("ctl faults %s: want %q in\n%s", args, line, stdout)
			}
		}
	}
	run("1 - no faults", "")
	run("1 1 sync log/ delay 20ms 0 all 0 0 0", "add --op sync --path log/ --delay 20ms")
	run("1 1 sync|1 2 write all error ENOSPC 3 1 0 0 0", "add --op write --error ENOSPC --after 3 --count 1")
	run("1 1 sync|1 2 write|1 3 write kv/ short EIO 0 all", "add --op write --path kv/ --short --error EIO")
	run("1 1 sync|1 2 write|1 3 write", "list")
	run("1 - no faults", "clear")
	off, err := server.Start(server.Config{
		Node: 1, DataDir: t.TempDir(), LogStorage: server.StorageMem, AdminListen: "127.0.0.1:0", PeerListen: "127.0.0.1:0",
		Peers: map[raft.NodeID]server.Peer{1: {Peer: "127.0.0.1:1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = off.Abort() }()
	wantRun(t, int(exit.RunError), "--enable-faults", "ctl", "faults", "--admin", off.AdminAddr())
}
