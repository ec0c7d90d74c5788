package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

const (
	// ProtocolVersion is the newest version of everything inside of frames that this node speaks.
	ProtocolVersion = 4
	// ProtocolMin is the oldest one. See the version rule in the package's comment.
	ProtocolMin = 4
	// headProtocol is the first version whose greetings begin with a [Head].
	headProtocol = 4
)

// Features are bits, each of which stands for something that a node can do beside what its version says.
type Features uint64

// FeaturesKnown are the features of this node: none yet.
const FeaturesKnown Features = 0

// HelloBytesMax bounds the payload of a hello and of a welcome.
const HelloBytesMax = raft.AddressBytesMax + 192 + 8*(transport.PreviousMax+1)

const clusterBytesMax = 64

// Head begins a hello and a welcome. Its layout is the same in all versions from 4 on, so that nodes that have no
// version in common can tell each other so. Of a greeting of an earlier version only the version is known.
//
// Invariant: ProtocolMin <= Protocol.
type Head struct {
	// Protocol is the newest version that the sender speaks, ProtocolMin the oldest.
	Protocol, ProtocolMin uint64
	// Required are the features without which the sender does not talk to anybody, Optional those that it uses with
	// whoever has them.
	Required, Optional Features
}

// OwnHead returns the head of what this node says.
func OwnHead() Head { return Head{Protocol: ProtocolVersion, ProtocolMin: ProtocolMin} }

// Common returns the newest version that both speak, or false when there is none.
func (h Head) Common(other Head) (uint64, bool) {
	newest := min(h.Protocol, other.Protocol)
	return newest, newest >= max(h.ProtocolMin, other.ProtocolMin)
}

// Readable reports whether what follows the head can be understood: the sender speaks a version that this node does.
func (h Head) Readable() bool {
	_, ok := OwnHead().Common(h)
	return ok
}

// appendTo appends the encoding of h to dst.
func (h Head) appendTo(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, h.Protocol)
	dst = binary.AppendUvarint(dst, h.ProtocolMin)
	dst = binary.AppendUvarint(dst, uint64(h.Required))
	return binary.AppendUvarint(dst, uint64(h.Optional))
}

// head decodes what Head.appendTo encodes, or the version that begins an earlier greeting.
func (u *uvarints) head(what string) (Head, error) {
	h := Head{Protocol: u.next()}
	if u.failed {
		return Head{}, fmt.Errorf("%w: %s without a protocol version", ErrFormat, what)
	}
	if h.Protocol < headProtocol {
		h.ProtocolMin = h.Protocol
		return h, nil
	}
	h.ProtocolMin = u.next()
	h.Required, h.Optional = Features(u.next()), Features(u.next())
	if u.failed || h.ProtocolMin > h.Protocol {
		return Head{}, fmt.Errorf("%w: head of a %s, protocol %d to %d", ErrFormat, what, h.ProtocolMin, h.Protocol)
	}
	return h, nil
}

// done reports whether all was decoded. A sender of a later version may have said more than this node knows of.
func (u *uvarints) done(h Head) bool {
	return !u.failed && (len(u.src) == 0 || h.Protocol > ProtocolVersion)
}

// Hello is how the dialer of a connection introduces itself.
type Hello struct {
	Head
	Lane transport.Lane
	// From is the dialer, To the node it means to reach.
	From, To raft.NodeID
	// Incarnation is the dialer's.
	Incarnation uint64
	// Instance is a random number of the dialer's process, drawn when it began to listen.
	Instance uint64
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
	dst = append(h.appendTo(dst), byte(h.Lane))
	dst = binary.AppendUvarint(dst, uint64(h.From))
	dst = binary.AppendUvarint(dst, uint64(h.To))
	dst = binary.LittleEndian.AppendUint64(dst, h.Incarnation)
	dst = binary.LittleEndian.AppendUint64(dst, h.Instance)
	dst = binary.LittleEndian.AppendUint64(dst, h.Disk)
	dst = appendNonces(dst, h.Nonce, h.Previous)
	return appendText(appendText(dst, h.Cluster), h.Address)
}

// DecodeHello decodes a payload. Of a hello that is not Readable only the head is decoded, and no error returned.
func DecodeHello(src []byte) (Hello, error) {
	u := uvarints{src: src}
	head, err := u.head("hello")
	h := Hello{Head: head}
	if err != nil || !head.Readable() {
		return h, err
	}
	lane, ok := u.byte()
	h.Lane = transport.Lane(lane)
	h.From, h.To = raft.NodeID(u.next()), raft.NodeID(u.next())
	h.Incarnation, h.Instance, h.Disk = u.uint64(), u.uint64(), u.uint64()
	h.Nonce, h.Previous = u.nonces()
	h.Cluster, h.Address = u.text(clusterBytesMax), u.text(raft.AddressBytesMax)
	if !u.done(head) || !ok || h.Lane >= transport.LaneCount {
		return Hello{}, fmt.Errorf("%w: hello of %d bytes", ErrFormat, len(src))
	}
	return h, nil
}

// Welcome is the accepter's answer to a [Hello].
type Welcome struct {
	Head
	// Refusal is why the connection ends here, or transport.RefusedNone. It follows the head in all versions.
	Refusal transport.Refusal
	// Node is the accepter.
	Node raft.NodeID
	// The rest is the accepter's, as in a Hello.
	Incarnation uint64
	Instance    uint64
	Disk        uint64
	Nonce       uint64
	Previous    []uint64
	Cluster     string
	Address     string
}

// Append appends the encoding of w to dst.
func (w Welcome) Append(dst []byte) []byte {
	dst = append(w.appendTo(dst), byte(w.Refusal))
	dst = binary.AppendUvarint(dst, uint64(w.Node))
	dst = binary.LittleEndian.AppendUint64(dst, w.Incarnation)
	dst = binary.LittleEndian.AppendUint64(dst, w.Instance)
	dst = binary.LittleEndian.AppendUint64(dst, w.Disk)
	dst = appendNonces(dst, w.Nonce, w.Previous)
	return appendText(appendText(dst, w.Cluster), w.Address)
}

// DecodeWelcome decodes a payload. Of a welcome that is not Readable only the head and, from version 4 on, the refusal
// is decoded, and no error returned.
func DecodeWelcome(src []byte) (Welcome, error) {
	u := uvarints{src: src}
	head, err := u.head("welcome")
	w := Welcome{Head: head}
	if err != nil || head.Protocol < headProtocol {
		return w, err
	}
	refusal, ok := u.byte()
	w.Refusal = transport.Refusal(refusal)
	if ok && !head.Readable() {
		return w, nil
	}
	w.Node = raft.NodeID(u.next())
	w.Incarnation, w.Instance, w.Disk = u.uint64(), u.uint64(), u.uint64()
	w.Nonce, w.Previous = u.nonces()
	w.Cluster, w.Address = u.text(clusterBytesMax), u.text(raft.AddressBytesMax)
	if !u.done(head) || !ok {
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
