package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/exit"
)

func TestNodeUsage(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("nodde: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ want, args string }{
		{`unknown field "nodde"`, "node --config " + bad},
		{"no such file", "node --config " + bad + "x"},
		{"--id: not together with --config", "node --id 2 --config " + bad},
		{`--peer: "x", want ID=PEER/CLIENT/ADMIN`, "node --peer x"},
		{"--peer: node 1 is named twice", "node --peer 1=a:1 --peer 1=a:2"},
		{"node: 7 is not one of the peers [1]", "node --id 7 --peer 1=127.0.0.1:1"},
		{"heartbeat: 1s, want less than election_min 150ms", "node --heartbeat 1s --data " + dir},
		{"node takes no argument", "node extra"},
		{"nodes: 0, want 1 to 15", "cluster up -n 0 --dir " + dir},
		{"heartbeat: 200ms, want less than election_min", "cluster up --heartbeat 200ms --dir " + dir},
		{`transport: "pigeon", want one of`, "cluster up --transport pigeon --dir " + dir},
		{"cluster takes no argument", "cluster sideways"},
		{"--nodes: 0, want 1 to 15", "certs --nodes 0 --dir " + dir},
		{"--cluster", "certs --cluster a/b --dir " + dir},
		{`--admin: "nowhere", want host:port`, "ctl status --admin nowhere"},
		{`--admin: "nowhere", want host:port`, "ctl members --admin nowhere"},
		{"peer_listen: empty, want host:port when join is set", "node --id 7 --join --peer 1=127.0.0.1:1"},
		{"lease: 150ms, want more than 0 and at most", "node --reads lease --lease 150ms --data " + dir},
		{`reads: "guess", want one of index, log, lease`, "node --reads guess --data " + dir},
		{`id: "x", want a number of at least 1`, "ctl members remove x"},
		{"no id, want at least one", "ctl members promote"},
		{"2 ids, want one", "ctl transfer 1 2"},
		{"--peer: none given", "ctl members add 4"},
		{`--peer: "nonsense", want host:port`, "ctl members add 4 --peer nonsense"},
		{`--client: ":7004", want host:port`, "ctl members add 4 --peer 127.0.0.1:7104 --client :7004"},
		{`--node-admin: "a:70000", want a port`, "ctl members replace 1 4 --peer 127.0.0.1:7104 --node-admin a:70000"},
		{"3 ids, want pairs of OLD NEW", "ctl members replace 1 2 3"},
		{`priority: "300", want 0 to 255`, "ctl members priority 1 300"},
		{"--timeout: 0s, want more than 0", "ctl members --timeout 0s"},
	} {
		code, stdout, stderr := raftmarkRun(t.Context(), strings.Fields(c.args)...)
		if code != int(exit.UsageError) || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 ||
			stdout != "" {
			t.Errorf("raftmark %s: got exit code %d, %q, want %d and one line with %q", c.args, code, stderr,
				exit.UsageError, c.want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("a refused command left %v", left)
	}
}

func TestNodeRunsUntilItIsInterrupted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		code, _, _ := raftmarkRun(ctx, "node", "--peer", "1=127.0.0.1:0/127.0.0.1:0/"+admin,
			"--log-storage", "mem", "--data", filepath.Join(t.TempDir(), "data"))
		ended <- code
	}()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		code, stdout, stderr := raftmarkRun(t.Context(), "ctl", "status", "--admin", admin)
		if code == 0 && strings.Contains(stdout, "leader") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no leader: %d\n%s%s", code, stdout, stderr)
		}
	}
	wantRun(t, 0, `"cluster": "raftmark"`, "ctl", "status", "--json", "--admin", admin)
	code, _, stderr := raftmarkRun(t.Context(), "node", "--peer", "1=127.0.0.1:0//"+admin, "--data", t.TempDir())
	if code != int(exit.RunError) || !strings.Contains(stderr, "admin_listen: listen tcp "+admin) {
		t.Errorf("an occupied port: got %d, %s", code, stderr)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

func TestClusterStateIsTrueOnlyWhileLocked(t *testing.T) {
	dir := t.TempDir()
	wantRun(t, int(exit.RunError), "no cluster runs in "+dir, "cluster", "status", "--dir", dir)
	release, ok, err := lockCluster(dir)
	if err != nil || !ok {
		t.Fatalf("lock: %v, %v", ok, err)
	}
	if err := (clusterState{PID: 4711}).write(dir); err != nil {
		t.Fatal(err)
	}
	if s, running, err := runningCluster(dir); err != nil || !running || s.PID != 4711 {
		t.Errorf("locked: got %+v, %v, %v", s, running, err)
	}
	wantRun(t, int(exit.RunError), "a cluster runs in", "cluster", "up", "--dir", dir)
	release()
	if _, running, err := runningCluster(dir); err != nil || running {
		t.Errorf("a crash left the state file: got %v, %v, want not running", running, err)
	}
	wantRun(t, 0, "no cluster runs in "+dir, "cluster", "down", "--dir", dir)
}

func TestCerts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	wantRun(t, 0, "nodes 1 to 2 of cluster demo", "certs", "--dir", dir, "--cluster", "demo", "-n", "2")
	authority, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	wantRun(t, 0, "nodes 1 to 3", "certs", "--dir", dir, "--cluster", "demo", "-n", "3")
	if again, err := os.ReadFile(filepath.Join(dir, "ca.crt")); err != nil || string(again) != string(authority) {
		t.Errorf("the authority was replaced: %v", err)
	}
	wantRun(t, int(exit.RunError), `are of cluster "demo"`, "certs", "--dir", dir, "--cluster", "other")
}
