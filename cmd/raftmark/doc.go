// Command raftmark runs, breaks and measures Raft clusters.
//
//	raftmark bench [SCENARIO.yaml|name ...]   run an experiment, then render its report
//	raftmark report DIR                       render again from stored results
//	raftmark compare BASE NEW                 better, worse or cannot resolve, metric by metric
//	raftmark publish DIR... -o SITE           a static site of results, with an index, trends and checksums
//	raftmark verify FILE.md...                the figures that texts quote, against the results they are of
//	raftmark calibrate                        what this disk, network and clock can do
//	raftmark load --targets host:port,...     the load generator alone, against any RESP server
//	raftmark check HISTORY|DIR                lost writes, linearizability, equal logs
//	raftmark list                             scenarios, faults, systems, transports, storages
//	raftmark node                             one node
//	raftmark cluster up|add|remove|status|down     a local cluster to play with
//	raftmark ctl status|members|transfer|snapshot  talk to a running cluster
//	raftmark certs                            an authority and certificates: init issue renew revoke rotate show
//	raftmark sim                              the Raft core in a simulated cluster, from seeds
//	raftmark trace DIR                        draw what the nodes did; --seed and --script draw a simulated cluster
//
// Each subcommand is in the file of its name; --help on each says what its flags mean.
//
// Exit codes: 0 ok, 1 run error, 2 usage or configuration, 3 regression or threshold failed, 4 cannot resolve,
// 5 invalid measurement, 6 safety violation, 74 the disk of a node failed (EX_IOERR; its log, its event storage_failed
// and its last line say how), 130 interrupted.
//
// The command line only: flags in, packages called, exit code out. A local cluster to play with:
//
//	raftmark cluster up -n 3
//	redis-cli -c -p PORT set greeting hello
//	raftmark cluster status
//	raftmark cluster add
//	raftmark cluster down
package main
