//go:build !linux

package quic

import "golang.org/x/sys/unix"

const (
	bufferFactor         = 1
	receiveBufferSetting = "kern.ipc.maxsockbuf"
	sendBufferSetting    = "kern.ipc.maxsockbuf"
)

// forceBuffers does nothing.
func forceBuffers(int) {}

// segmentSize returns 0: every send is one datagram.
func segmentSize([]byte) int { return 0 }

// joinedSize returns 0: what is received is one datagram.
func joinedSize([]byte) int { return 0 }

// joinDatagrams returns false.
func joinDatagrams(int) bool { return false }

// inspect fills in what the system says of the socket.
func inspect(fd int, status *SocketStatus) (err error) {
	if status.ReceiveBufferBytes, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil {
		return err
	}
	status.SendBufferBytes, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	return err
}
