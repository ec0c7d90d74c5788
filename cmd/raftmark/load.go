package main

import (
	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/loadcommand"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp"
)

// newLoadCommand returns the load command, offered to the Redis protocol.
func newLoadCommand() *cobra.Command {
	return loadcommand.New(loadcommand.Destination{
		Short: "Offer load to any server of the Redis protocol and measure what its users would feel",
		Long: `Offer load to a cluster, or to any server of the Redis protocol.

The loop is open: operations are due on a schedule, and the response time counts from then, whatever the generator,
the connection or the server did meanwhile. --closed, or --rate max, measures service time with waiting clients instead.

Every operation ends ok, failed (definitely not applied), unknown or shed (over --max-inflight). Those that are not ok
enter the response percentiles at their deadline, so that no error improves a figure.

--workload takes a preset (ycsb-a, -b, -c, -d, -f) or a YAML file; other flags overrule what it says. CAS, which --mix
and ycsb-f can ask for, is a command of raftmark's own nodes, and none of a Redis server.

Exit code 5: the measurement did not hold its own conditions. Exit code 6: --verify missed acknowledged writes.`,
		Example: `  raftmark load --targets 127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003 -r 5000/s -d 10s
  raftmark load --targets 127.0.0.1:7001 -r max -c 64 --payload 1KiB --read-share 0.5
  raftmark load --targets 127.0.0.1:7001 --steps 1000/s:10s,2000/s:10s,4000/s:10s
  raftmark load --targets 127.0.0.1:7001 --ramp 100/s..5000/s -d 30s --spacing poisson --payload 64B..4KiB
  raftmark load --targets 127.0.0.1:7001 --workload ycsb-a -r 2000/s
  raftmark load --targets 127.0.0.1:7001 --verify --history history.csv.gz`,
		AddressFlag:  "targets",
		AddressUsage: "client addresses, host:port, comma separated (required)",
		Check: func(reach loadcommand.Reach, _ loadgen.Options) error {
			if len(reach.Addrs) == 0 {
				return nil // said already
			}
			return respOptions(reach).Validate()
		},
		Open: func(reach loadcommand.Reach) (loadcommand.Target, error) {
			target, err := resp.New(respOptions(reach))
			return respTarget{target}, err
		},
	})
}

func respOptions(reach loadcommand.Reach) resp.Options {
	return resp.Options{Addrs: reach.Addrs, Conns: reach.Conns, Clock: reach.Clock}.WithDefaults()
}

// respTarget is a resp.Target that says its settings.
type respTarget struct{ *resp.Target }

// Settings implements loadcommand.Target.
func (t respTarget) Settings() any { return t.Options() }
