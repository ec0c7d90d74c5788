package exchange

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
