//go:build !linux

package tcp

import (
	"fmt"
	"net"
	"runtime"
	"syscall"
	"time"
)

// setCongestion says that the choice is Linux's only.
func setCongestion(name string) func(network, address string, c syscall.RawConn) error {
	if name == "" {
		return nil
	}
	return func(string, string, syscall.RawConn) error {
		return fmt.Errorf("Congestion = %q: cannot be chosen on %s", name, runtime.GOOS)
	}
}

// setUserTimeout does nothing: there is none here, and the reads that find nothing are ended in any case.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }

// segmentsOf knows nothing here.
func segmentsOf(*net.TCPConn) segments { return segments{} }

// congestionOf knows nothing here.
func congestionOf(syscall.Conn) string { return "" }
