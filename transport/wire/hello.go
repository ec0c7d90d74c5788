package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// ProtocolVersion is the version of everything inside of frames.
const ProtocolVersion = 3

// HelloBytesMax bounds the payload of a hello and of a welcome.
const HelloBytesMax = raft.AddressBytesMax + 128 + 8*(transport.PreviousMax+1)

const clusterBytesMax = 64

// Hello is how the dialer of a connection introduces itself.
type Hello struct {
	Protocol uint64
	Lane     transport.Lane
	// From is the dialer, To the node it means to reach.
	From, To raft.NodeID
	// Incarnation is the dialer's.
	Incarnation uint64
	// Disk is the dialer's disk, or 0 when it does not say.
	Disk uint64
	// Nonce and Previous are the dialer's; at most transport.PreviousMax.
	Nonce    uint64
	Previous []uint64
	Cluster  string
	// Address is where the dialer says that it can be reached; at most raft.AddressBytesMax bytes.
	Address string
}

// Append appends the encoding of h to dst.
func (h Hello) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, h.Protocol)
	dst = append(dst, byte(h.Lane))
	dst = binary.AppendUvarint(dst, uint64(h.From))
	dst = binary.AppendUvarint(dst, uint64(h.To))
	dst = binary.LittleEndian.AppendUint64(dst, h.Incarnation)
	dst = binary.LittleEndian.AppendUint64(dst, h.Disk)
	dst = appendNonces(dst, h.Nonce, h.Previous)
	return appendText(appendText(dst, h.Cluster), h.Address)
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
	h.Incarnation, h.Disk = u.uint64(), u.uint64()
	h.Nonce, h.Previous = u.nonces()
	h.Cluster, h.Address = u.text(clusterBytesMax), u.text(raft.AddressBytesMax)
	if u.failed || !ok || len(u.src) > 0 || h.Lane >= transport.LaneCount {
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
	// The rest is the accepter's, as in a Hello.
	Disk     uint64
	Nonce    uint64
	Previous []uint64
	Cluster  string
	Address  string
}

// Append appends the encoding of w to dst.
func (w Welcome) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, w.Protocol)
	dst = append(dst, byte(w.Refusal))
	dst = binary.AppendUvarint(dst, uint64(w.Node))
	dst = binary.LittleEndian.AppendUint64(dst, w.Incarnation)
	dst = binary.LittleEndian.AppendUint64(dst, w.Disk)
	dst = appendNonces(dst, w.Nonce, w.Previous)
	return appendText(appendText(dst, w.Cluster), w.Address)
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
	w.Incarnation, w.Disk = u.uint64(), u.uint64()
	w.Nonce, w.Previous = u.nonces()
	w.Cluster, w.Address = u.text(clusterBytesMax), u.text(raft.AddressBytesMax)
	if u.failed || !ok || len(u.src) > 0 {
		return Welcome{}, fmt.Errorf("%w: welcome of %d bytes", ErrFormat, len(src))
	}
	return w, nil
}

func appendText(dst []byte, text string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

func appendNonces(dst []byte, nonce uint64, previous []uint64) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, nonce)
	dst = append(dst, byte(len(previous)))
	for _, n := range previous {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

// nonces decodes what appendNonces encodes.
func (u *uvarints) nonces() (nonce uint64, previous []uint64) {
	nonce = u.uint64()
	count, ok := u.byte()
	if !ok || count > transport.PreviousMax || len(u.src) < 8*int(count) {
		u.failed, u.src = true, nil
		return 0, nil
	}
	for range count {
		previous = append(previous, u.uint64())
	}
	return nonce, previous
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

// text decodes a string of at most bytesMax bytes.
func (u *uvarints) text(bytesMax int) string {
	return string(u.bytes(u.next(), bytesMax))
}
