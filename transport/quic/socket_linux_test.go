package quic

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// segmentMark says that a send is to be divided into datagrams of that size.
func segmentMark(size int) []byte {
	mark := make([]byte, 24)
	binary.NativeEndian.PutUint64(mark, 16+2)
	binary.NativeEndian.PutUint32(mark[8:], unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(mark[12:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(mark[16:], uint16(size))
	return mark
}
