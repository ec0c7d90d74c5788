package exchange

import (
	"net"

	"github.com/raftmark/raftmark/server"
)

// Facts are what one must know of a transport to compare it with another. What is not known is empty or 0.
type Facts struct {
	Sockets []Socket `json:"sockets"`
	// TLS is the version and the cipher suite of the latest handshake, "" of plaintext.
	TLS string `json:"tls"`
	// Congestion says who controls congestion, and how, where that is not a matter of each socket.
	Congestion string `json:"congestion,omitempty"`
	// Offload is what is known of segmentation offload.
	Offload string `json:"offload,omitempty"`
	// SendBufferMax and ReceiveBufferMax are what the kernel grants a socket at most.
	SendBufferMax    int `json:"send_buffer_max"`
	ReceiveBufferMax int `json:"receive_buffer_max"`
	InterfaceMTU     int `json:"interface_mtu"`
}

// Socket is what the kernel says of one socket of an end. A field that it does not tell is zero or empty.
type Socket struct {
	Network string `json:"network"` // tcp, udp
	// Congestion is the congestion control of a TCP connection by the kernel's name.
	Congestion string `json:"congestion,omitempty"`
	// SendBufferBytes and ReceiveBufferBytes are as granted, with the kernel's own overhead; those of TCP grow and shrink.
	SendBufferBytes    int `json:"send_buffer_bytes"`
	ReceiveBufferBytes int `json:"receive_buffer_bytes"`
	// SegmentBytes is the largest segment that a TCP connection sends, PathMTU what the kernel believes of its path.
	SegmentBytes int `json:"segment_bytes,omitempty"`
	PathMTU      int `json:"path_mtu,omitempty"`
}

// quicCongestion is what quic-go v0.65 always uses (ackhandler.NewSentPacketHandler); it has no option for another.
const quicCongestion = "NewReno (quic-go)"

func (e *end) facts() *Facts {
	f := &Facts{Sockets: sockets(), Offload: offload(e.config.Transport)}
	if h := e.transport.Metrics().Handshakes; h != nil {
		f.TLS = h.Latest
	}
	if e.config.Transport == server.TransportQUIC {
		f.Congestion = quicCongestion
	}
	f.SendBufferMax, f.ReceiveBufferMax = bufferLimits()
	interfaces, err := net.Interfaces()
	for i := range interfaces {
		if err == nil && interfaces[i].Flags&net.FlagLoopback != 0 {
			f.InterfaceMTU = interfaces[i].MTU
		}
	}
	return f
}
