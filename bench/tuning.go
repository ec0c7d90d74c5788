package bench

import (
	"regexp"
	"slices"

	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/transport"
)

// Tuning are settings that only some transports have, by the names they have in server.Config. With another transport
// they are refused, so that an axis never compares a setting with itself.
type Tuning struct {
	// Congestion is the congestion control of transport tcp and tls by the kernel's name for it, such as cubic or bbr;
	// Linux only. Default: the kernel's.
	Congestion string `yaml:"congestion,omitempty"`
	// AppendStreams is the number of streams over which transport quic spreads the append lane, 1 to 8. Default 1.
	// More: a lost packet holds back fewer messages, which may arrive out of order.
	AppendStreams int `yaml:"append_streams,omitempty"`
	// HeartbeatDatagrams has transport quic send heartbeats as datagrams. Default false: on a stream.
	HeartbeatDatagrams bool `yaml:"heartbeat_datagrams,omitempty"`
}

var congestionName = regexp.MustCompile(`^[a-z0-9_-]{1,15}$`)

func (s Scenario) validateTransport(f *faults) {
	transports := []string{server.TransportTCP, server.TransportTLS, server.TransportQUIC}
	if s.Placement == PlacementInproc {
		transports = append(transports, server.TransportMem)
	}
	f.oneOf("transport", s.Transport, transports...)
	overTCP := slices.Contains([]string{server.TransportTCP, server.TransportTLS}, s.Transport)
	t := s.Tuning
	f.need(t == Tuning{} || s.Placement == PlacementProcess, "placement", quoted(s.Placement),
		"%s with congestion, append_streams or heartbeat_datagrams", PlacementProcess)
	f.need(t.Congestion == "" || congestionName.MatchString(t.Congestion), "congestion", quoted(t.Congestion),
		"1 to 15 of a-z, 0-9, '-' and '_'")
	f.need(t.Congestion == "" || overTCP, "congestion", quoted(t.Congestion),
		"left out with transport %s, which has its own", s.Transport)
	f.need(t.AppendStreams >= 0 && t.AppendStreams <= transport.AppendStreamsMax, "append_streams", t.AppendStreams,
		"1 to %d", transport.AppendStreamsMax)
	f.need(t.AppendStreams <= 1 || s.Transport == server.TransportQUIC, "append_streams", t.AppendStreams,
		"1 unless transport is quic")
	f.need(!t.HeartbeatDatagrams || s.Transport == server.TransportQUIC, "heartbeat_datagrams", t.HeartbeatDatagrams,
		"false unless transport is quic")
}
