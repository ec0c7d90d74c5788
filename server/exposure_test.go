package server

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func TestPlaintextOutsideOfLoopback(t *testing.T) {
	base := func(transport string, insecure bool) Config {
		c := Config{
			Node: 1, DataDir: t.TempDir(), Transport: transport, Insecure: insecure, TLSDir: "tls",
			PeerListen: "0.0.0.0:7101", ClientListen: "127.0.0.1:7001", AdminListen: "127.0.0.1:7201",
			Peers: map[raft.NodeID]Peer{1: {Peer: "192.0.2.1:7101"}, 2: {Peer: "192.0.2.2:7101"}},
		}
		return c.WithDefaults()
	}
	everywhere := func(c Config) Config {
		c.ClientListen, c.AdminListen = "0.0.0.0:7001", "0.0.0.0:7201"
		return c
	}
	faulty := everywhere(base(TransportTLS, true))
	faulty.EnableFaults = true
	for name, test := range map[string]struct {
		config  Config
		faults  []string
		exposed []string
	}{
		"tcp":              {base(TransportTCP, false), []string{`peer_listen: "0.0.0.0:7101", want a loopback`}, nil},
		"tcp, insecure":    {base(TransportTCP, true), nil, []string{"peer port 0.0.0.0:7101", "node 2 at 192.0.2.2:7101"}},
		"tls":              {base(TransportTLS, false), nil, nil},
		"quic":             {base(TransportQUIC, false), nil, nil},
		"tls, all":         {everywhere(base(TransportTLS, false)), []string{"client_listen: ", "admin_listen: "}, nil},
		"tls, insecure":    {everywhere(base(TransportTLS, true)), nil, []string{"client port 0.0.0.0:7001", "admin port"}},
		"breaking by HTTP": {faulty, []string{"admin_listen: "}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := ""
			if err := test.config.Validate(); err != nil {
				text = err.Error()
			}
			if got, want := strings.Count(text, "_listen"), len(test.faults); got != want || want == 0 && text != "" {
				t.Errorf("%d faults, want %d: %s", got, want, text)
			}
			for _, want := range test.faults {
				if !strings.Contains(text, want) {
					t.Errorf("faults are %q, want one with %q", text, want)
				}
			}
			if test.faults != nil {
				return
			}
			exposed := test.config.exposures()
			if len(exposed) != len(test.exposed) {
				t.Fatalf("exposed are %q, want %q", exposed, test.exposed)
			}
			for i, want := range test.exposed {
				if !strings.Contains(exposed[i], want) {
					t.Errorf("exposed are %q, want %q", exposed, test.exposed)
				}
			}
		})
	}
}

// TestInsecureNodeSaysSo starts a node with a peer that may be anywhere.
func TestInsecureNodeSaysSo(t *testing.T) {
	log := &lockedBuffer{}
	c := Config{
		Node: 1, DataDir: t.TempDir(), LogStorage: StorageMem, Insecure: true, PeerListen: "127.0.0.1:0",
		Peers:  map[raft.NodeID]Peer{1: {Peer: "127.0.0.1:0"}, 2: {Peer: "nowhere.invalid:7101"}},
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	n, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Abort() }()
	if got := n.Status().Insecure; len(got) != 1 || !strings.Contains(got[0], "nowhere.invalid:7101: plaintext") {
		t.Errorf("status says %q, want the other node", got)
	}
	if log.count("nowhere.invalid:7101: plaintext") != 1 {
		t.Error("no warning at the start")
	}
}
