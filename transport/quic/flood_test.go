package quic_test

import (
	"crypto/rand"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/raftmark/raftmark/transport/quic"
)

// initial returns a packet that begins a handshake as far as can be seen without decrypting it.
func initial(t *testing.T) []byte {
	t.Helper()
	packet := make([]byte, 1200)
	if _, err := rand.Read(packet); err != nil {
		t.Fatal(err)
	}
	packet[0] = 0xc3                     // long header, Initial
	copy(packet[1:], []byte{0, 0, 0, 1}) // version 1
	packet[5] = 8                        // of the destination's id, which is random
	packet[14] = 8                       // of the source's
	packet[23] = 0                       // no token
	packet[24], packet[25] = 0x44, 0x96  // the rest: 1174 bytes
	return packet
}

// TestFloodOfInitialsMeetsRetry begins thousands of handshakes that never go on: the node asks for proofs of their
// address, holds little, and a peer can still connect.
func TestFloodOfInitialsMeetsRetry(t *testing.T) {
	p := newPair(t)
	a, b := p.open(1, 1, ""), p.open(2, 1, "")
	p.start(1, b.Addr())
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	flood, err := net.Dial("udp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flood.Close() }()
	const packets = 5000
	for i := range packets {
		if _, err := flood.Write(initial(t)); err != nil {
			t.Fatal(err)
		}
		if i%50 == 49 {
			time.Sleep(time.Millisecond) // so that the node reads them
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for a.Retries() < packets/10 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapInuse) - int64(before.HeapInuse)
	m := a.Metrics()
	t.Logf("%d packets: %d asked for a proof, at most %d greetings, heap grew by %d KiB", packets, a.Retries(),
		m.GreetingsMost, grown>>10)
	if a.Retries() < packets/10 {
		t.Errorf("%d of %d handshakes were asked for a proof of their address", a.Retries(), packets)
	}
	if m.GreetingsMost > 16 {
		t.Errorf("%d handshakes were under way, want at most 12 with forged addresses", m.GreetingsMost)
	}
	if grown > 16<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	p.start(2, a.Addr())
	p.reach(2, 1, 1)
	p.reach(1, 2, 2)
}

func TestStatusSaysWhatTheSystemGrants(t *testing.T) {
	p := newPair(t)
	status, err := p.open(1, 1, "").Status()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", status)
	if status.Socket.WantedBytes != quic.BufferBytesWanted || status.Socket.ReceiveBufferBytes == 0 ||
		status.Congestion != quic.Congestion || status.ConnectionWindowBytes < 3*status.StreamWindowBytes {
		t.Errorf("%+v", status)
	}
}
