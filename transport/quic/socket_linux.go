package quic

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Linux counts its own overhead into a buffer, and grants twice what is asked.
const (
	bufferFactor         = 2
	receiveBufferSetting = "net.core.rmem_max"
	sendBufferSetting    = "net.core.wmem_max"
)

// forceBuffers asks for buffers beyond the system's bound, which the superuser may have.
func forceBuffers(fd int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, BufferBytesWanted)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, BufferBytesWanted)
}

// segmentSize returns the length of the datagrams that a send is divided into, or 0 when it is one.
func segmentSize(oob []byte) int {
	for len(oob) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0
		}
		if header.Level == unix.IPPROTO_UDP && header.Type == unix.UDP_SEGMENT && len(data) >= 2 {
			return int(binary.NativeEndian.Uint16(data))
		}
		oob = rest
	}
	return 0
}

// joinedSize returns the length of the datagrams that were joined to what was received, or 0 when it is one.
func joinedSize(oob []byte) int {
	for len(oob) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0
		}
		if header.Level == unix.IPPROTO_UDP && header.Type == unix.UDP_GRO && len(data) >= 4 {
			return int(binary.NativeEndian.Uint32(data))
		}
		oob = rest
	}
	return 0
}

// joinDatagrams asks for datagrams of equal length to be joined.
func joinDatagrams(fd int) bool {
	return unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) == nil
}

// inspect fills in what the system says of the socket.
func inspect(fd int, status *SocketStatus) (err error) {
	if status.ReceiveBufferBytes, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil {
		return err
	}
	if status.SendBufferBytes, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF); err != nil {
		return err
	}
	_, err = unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
	status.GSO = err == nil
	return nil
}
