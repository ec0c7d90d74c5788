package resp

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// NodesMax bounds the nodes known, those named by MOVED replies included.
const NodesMax = 64

// Options configures a Target. Only Addrs has no default.
type Options struct {
	// Addrs are the client addresses of the cluster's nodes, host:port.
	Addrs []string
	// Conns is the number of connections to each node. More spread the parsing on the server's side; fewer make larger
	// batches. Default 4.
	Conns int
	// InflightPerConnMax caps the requests queued and unanswered on a connection; the rest waits in the target. Default
	// 1024.
	InflightPerConnMax int
	// WaitingMax caps the operations that wait for a leader or a free connection. Default 262144.
	WaitingMax int
	// WaitingBytesMax caps the keys and values of these. Default 256 MiB.
	WaitingBytesMax int64
	// DialTimeout bounds one attempt to connect. Default 1 s.
	DialTimeout time.Duration
	// ProbeInterval is the pause between two questions to a node while no leader is known: the resolution with which
	// the end of an outage is seen. Lower costs the cluster one GET a node and interval. Default 2 ms.
	ProbeInterval time.Duration
	// SuspectAfter is how long the leader may owe an answer before the other nodes are asked, too. Default 100 ms.
	SuspectAfter time.Duration
	// BackoffMin and BackoffMax bound the pause, doubled each time, between two attempts to connect to a node, and
	// before an operation answered with TRYAGAIN is tried again. Default 1 ms and 20 ms.
	BackoffMin time.Duration
	BackoffMax time.Duration
	// ReplyBytesMax caps the buffer for one reply. Default 64 MiB.
	ReplyBytesMax int
	// ProbeKey is read to find the leader. Default "raftmark:probe".
	ProbeKey string
	// Clock is the run's clock: give the generator's. Default: a new one of this machine.
	Clock clock.Clock `json:"-"`
}

// WithDefaults returns a copy with every zero field at its default.
func (o Options) WithDefaults() Options {
	o.Conns = orDefault(o.Conns, 4)
	o.InflightPerConnMax = orDefault(o.InflightPerConnMax, 1024)
	o.WaitingMax = orDefault(o.WaitingMax, 1<<18)
	o.WaitingBytesMax = orDefault(o.WaitingBytesMax, 256<<20)
	o.DialTimeout = orDefault(o.DialTimeout, time.Second)
	o.ProbeInterval = orDefault(o.ProbeInterval, 2*time.Millisecond)
	o.SuspectAfter = orDefault(o.SuspectAfter, 100*time.Millisecond)
	o.BackoffMin = orDefault(o.BackoffMin, time.Millisecond)
	o.BackoffMax = orDefault(o.BackoffMax, 20*time.Millisecond)
	o.ReplyBytesMax = orDefault(o.ReplyBytesMax, 64<<20)
	o.ProbeKey = orDefault(o.ProbeKey, "raftmark:probe")
	if o.Clock == (clock.Clock{}) {
		o.Clock = clock.New()
	}
	return o
}

func orDefault[T comparable](value, preset T) T {
	var zero T
	if value == zero {
		return preset
	}
	return value
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(len(o.Addrs) > 0 && len(o.Addrs) <= NodesMax, "Addrs: %d given, want 1 to %d", len(o.Addrs), NodesMax)
	for i, addr := range o.Addrs {
		_, port, err := net.SplitHostPort(addr)
		fault(err == nil && port != "", "Addrs[%d] = %q: want host:port", i, addr)
	}
	fault(o.Conns > 0 && o.Conns <= 256, "Conns = %d: want 1 to 256", o.Conns)
	fault(o.InflightPerConnMax > 0 && o.InflightPerConnMax <= 1<<16,
		"InflightPerConnMax = %d: want 1 to %d", o.InflightPerConnMax, 1<<16)
	fault(o.WaitingMax > 0, "WaitingMax = %d: want above 0", o.WaitingMax)
	fault(o.WaitingBytesMax > 0, "WaitingBytesMax = %d: want above 0", o.WaitingBytesMax)
	fault(o.ReplyBytesMax >= 1<<10, "ReplyBytesMax = %d: want 1024 or more", o.ReplyBytesMax)
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"DialTimeout", o.DialTimeout},
		{"ProbeInterval", o.ProbeInterval},
		{"SuspectAfter", o.SuspectAfter},
		{"BackoffMin", o.BackoffMin},
	} {
		fault(f.value > 0, "%s = %v: want above 0", f.name, f.value)
	}
	fault(o.BackoffMax >= o.BackoffMin, "BackoffMax = %v: want BackoffMin = %v or more", o.BackoffMax, o.BackoffMin)
	return errors.Join(faults...)
}
