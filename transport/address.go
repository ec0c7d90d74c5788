package transport

import (
	"fmt"
	"net"
	"net/netip"
)

// CheckLoopback returns an error that wraps ErrPlaintext unless address, "host:port", is on the loopback network by
// itself: an IP literal or the name localhost. Other names are not looked up, since an answer may change.
func CheckLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("parse address %q: %w", address, err)
	}
	if host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%w: %q without an identity", ErrPlaintext, address)
}
