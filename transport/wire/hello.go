package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// ProtocolVersion is the version of everything inside of frames.
const ProtocolVersion = 1

// HelloBytesMax bounds the payload of a hello and of a welcome.
const HelloBytesMax = 128

const clusterBytesMax = 64

// Hello is how the dialer of a connection introduces itself.
type Hello struct {
	Protocol uint64
	Lane     transport.Lane
	// From is the dialer, To the node it means to reach.
	From, To raft.NodeID
	// Incarnation is the dialer's.
	Incarnation uint64
	Cluster     string
}

// Append appends the encoding of h to dst.
func (h Hello) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, h.Protocol)
	dst = append(dst, byte(h.Lane))
	dst = binary.AppendUvarint(dst, uint64(h.From))
	dst = binary.AppendUvarint(dst, uint64(h.To))
	dst = binary.LittleEndian.AppendUint64(dst, h.Incarnation)
	return appendCluster(dst, h.Cluster)
}

// DecodeHello decodes a payload. Of a hello with another Protocol only that is decoded, and no error returned.
func DecodeHello(src []byte) (Hello, error) {
	u := uvarints{src: src}
	h := Hello{Protocol: u.next()}
	if u.failed {
		return Hello{}, fmt.Errorf("%w: hello without a protocol version", ErrFormat)
	}
	if h.Protocol != ProtocolVersion {
		return h, nil
	}
	lane, ok := u.byte()
	h.Lane = transport.Lane(lane)
	h.From, h.To = raft.NodeID(u.next()), raft.NodeID(u.next())
	h.Incarnation = u.uint64()
	h.Cluster = u.cluster()
	if u.failed || !ok || h.Lane >= transport.LaneCount {
		return Hello{}, fmt.Errorf("%w: hello of %d bytes", ErrFormat, len(src))
	}
	return h, nil
}

// Welcome is the accepter's answer to a [Hello].
type Welcome struct {
	Protocol uint64
	// Refusal is why the connection ends here, or transport.RefusedNone.
	Refusal transport.Refusal
	// Node is the accepter.
	Node        raft.NodeID
	Incarnation uint64
	Cluster     string
}

// Append appends the encoding of w to dst.
func (w Welcome) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, w.Protocol)
	dst = append(dst, byte(w.Refusal))
	dst = binary.AppendUvarint(dst, uint64(w.Node))
	dst = binary.LittleEndian.AppendUint64(dst, w.Incarnation)
	return appendCluster(dst, w.Cluster)
}

// DecodeWelcome decodes a payload. Of a welcome with another Protocol only that is decoded, and no error returned.
func DecodeWelcome(src []byte) (Welcome, error) {
	u := uvarints{src: src}
	w := Welcome{Protocol: u.next()}
	if u.failed {
		return Welcome{}, fmt.Errorf("%w: welcome without a protocol version", ErrFormat)
	}
	if w.Protocol != ProtocolVersion {
		return w, nil
	}
	refusal, ok := u.byte()
	w.Refusal = transport.Refusal(refusal)
	w.Node = raft.NodeID(u.next())
	w.Incarnation = u.uint64()
	w.Cluster = u.cluster()
	if u.failed || !ok {
		return Welcome{}, fmt.Errorf("%w: welcome of %d bytes", ErrFormat, len(src))
	}
	return w, nil
}

func appendCluster(dst []byte, cluster string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(cluster)))
	return append(dst, cluster...)
}

func (u *uvarints) byte() (b byte, ok bool) {
	if len(u.src) == 0 {
		u.failed = true
		return 0, false
	}
	b, u.src = u.src[0], u.src[1:]
	return b, true
}

func (u *uvarints) uint64() uint64 {
	if len(u.src) < 8 {
		u.failed, u.src = true, nil
		return 0
	}
	value := binary.LittleEndian.Uint64(u.src)
	u.src = u.src[8:]
	return value
}

// cluster decodes the last field: nothing may follow it.
func (u *uvarints) cluster() string {
	length := u.next()
	if u.failed || length > clusterBytesMax || length != uint64(len(u.src)) {
		u.failed = true
		return ""
	}
	return string(u.src)
}
