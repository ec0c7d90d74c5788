package main

import (
	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/peers/etcdclient"
	"github.com/raftmark/raftmark/internal/loadcommand"
	"github.com/raftmark/raftmark/loadgen"
)

// newLoadCommand returns the load command, offered to etcd.
func newLoadCommand() *cobra.Command {
	at := etcdclient.AtLeader
	options := func(reach loadcommand.Reach) etcdclient.Options {
		return etcdclient.Options{Addrs: reach.Addrs, Conns: reach.Conns, Clock: reach.Clock, At: at}.WithDefaults()
	}
	return loadcommand.New(loadcommand.Destination{
		Short: "Offer load to an etcd cluster and measure what its users would feel, as raftmark load does",
		Long: `Offer load to an etcd cluster that runs, through its own client.

Schedules, workloads, deadlines, outcomes, verdicts and what is printed are those of raftmark load: the two can be put
side by side. GET and SET are a linearizable Get and a Put; CAS and INCR, which etcd has no commands for, are
transactions, and an INCR is tried again until nobody wrote in between. The client's own retries are off: what is tried
again is only what was definitely not applied, it counts as an attempt, and its time counts as waiting.

No TLS and no authentication. Every run has keys of its own, and they stay: etcd keeps each revision until it is told
to compact.

Exit code 5: the measurement did not hold its own conditions. Exit code 6: --verify missed acknowledged writes.`,
		Example: `  raftmark-peers load --etcd 127.0.0.1:2379,127.0.0.1:22379,127.0.0.1:32379 -r 5000/s -d 10s
  raftmark-peers load --etcd 127.0.0.1:2379 --at any -r max -c 64 --payload 1KiB --read-share 0.5
  raftmark-peers load --etcd 127.0.0.1:2379 --steps 1000/s:10s,2000/s:10s,4000/s:10s
  raftmark-peers load --etcd 127.0.0.1:2379 --workload ycsb-f -r 2000/s
  raftmark-peers load --etcd 127.0.0.1:2379 --verify --history history.csv.gz`,
		AddressFlag:  "etcd",
		AddressUsage: "client addresses of the servers, host:port, comma separated (required)",
		Bind: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&at, "at", at, "where operations go: leader, or any: all servers in turn")
		},
		Check: func(reach loadcommand.Reach, _ loadgen.Options) error {
			if len(reach.Addrs) == 0 {
				return nil // said already
			}
			return options(reach).Validate()
		},
		Open: func(reach loadcommand.Reach) (loadcommand.Target, error) {
			target, err := etcdclient.New(options(reach))
			return etcdTarget{target}, err
		},
	})
}

// etcdTarget is an etcdclient.Target that says its settings.
type etcdTarget struct{ *etcdclient.Target }

// Settings implements loadcommand.Target.
func (t etcdTarget) Settings() any { return t.Options().Settings() }
