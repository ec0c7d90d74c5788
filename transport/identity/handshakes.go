package identity

import (
	"crypto/tls"
	"sync/atomic"
)

// Handshakes counts the TLS handshakes in which this node and a peer accepted each other's certificates, in both
// directions.
type Handshakes struct {
	Done, Resumed uint64
	// Latest is the version and the cipher suite of the latest one; "" before the first.
	Latest string
}

// handshakes are the live form.
type handshakes struct {
	done, resumed atomic.Uint64
	latest        atomic.Pointer[string]
}

// note takes a handshake whose peer was verified.
func (h *handshakes) note(state tls.ConnectionState) {
	h.done.Add(1)
	if state.DidResume {
		h.resumed.Add(1)
	}
	latest := tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
	h.latest.Store(&latest)
}

// Handshakes returns what was counted since the identity was made.
func (id *Identity) Handshakes() Handshakes {
	h := Handshakes{Done: id.shaken.done.Load(), Resumed: id.shaken.resumed.Load()}
	if latest := id.shaken.latest.Load(); latest != nil {
		h.Latest = *latest
	}
	return h
}
