package main

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

func TestLinkFaultsOfTheCommandLine(t *testing.T) {
	for _, c := range []struct{ want, args string }{
		{"no action, want --cut, --delay, --drop or --bandwidth", "add --node 2"},
		{"--direction: \"up\", want one of out, in, both", "add --cut --direction up"},
		{"--delay: 0s, want more than 0", "add --jitter 1ms"},
		{"--jitter: 2ms, want 0 to delay", "add --delay 1ms --jitter 2ms"},
		{"--probability: 1.5, want", "add --drop 1.5"},
		{"--flap: \"50ms\", want two durations", "add --cut --flap 50ms"},
		{"size \"fast\"", "add --bandwidth fast"},
		{"--lane: \"bulk\", want one of control", "add --cut --lane bulk"},
		{"links takes no argument", "explode"},
	} {
		wantRun(t, int(exit.UsageError), c.want, append([]string{"ctl", "faults", "links"}, strings.Fields(c.args)...)...)
	}
	n, err := server.Start(server.Config{
		Node: 1, DataDir: t.TempDir(), LogStorage: server.StorageMem, AdminListen: "127.0.0.1:0", PeerListen: "127.0.0.1:0",
		Peers: map[raft.NodeID]server.Peer{1: {Peer: "127.0.0.1:1"}}, EnableFaults: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Abort() }()
	run := func(args string, want ...string) {
		t.Helper()
		command := strings.Fields("ctl faults " + args + " --admin " + n.AdminAddr())
		stdout := strings.Join(strings.Fields(wantRun(t, 0, "no faults", command...)), " ")
		if got := strings.Contains(stdout, "LINK RULE"); got != (len(want) > 0) {
			t.Errorf("ctl faults %s: link rules are shown: %v, in %s", args, got, stdout)
		}
		for _, line := range want {
			if !strings.Contains(stdout, line) {
				t.Errorf("ctl faults %s: want %q in %s", args, line, stdout)
			}
		}
	}
	cut := "1 1 c all both all cut connection 0"
	run("links")
	run("links add --cut --name c", cut)
	run("links add --node 2 --direction out --lane append --delay 5ms --jitter 1ms --drop 0.01 --bandwidth 100MB/s", cut,
		"1 2 - 2 out append delay 5ms ± 1ms connection 0", "1 3 - 2 out append drop 0.01, stalls 200ms connection 0",
		"1 4 - 2 out append bandwidth 100000000 B/s connection 0")
	run("links add --cut --flap 1m-1m", cut, "1 5 - all both all cut, flapping 1m0s-1m0s connection 0")
	run("clear", cut)
	run("links clear --name c", "1 1 - 2 out append delay")
	run("links clear")
	wantRun(t, int(exit.RunError), "probability: 1, want less than 1", "ctl", "faults", "links", "add", "--drop", "1",
		"--admin", n.AdminAddr())
}
