package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/exchange"
)

// Exchange measures transports alone: two processes exchange messages over each of them, without raft. It replaces
// load, steady and faults.
type Exchange struct {
	// Sizes are those of the entry that a message carries. Default 64 B, 256 B, 1, 16 and 128 KiB, 1 MiB.
	Sizes []Size `yaml:"sizes"`
	// InFlight are how many messages of an echo are under way at any time. Default 1, 4, 16, 64, 256; where that is more
	// than 16 MiB, half of what a transport queues for one peer, it is left out.
	InFlight []int `yaml:"in_flight"`
	// Warmup is what is not timed at the begin of each point, Duration what is, in each run. Default 25 ms and 240 ms.
	// Longer: a tail that is known better, and a machine that drifts further between the arms of one point.
	Warmup   Duration `yaml:"warmup"`
	Duration Duration `yaml:"duration"`
	// Lanes is how long heartbeats are timed beside each background, in each run; one is sent each HeartbeatEvery.
	// Default 650 ms and 1 ms.
	Lanes          Duration `yaml:"lanes"`
	HeartbeatEvery Duration `yaml:"heartbeat_every"`
	// Snapshot is the length of each snapshot beside which heartbeats are timed. Default 64 MiB.
	Snapshot Size `yaml:"snapshot"`
	// HeartbeatMax is what the slowest heartbeat may take there and back beside a full lane: a promise of the transports
	// that the result says was held or not. Default 50 ms, the time between two heartbeats of a leader.
	HeartbeatMax Duration `yaml:"heartbeat_max"`
	// Connections are how many are made anew in each run, of each kind. Default 9.
	Connections int `yaml:"connections"`
}

// DefaultExchange returns the exchange of which a file names the differences.
func DefaultExchange() Exchange {
	const ms = Duration(time.Millisecond)
	return Exchange{
		Sizes: []Size{64, 256, 1 << 10, 16 << 10, 128 << 10, 1 << 20}, InFlight: []int{1, 4, 16, 64, 256},
		Warmup: 25 * ms, Duration: 240 * ms, Lanes: 650 * ms, HeartbeatEvery: ms, Snapshot: 64 << 20,
		HeartbeatMax: 50 * ms, Connections: 9,
	}
}

// The bounds of an exchange.
const (
	exchangeSizeMax   = 4 << 20
	exchangeFlightMax = 4096
	// exchangeWindowMax bounds what an echo has under way: half of what a transport queues for a peer.
	exchangeWindowMax = 16 << 20
	exchangePointsMax = 400
)

// UnmarshalYAML decodes over the defaults.
func (x *Exchange) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Exchange
	value := plain(DefaultExchange())
	if err := unmarshal(&value); err != nil {
		return err
	}
	*x = Exchange(value)
	return nil
}

func (s Scenario) validateExchange(f *faults) {
	if s.Exchange == nil {
		return
	}
	x := s.Exchange
	const at = "exchange."
	second := Duration(time.Second)
	f.need(s.Placement == PlacementProcess, "placement", quoted(s.Placement), "%s with an exchange", PlacementProcess)
	f.need(s.Closed == nil && s.Course == nil && len(s.Faults) == 0, "exchange", "set",
		"alone, without closed, course and faults")
	f.need(len(x.Sizes) > 0, at+"sizes", "empty", "one size or more")
	for i, size := range x.Sizes {
		f.need(size >= 1 && size <= exchangeSizeMax, fmt.Sprintf("%ssizes[%d]", at, i), size, "1B to %dB", exchangeSizeMax)
	}
	f.need(len(x.InFlight) > 0, at+"in_flight", "empty", "one number or more")
	for i, n := range x.InFlight {
		f.need(n >= 1 && n <= exchangeFlightMax, fmt.Sprintf("%sin_flight[%d]", at, i), n, "1 to %d", exchangeFlightMax)
	}
	f.need(len(x.Sizes)*len(x.InFlight) <= exchangePointsMax, at+"sizes", len(x.Sizes),
		"%d points or fewer, with as many in_flight", exchangePointsMax)
	f.need(x.Warmup >= 0 && x.Warmup <= 60*second, at+"warmup", x.Warmup, "0s to 1m")
	f.need(x.Duration >= second/100 && x.Duration <= 60*second, at+"duration", x.Duration, "10ms to 1m")
	f.need(x.HeartbeatEvery >= second/10_000 && x.HeartbeatEvery <= second, at+"heartbeat_every", x.HeartbeatEvery,
		"100us to 1s")
	f.need(x.Lanes >= x.HeartbeatEvery && x.Lanes <= 60*second, at+"lanes", x.Lanes, "heartbeat_every (%s) to 1m",
		x.HeartbeatEvery)
	f.need(x.Snapshot >= 1<<20 && x.Snapshot <= 1<<30, at+"snapshot", x.Snapshot, "1MiB to 1024MiB")
	f.need(x.HeartbeatMax > 0 && x.HeartbeatMax <= 60*second, at+"heartbeat_max", x.HeartbeatMax, "above 0s, to 1m")
	f.need(x.Connections >= 1 && x.Connections <= 1000, at+"connections", x.Connections, "1 to 1000")
}

// clone returns a deep copy.
func (x *Exchange) clone() *Exchange {
	if x == nil {
		return nil
	}
	c := *x
	c.Sizes, c.InFlight = slices.Clone(x.Sizes), slices.Clone(x.InFlight)
	return &c
}

// exchangePoint is one thing that is measured; one field is set.
type exchangePoint struct {
	loop    *exchange.Loop
	beat    *exchange.Beat
	connect *exchange.Connect
	// skipped says why a loop is left out.
	skipped string
}

// points returns what is measured in each run, in order.
func (x *Exchange) points() []exchangePoint {
	var points []exchangePoint
	for _, n := range x.InFlight {
		for _, size := range x.Sizes {
			p := exchangePoint{loop: x.loop(exchange.Echo, int(size), n)}
			if window := n * int(size); window > exchangeWindowMax {
				p.skipped = fmt.Sprintf("%d MiB in flight are more than %d MiB, half of what a transport queues for a peer",
					window>>20, exchangeWindowMax>>20)
			}
			points = append(points, p)
		}
	}
	for _, size := range x.Sizes {
		points = append(points, exchangePoint{loop: x.loop(exchange.Stream, int(size), exchange.StreamWindow(int(size)))})
	}
	for _, beside := range []exchange.Background{
		exchange.Idle, exchange.Append, exchange.Snapshot, exchange.OneLane,
	} {
		points = append(points, exchangePoint{beat: &exchange.Beat{
			Background: beside, Every: time.Duration(x.HeartbeatEvery), Duration: time.Duration(x.Lanes),
			SnapshotBytes: int(x.Snapshot),
		}})
	}
	for _, again := range []bool{false, true} {
		points = append(points, exchangePoint{connect: &exchange.Connect{Count: x.Connections, Again: again}})
	}
	return points
}

func (x *Exchange) loop(mode exchange.Mode, size, inFlight int) *exchange.Loop {
	return &exchange.Loop{
		Mode: mode, SizeBytes: size, InFlight: inFlight,
		Warmup: time.Duration(x.Warmup), Duration: time.Duration(x.Duration),
	}
}

// planned estimates how long one run of one arm takes.
func (x *Exchange) planned() time.Duration {
	const (
		start   = 250 * time.Millisecond // of the processes, their end, and the connections
		between = 4 * time.Millisecond
		beside  = 60 * time.Millisecond // before and after heartbeats
	)
	total := start
	for _, p := range x.points() {
		switch {
		case p.skipped != "":
		case p.loop != nil:
			total += p.loop.Warmup + p.loop.Duration + between
		case p.beat != nil:
			total += p.beat.Duration + beside
		}
	}
	return total
}
