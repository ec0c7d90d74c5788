package quic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// BufferBytesWanted is what is asked of the system for each of the socket's buffers, the same as quic-go asks: less,
// and a burst of a few milliseconds is lost.
const BufferBytesWanted = 7 << 20

// Gate is what link faults do to the datagrams of this node.
type Gate interface {
	// Active reports whether any datagram may be touched now.
	Active() bool
	// Datagram is asked about each datagram to or from a peer while Active: it is held for so long, and lost when
	// pass is false. The peer is raft.None when it is not known who is at the address. It is called concurrently.
	Datagram(peer raft.NodeID, outgoing bool, size int) (hold time.Duration, pass bool)
}

// socket is the UDP socket of a transport. It is what quic-go makes the most of: it implements
// quicgo.OOBCapablePacketConn and ReadBatch, so that segmentation offload, ECN and reads of several datagrams stay.
//
// Note: quic-go must never see an error that is temporary, nor an empty batch: it would read again what was there
// before. The deadline that it sets to end the reading is the exception.
type socket struct {
	*net.UDPConn
	inbox inbox
	joins bool // datagrams that arrive together
	gate  Gate // nil without link faults
	late  late // what the gate holds

	sends, sendSegments, sendBytes atomic.Uint64
	_                              [40]byte // senders and the reader write to different cache lines
	receives, receiveSegments      atomic.Uint64
	receiveBytes                   atomic.Uint64
	_                              [40]byte

	mu       sync.Mutex
	owners   map[netip.AddrPort]raft.NodeID // who is at an address, as far as known
	deadline time.Time                      // of reading, as quic-go set it
}

// ownersMax bounds the addresses that are remembered.
const ownersMax = 4 * transport.PeersMax

// listen binds a socket and makes its buffers as large as the system allows.
func listen(address string) (*socket, error) {
	at, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, err
	}
	s := &socket{UDPConn: udp, owners: map[netip.AddrPort]raft.NodeID{}}
	s.inbox.buffer, s.inbox.oob = make([]byte, inboxBytes), make([]byte, 128)
	s.prepare()
	s.late.socket = s
	return s, nil
}

// prepare has the system join datagrams of one sender that arrive together, and exceed its bound on buffers, where it
// can and may.
func (s *socket) prepare() {
	_ = s.SetReadBuffer(BufferBytesWanted) // what was granted is asked for afterwards
	_ = s.SetWriteBuffer(BufferBytesWanted)
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		forceBuffers(int(fd))
		s.joins = joinDatagrams(int(fd))
	})
}

// owned remembers who is at an address.
func (s *socket) owned(at net.Addr, peer raft.NodeID) {
	udp, ok := at.(*net.UDPAddr)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.owners) >= ownersMax {
		clear(s.owners)
	}
	s.owners[plain(udp.AddrPort())] = peer
}

func (s *socket) owner(at netip.AddrPort) raft.NodeID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owners[plain(at)]
}

// plain is the address without the IPv6 form of an IPv4 address.
func plain(at netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()) }

// WriteMsgUDP sends one datagram, or several of equal length when oob says so.
func (s *socket) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	size := segmentSize(oob)
	if s.gate != nil && s.gate.Active() {
		return s.writeGated(b, oob, size, to)
	}
	return s.write(b, oob, size, to)
}

func (s *socket) write(b, oob []byte, size int, to *net.UDPAddr) (n, oobn int, err error) {
	segments := 1
	if size > 0 && len(b) > size {
		segments = (len(b) + size - 1) / size
	}
	s.sends.Add(1)
	s.sendSegments.Add(uint64(segments))
	s.sendBytes.Add(uint64(len(b)))
	return s.UDPConn.WriteMsgUDP(b, oob, to)
}

// ReadBatch reads at least one datagram: what the system has joined, with one call.
func (s *socket) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	for {
		if n := s.late.arrived(ms); n > 0 {
			return n, nil
		}
		n := s.split(ms)
		if n == 0 {
			if err := s.read(); err != nil {
				if s.again(err) {
					continue
				}
				return 0, err
			}
			n = s.split(ms)
		}
		if s.gate != nil && s.gate.Active() {
			n = s.filter(ms[:n])
		}
		if n > 0 {
			return n, nil
		}
	}
}

// again reports whether to read on after err: it was the deadline of wake, or an error that passes by itself.
func (s *socket) again(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) { // temporary, too, but to quic-go it is the end
		return s.woken()
	}
	var passing interface{ Temporary() bool }
	return errors.As(err, &passing) && passing.Temporary()
}

// inbox is what one call of the system has read: a datagram, or several of equal length, the last of which may be
// shorter. Only the reader touches it.
type inbox struct {
	buffer   []byte
	oob      []byte
	rest     []byte // of buffer: not yet handed on
	restOOB  []byte
	size     int // of each datagram
	from     *net.UDPAddr
	fromPort netip.AddrPort
}

// inboxBytes is the most that the system joins.
const inboxBytes = 64 << 10

// read fills the inbox.
func (s *socket) read() error {
	in := &s.inbox
	n, oobn, _, from, err := s.UDPConn.ReadMsgUDPAddrPort(in.buffer, in.oob)
	if err != nil {
		return err
	}
	if from != in.fromPort { // nearly always it is the same as before
		in.from, in.fromPort = net.UDPAddrFromAddrPort(from), from
	}
	in.rest, in.restOOB = in.buffer[:n], in.oob[:oobn]
	in.size = joinedSize(in.restOOB)
	if in.size == 0 || in.size > n {
		in.size = n
	}
	segments := 1
	if in.size > 0 {
		segments = (n + in.size - 1) / in.size
	}
	s.receives.Add(1)
	s.receiveSegments.Add(uint64(segments))
	s.receiveBytes.Add(uint64(n))
	return nil
}

// split moves datagrams from the inbox and returns how many. Those that are longer than quic-go reads are cut, as the
// system would.
func (s *socket) split(ms []ipv4.Message) int {
	in := &s.inbox
	n := 0
	for n < len(ms) && len(in.rest) > 0 {
		size := min(in.size, len(in.rest))
		fill(&ms[n], in.rest[:size], in.restOOB, in.from)
		in.rest = in.rest[size:]
		n++
	}
	return n
}

// SetReadDeadline is how quic-go ends the reading.
func (s *socket) SetReadDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = at
	return s.UDPConn.SetReadDeadline(at)
}

// wake has the reader look at what arrived late.
func (s *socket) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.UDPConn.SetReadDeadline(time.Unix(1, 0)) // fails only when the socket is closed
}

// woken reports whether a deadline that passed was that of wake, and takes it back.
func (s *socket) woken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.deadline.IsZero() {
		return false
	}
	return s.UDPConn.SetReadDeadline(time.Time{}) == nil
}

// Close closes the socket; what is held is lost.
func (s *socket) Close() error {
	s.late.stop()
	return s.UDPConn.Close()
}

// metrics returns what was counted.
func (s *socket) metrics() transport.SocketMetrics {
	return transport.SocketMetrics{
		Sends: s.sends.Load(), SendSegments: s.sendSegments.Load(), SendBytes: s.sendBytes.Load(),
		Receives: s.receives.Load(), ReceiveSegments: s.receiveSegments.Load(), ReceiveBytes: s.receiveBytes.Load(),
	}
}

// SocketStatus is what the system gives the socket.
type SocketStatus struct {
	// ReceiveBufferBytes and SendBufferBytes are what was granted, as the system counts it: Linux doubles what is
	// asked.
	ReceiveBufferBytes, SendBufferBytes int
	// WantedBytes is what was asked for each.
	WantedBytes int
	// GSO says that several datagrams can be sent with one call, and GRO that they can be received so.
	GSO, GRO bool
}

// capped names the system's setting that keeps a buffer small, or nothing.
func (s SocketStatus) capped() string {
	switch {
	case s.ReceiveBufferBytes < bufferFactor*s.WantedBytes:
		return receiveBufferSetting
	case s.SendBufferBytes < bufferFactor*s.WantedBytes:
		return sendBufferSetting
	default:
		return ""
	}
}

// status asks the system.
func (s *socket) status() (SocketStatus, error) {
	status := SocketStatus{WantedBytes: BufferBytesWanted, GRO: s.joins}
	raw, err := s.SyscallConn()
	if err != nil {
		return status, fmt.Errorf("inspect socket: %w", err)
	}
	var asked error
	if err := raw.Control(func(fd uintptr) { asked = inspect(int(fd), &status) }); err != nil {
		return status, fmt.Errorf("inspect socket: %w", err)
	}
	if asked != nil {
		return status, fmt.Errorf("inspect socket: %w", asked)
	}
	return status, nil
}
