package tcp_test

import (
	"os"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/tcp"
)

func TestCongestionControlIsTheKernelsByName(t *testing.T) {
	names, err := os.ReadFile("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
	if err != nil {
		t.Skip(err)
	}
	for _, name := range strings.Fields(string(names)) {
		node := open(t, transport.Options{Self: 1, Cluster: "c", Congestion: name})
		if got := node.Congestion(); got != name {
			t.Errorf("congestion control is %q, want %q", got, name)
		}
	}
	_, err = tcp.New(transport.Options{Self: 1, Cluster: "c", Congestion: "no-such"})
	for _, want := range append(strings.Fields(string(names)), "Congestion", "no-such") {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %q", err, want)
		}
	}
}
