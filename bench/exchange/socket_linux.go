package exchange

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/server"
)

// sockets asks the kernel about the sockets of this process: TCP connections, and UDP.
//
// Note: transports could be asked instead. The kernel cannot be wrong about what it granted.
func sockets() []Socket {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var found []Socket
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, ok := socketAt(fd); ok {
			found = append(found, s)
		}
	}
	return found
}

// socketAt describes a file descriptor that is a socket of the internet, and a connection if it is of TCP.
func socketAt(fd int) (s Socket, ok bool) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil || domain != unix.AF_INET && domain != unix.AF_INET6 {
		return s, false
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return s, false
	}
	s.SendBufferBytes, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	s.ReceiveBufferBytes, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if kind == unix.SOCK_DGRAM {
		s.Network = "udp"
		return s, true
	}
	if _, err := unix.Getpeername(fd); err != nil || kind != unix.SOCK_STREAM {
		return s, false // a listener
	}
	s.Network = "tcp"
	s.Congestion, _ = unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		s.SegmentBytes, s.PathMTU = int(info.Snd_mss), int(info.Pmtu)
	}
	return s, true
}

// bufferLimits returns net.core.wmem_max and rmem_max; 0 for what cannot be read.
func bufferLimits() (send, receive int) {
	read := func(name string) int {
		text, err := os.ReadFile("/proc/sys/net/core/" + name)
		if err != nil {
			return 0
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return 0
		}
		return n
	}
	return read("wmem_max"), read("rmem_max")
}

// Options of a UDP socket (linux/udp.h).
const (
	udpSegment = 103 // reads as the size of segments that the kernel cuts, where it can
	udpGRO     = 104 // reads as 1 on a socket that takes joined datagrams
)

// offload says what the kernel can do and was asked to do for this process's sockets.
func offload(transport string) string {
	if transport != server.TransportQUIC {
		return "TSO and GRO of the kernel"
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return ""
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, ok := socketAt(fd); !ok || s.Network != "udp" {
			continue
		}
		text := "GSO not there"
		if _, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, udpSegment); err == nil {
			text = "GSO there"
		}
		switch joined, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, udpGRO); {
		case err != nil:
			return text + ", GRO not there"
		case joined == 0:
			return text + ", GRO off"
		default:
			return text + ", GRO on"
		}
	}
	return ""
}
