package tcp_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/tcp"
	"github.com/raftmark/raftmark/transport/wire"
)

func TestPlaintextIsRefusedOutsideOfLoopback(t *testing.T) {
	_, err := tcp.New(transport.Options{Self: 1, Cluster: "c", Listen: "0.0.0.0:0"})
	if !errors.Is(err, transport.ErrPlaintext) || !strings.Contains(err.Error(), "Listen") {
		t.Errorf("Listen: %v, want %v", err, transport.ErrPlaintext)
	}
	peers := map[raft.NodeID]string{2: "192.0.2.1:7000"}
	_, err = tcp.New(transport.Options{Self: 1, Cluster: "c", Peers: peers})
	if !errors.Is(err, transport.ErrPlaintext) || !strings.Contains(err.Error(), "Peers[2]") {
		t.Errorf("Peers: %v, want %v", err, transport.ErrPlaintext)
	}
	_, err = tcp.New(transport.Options{Self: 1, Cluster: "c", Advertise: "192.0.2.1:7000"})
	if !errors.Is(err, transport.ErrPlaintext) || !strings.Contains(err.Error(), "Advertise") {
		t.Errorf("Advertise: %v, want %v", err, transport.ErrPlaintext)
	}
	node := open(t, transport.Options{Self: 1, Cluster: "c"})
	if err := node.SetPeers(peers, 0); !errors.Is(err, transport.ErrPlaintext) {
		t.Errorf("SetPeers: %v, want %v", err, transport.ErrPlaintext)
	}
}

func open(t *testing.T, options transport.Options) *tcp.Transport {
	t.Helper()
	node, err := tcp.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return node
}

func TestOccupiedPortIsNamed(t *testing.T) {
	node := open(t, transport.Options{Self: 1, Cluster: "c"})
	_, err := tcp.New(transport.Options{Self: 2, Cluster: "c", Listen: node.Addr()})
	if err == nil || !strings.Contains(err.Error(), node.Addr()) {
		t.Errorf("got %v, want an error that names %s", err, node.Addr())
	}
}

// TestBadBytesEndTheConnection plays a hostile dialer at each point of a connection.
func TestBadBytesEndTheConnection(t *testing.T) {
	node := open(t, transport.Options{
		Self: 1, Cluster: "c", Peers: map[raft.NodeID]string{2: "127.0.0.1:9"}, HandshakeTimeout: 200 * time.Millisecond,
	})
	delivered := make(chan raft.Message, 10)
	if err := node.Start(func(m raft.Message) { delivered <- m }, func(raft.NodeID, bool) {}); err != nil {
		t.Fatal(err)
	}
	good := wire.Hello{Head: wire.OwnHead(), From: 2, To: 1, Incarnation: 1, Cluster: "c"}
	hello := slices.Clip(wire.AppendFrame(nil, wire.KindHello, good.Append(nil)))
	later := good
	later.Head = wire.Head{Protocol: wire.ProtocolVersion + 2, ProtocolMin: wire.ProtocolVersion + 1}
	agreed := wire.Welcome{Head: wire.OwnHead(), Node: 2, Cluster: "c"}
	cutOff := []byte{wire.ProtocolVersion}
	huge := wire.AppendFrame(nil, wire.KindMessages, nil)
	huge[7] = 0xff
	for name, c := range map[string]struct {
		bytes  []byte
		reason transport.Refusal
	}{
		"not ours":           {[]byte("GET / HTTP/1.1\r\n\r\n"), transport.RefusedMalformed},
		"silence":            {nil, transport.RefusedTimeout},
		"half a hello":       {hello[:20], transport.RefusedTimeout},
		"messages first":     {wire.AppendFrame(nil, wire.KindMessages, nil), transport.RefusedMalformed},
		"later protocol":     {wire.AppendFrame(nil, wire.KindHello, later.Append(nil)), transport.RefusedVersion},
		"two hellos":         {append(append([]byte{}, hello...), hello...), transport.RefusedMalformed},
		"a welcome":          {wire.AppendFrame(hello, wire.KindWelcome, agreed.Append(nil)), transport.RefusedMalformed},
		"broken refusal":     {wire.AppendFrame(hello, wire.KindWelcome, cutOff), transport.RefusedMalformed},
		"broken message":     {wire.AppendFrame(hello, wire.KindMessages, []byte{1, 2, 3}), transport.RefusedMalformed},
		"frame over the cap": {append(append([]byte{}, hello...), huge...), transport.RefusedMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			before := node.Metrics().Refusals[c.reason.String()]
			conn, err := net.Dial("tcp", node.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, conn) // until the node hangs up
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("the node did not hang up: %v", err)
			}
			deadline := time.Now().Add(5 * time.Second)
			for node.Metrics().Refusals[c.reason.String()] == before {
				if time.Now().After(deadline) {
					t.Fatalf("not counted as %v:\n%v", c.reason, node.Metrics())
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	if len(delivered) > 0 {
		t.Errorf("delivered %+v", <-delivered)
	}
}
