package tcp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Lists of what this kernel has, and of what it lets everybody choose.
const (
	congestionAvailable = "/proc/sys/net/ipv4/tcp_available_congestion_control"
	congestionAllowed   = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
)

// setCongestion is a Control of net.Dialer and net.ListenConfig that chooses the congestion control.
func setCongestion(name string) func(network, address string, c syscall.RawConn) error {
	if name == "" {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		if err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, name)
		}); err != nil {
			return err
		}
		if failed == nil {
			return nil
		}
		file, whose := congestionAvailable, "this kernel has"
		if errors.Is(failed, unix.EPERM) {
			file, whose = congestionAllowed, "this user may choose"
		}
		names, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("Congestion = %q: %w", name, failed)
		}
		return fmt.Errorf("Congestion = %q: %w: %s %s", name, failed, whose, strings.TrimSpace(string(names)))
	}
}

// congestionOf returns the congestion control of a socket, or "" when it is closed.
func congestionOf(conn syscall.Conn) (name string) {
	_ = control(conn, func(fd int) (err error) {
		name, err = unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
		return err
	})
	return strings.TrimRight(name, "\x00")
}

// setUserTimeout has the kernel end a connection when what was sent is not acknowledged for so long.
func setUserTimeout(conn *net.TCPConn, d time.Duration) error {
	return control(conn, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(1, d.Milliseconds())))
	})
}

// segmentsOf asks the kernel what it counted; nothing when the connection is closed.
func segmentsOf(conn *net.TCPConn) (s segments) {
	_ = control(conn, func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			s = segments{sent: uint64(info.Segs_out), received: uint64(info.Segs_in), again: uint64(info.Total_retrans)}
		}
		return err
	})
	return s
}

func control(conn syscall.Conn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}
