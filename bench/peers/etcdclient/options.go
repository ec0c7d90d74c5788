package etcdclient

import (
	"errors"
	"fmt"
	"net"
	"time"

	"go.etcd.io/etcd/api/v3/version"

	"github.com/raftmark/raftmark/internal/clock"
)

// Where operations are sent.
const (
	AtLeader = "leader" // to the server that says that it leads; to any while none does
	AtAny    = "any"    // to all in turn, as a client without a choice does: followers forward
)

// ServersMax bounds the addresses.
const ServersMax = 64

// Options configures a Target. Only Addrs has no default.
type Options struct {
	// Addrs are the client addresses of the servers, host:port.
	Addrs []string
	// Conns is the number of clients, each with a connection of its own, to each server, 1 to 256. More spread the work
	// over more connections; fewer make larger writes. Default 4.
	Conns int
	// At is AtLeader or AtAny. Default AtLeader.
	At string
	// DialTimeout bounds one attempt to connect, and one question who leads. Default 1 s.
	DialTimeout time.Duration
	// StatusInterval is the pause between two questions to a server whether it leads. Lower costs the servers more, and
	// finds a new leader sooner. Default 100 ms.
	StatusInterval time.Duration
	// BackoffMin and BackoffMax bound the pause, doubled each time, before an operation that was definitely not applied
	// is tried again, and between two attempts to connect. Default 1 ms and 20 ms.
	BackoffMin time.Duration
	BackoffMax time.Duration
	// ProbeKey is read to see whether operations are served. Default "raftmark:probe".
	ProbeKey string
	// Clock is the run's clock: give the generator's. Default: a new one of this machine.
	Clock clock.Clock `json:"-"`
}

// WithDefaults returns a copy with every zero field at its default.
func (o Options) WithDefaults() Options {
	o.Conns = orDefault(o.Conns, 4)
	o.At = orDefault(o.At, AtLeader)
	o.DialTimeout = orDefault(o.DialTimeout, time.Second)
	o.StatusInterval = orDefault(o.StatusInterval, 100*time.Millisecond)
	o.BackoffMin = orDefault(o.BackoffMin, time.Millisecond)
	o.BackoffMax = orDefault(o.BackoffMax, 20*time.Millisecond)
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
	fault(len(o.Addrs) > 0 && len(o.Addrs) <= ServersMax, "Addrs: %d given, want 1 to %d", len(o.Addrs), ServersMax)
	for i, addr := range o.Addrs {
		_, port, err := net.SplitHostPort(addr)
		fault(err == nil && port != "", "Addrs[%d] = %q: want host:port", i, addr)
	}
	fault(o.Conns > 0 && o.Conns <= 256, "Conns = %d: want 1 to 256", o.Conns)
	fault(o.At == AtLeader || o.At == AtAny, "At = %q: want %s or %s", o.At, AtLeader, AtAny)
	fault(o.DialTimeout > 0, "DialTimeout = %v: want above 0", o.DialTimeout)
	fault(o.StatusInterval > 0, "StatusInterval = %v: want above 0", o.StatusInterval)
	fault(o.BackoffMin > 0, "BackoffMin = %v: want above 0", o.BackoffMin)
	fault(o.BackoffMax >= o.BackoffMin, "BackoffMax = %v: want BackoffMin = %v or more", o.BackoffMax, o.BackoffMin)
	return errors.Join(faults...)
}

// Settings are the effective options, and what the client was told beside.
type Settings struct {
	Options
	Client          string // the library and its version
	MaxUnaryRetries uint   // clientv3.Config.MaxUnaryRetries: 1 is one attempt
	GRPCRetries     bool   // by service config; the transparent one cannot be switched off
	WaitForReady    bool   // whether a call waits for a server that cannot be reached
}

// Settings returns the effective settings, for a report.
func (o Options) Settings() Settings {
	return Settings{
		Options: o, Client: "go.etcd.io/etcd/client/v3 v" + version.Version, MaxUnaryRetries: unaryAttempts,
	}
}

// String returns a line for a reader.
func (s Settings) String() string {
	at := "the leader"
	if s.At == AtAny {
		at = "all servers in turn"
	}
	return fmt.Sprintf("etcd through %s, %d connections to each of %d servers, operations to %s; the client's own retries "+
		"are off", s.Client, s.Conns, len(s.Addrs), at)
}
