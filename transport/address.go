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

// CheckReachable returns an error unless address is a "host:port" that a connection can be made to: not a wildcard,
// and not port 0.
func CheckReachable(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("parse address %q: %w", address, err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() || port == "" || port == "0" {
		return fmt.Errorf("%w: %q", ErrUnreachable, address)
	}
	return nil
}
