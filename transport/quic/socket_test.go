package quic

import (
	"bytes"
	"net"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport/identity"
)

// The wrapper must offer all that quic-go looks for in a *net.UDPConn.
var _ quicgo.OOBCapablePacketConn = (*socket)(nil)

func open(t *testing.T) *socket {
	t.Helper()
	s, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestSegmentsAreSentTogether moves 4 MiB over quic-go on two wrapped sockets and counts.
func TestSegmentsAreSentTogether(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("segmentation offload is Linux's; the counters are checked for one datagram a call")
	}
	authority, err := identity.NewAuthority("gso")
	if err != nil {
		t.Fatal(err)
	}
	from, to := open(t), open(t)
	config := &quicgo.Config{MaxIncomingUniStreams: 1}
	server := &quicgo.Transport{Conn: to}
	client := &quicgo.Transport{Conn: from}
	t.Cleanup(func() { _, _ = server.Close(), client.Close() })
	ids := [2]*identity.Identity{}
	for i := range ids {
		if ids[i], err = authority.Issue(raft.NodeID(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := server.Listen(ids[1].ServerTLS(identity.TLSOptions{Protocol: protocol}), config)
	if err != nil {
		t.Fatal(err)
	}
	secure := ids[0].ClientTLS(identity.TLSOptions{Protocol: protocol}, 2)
	conn, err := client.Dial(t.Context(), to.LocalAddr(), secure, config)
	if err != nil {
		t.Fatal(err)
	}
	status, err := from.status()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" && (!status.GSO || !conn.ConnectionState().GSO) {
		t.Errorf("GSO: the system says %v, quic-go %v; want both", status.GSO, conn.ConnectionState().GSO)
	}
	if runtime.GOOS == "linux" && !status.GRO {
		t.Error("datagrams that arrive together are not joined")
	}
	if status.ReceiveBufferBytes < 64<<10 || status.SendBufferBytes < 64<<10 {
		t.Errorf("buffers: %+v", status)
	}
	const total = 4 << 20
	go func() {
		stream, err := conn.OpenUniStreamSync(t.Context())
		if err != nil {
			return
		}
		_, _ = stream.Write(make([]byte, total))
		_ = stream.Close()
	}()
	accepted, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := accepted.AcceptUniStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(stream); err != nil || got.Len() != total {
		t.Fatalf("read %d bytes, %v", got.Len(), err)
	}
	sent, received := from.metrics(), to.metrics()
	t.Logf("sender %+v, receiver %+v", sent, received)
	if sent.SendBytes < total || received.ReceiveBytes < total {
		t.Errorf("sender %+v, receiver %+v: want at least %d bytes", sent, received, total)
	}
	if runtime.GOOS == "linux" && (sent.SendSegments < 2*sent.Sends || received.ReceiveSegments < 2*received.Receives) {
		t.Errorf("%d segments in %d sends, %d in %d receives: want several a call",
			sent.SendSegments, sent.Sends, received.ReceiveSegments, received.Receives)
	}
}

// TestTemporaryErrorsEndNoRead has quic-go see none but the deadline that it has set itself.
func TestTemporaryErrorsEndNoRead(t *testing.T) {
	s := open(t)
	failed := func(err error) error {
		return &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvmsg", err)}
	}
	past := func() error {
		_, _, err := s.ReadFromUDPAddrPort(make([]byte, 1))
		return err
	}
	s.wake()
	if err := past(); !s.again(err) {
		t.Errorf("%v of wake ends the reading", err)
	}
	for err, want := range map[error]bool{
		failed(syscall.EINTR): true, failed(syscall.EBADF): false, net.ErrClosed: false,
	} {
		if got := s.again(err); got != want {
			t.Errorf("read again after %v: %v, want %v", err, got, want)
		}
	}
	if err := s.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := past(); s.again(err) {
		t.Errorf("%v of quic-go does not end the reading", err)
	}
}

// TestJoinedDatagramsAreSplit sends seven datagrams with one call and reads them four at a time.
func TestJoinedDatagramsAreSplit(t *testing.T) {
	from, to := open(t), open(t)
	address, ok := to.LocalAddr().(*net.UDPAddr)
	if !ok {
		t.Fatal(to.LocalAddr())
	}
	const size, count = 1000, 7
	sent := make([]byte, size*(count-1)+10) // the last is shorter
	for i := range sent {
		sent[i] = byte(i / size)
	}
	if err := sendJoined(from, sent, size, address); err != nil {
		t.Fatal(err)
	}
	var lengths []int
	var got []byte
	for len(got) < len(sent) {
		ms := messages()
		n, err := to.ReadBatch(ms, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms[:n] {
			lengths = append(lengths, m.N)
			got = append(got, m.Buffers[0][:m.N]...)
			if m.Addr.String() != from.LocalAddr().String() {
				t.Errorf("from %v, want %v", m.Addr, from.LocalAddr())
			}
		}
	}
	want := []int{size, size, size, size, size, size, 10}
	if !bytes.Equal(got, sent) || !slices.Equal(lengths, want) {
		t.Errorf("received datagrams of %v bytes, want %v", lengths, want)
	}
	if m := to.metrics(); m.ReceiveSegments != count || m.ReceiveBytes != uint64(len(sent)) {
		t.Errorf("counted %+v", m)
	}
}

// sendJoined sends data as datagrams of one size, with one call where the system can.
func sendJoined(s *socket, data []byte, size int, to *net.UDPAddr) error {
	if oob := segmentMark(size); oob != nil {
		_, _, err := s.WriteMsgUDP(data, oob, to)
		return err
	}
	for begin := 0; begin < len(data); begin += size {
		if _, _, err := s.WriteMsgUDP(data[begin:min(begin+size, len(data))], nil, to); err != nil {
			return err
		}
	}
	return nil
}

// toll is a gate that loses or holds what goes in one direction.
type toll struct {
	outgoing bool
	hold     time.Duration
	lose     atomic.Bool
	passed   atomic.Int64
}

func (g *toll) Active() bool { return true }

func (g *toll) Datagram(_ raft.NodeID, outgoing bool, _ int) (time.Duration, bool) {
	if outgoing != g.outgoing {
		return 0, true
	}
	g.passed.Add(1)
	return g.hold, !g.lose.Load()
}

func TestGateHoldsAndLosesDatagrams(t *testing.T) {
	for _, outgoing := range []bool{true, false} {
		gate := &toll{outgoing: outgoing, hold: 30 * time.Millisecond}
		from, to := open(t), open(t)
		if outgoing {
			from.gate = gate
		} else {
			to.gate = gate
		}
		address, ok := to.LocalAddr().(*net.UDPAddr)
		if !ok {
			t.Fatal(to.LocalAddr())
		}
		begin := time.Now()
		for i := range 3 {
			if _, _, err := from.WriteMsgUDP([]byte{byte(i), 7}, nil, address); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if data := receive(t, to); len(data) != 2 || data[1] != 7 {
				t.Errorf("outgoing %v: got %v", outgoing, data)
			}
		}
		if took := time.Since(begin); took < gate.hold {
			t.Errorf("outgoing %v: arrived after %v, want at least %v", outgoing, took, gate.hold)
		}
		gate.lose.Store(true)
		if _, _, err := from.WriteMsgUDP([]byte("lost"), nil, address); err != nil {
			t.Fatal(err)
		}
		for !outgoing && gate.passed.Load() < 4 { // it is lost by the one who reads
			if err := to.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if n, err := to.ReadBatch(messages(), 0); err == nil {
				t.Fatalf("%d datagrams arrived that were to be lost", n)
			}
		}
		gate.lose.Store(false)
		if err := to.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := from.WriteMsgUDP([]byte("kept"), nil, address); err != nil {
			t.Fatal(err)
		}
		if data := receive(t, to); string(data) != "kept" {
			t.Errorf("outgoing %v: got %q", outgoing, data)
		}
	}
}

func messages() []ipv4.Message {
	ms := make([]ipv4.Message, 4)
	for i := range ms {
		ms[i].Buffers, ms[i].OOB = [][]byte{make([]byte, 1500)}, make([]byte, 128)
	}
	return ms
}

// receive reads one datagram.
func receive(t *testing.T, s *socket) []byte {
	t.Helper()
	ms := messages()[:1]
	n, err := s.ReadBatch(ms, 0)
	if err != nil || n != 1 {
		t.Fatalf("read %d datagrams: %v", n, err)
	}
	return ms[0].Buffers[0][:ms[0].N]
}
