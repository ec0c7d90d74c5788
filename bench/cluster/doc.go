// Package cluster starts n nodes on this machine and breaks them on purpose.
//
//	Options ──► Start ──► DIR/node-1/ node.yaml  node.log  data/ ...     one process a node:
//	                      DIR/node-2/ ...                                raftmark node --config node.yaml
//	                      DIR/tls/    certificates, for tls and quic
//	Cluster ──► Leader, Events, AddNode, RemoveNode, Transfer, Control, Close
//	Node    ──► Kill, Stop, Pause, Resume, Restart, HandOver, Status
//
// The smallest use:
//
//	c, err := cluster.Start(ctx, cluster.Options{Nodes: 3, Dir: dir})
//	defer c.Close()
//	leader, err := c.Leader(ctx)
//	commanded, effective, err := leader.Kill()
//	err = leader.Restart(ctx)
//
// AddNode starts one more process, which joins, and waits until it votes. Whoever wants the steps one by
// one, or several nodes in one change, takes StartJoining, then what [control.Client] offers, and Retire
// for those that were removed.
//
// Ports are taken from below the range that the system hands out by itself, so that a node that is started
// again finds its own free; a folder that is used again has the ports of before. Each child is in a process
// group of its own: an interrupt at the terminal reaches this process only, which then ends the children in
// order. A child also watches its standard input, a pipe from this process, and stops when it ends: so the
// children end with this process even when that is killed.
//
// # Obligations of the caller
//
//  1. Close what Start returned.
//  2. Times are of internal/clock: all processes of the machine share them.
//
// # Invariants
//
//  1. When Start fails or Close returns, no child is left.
//  2. Nothing here deletes data: a folder that was used before is used again, by the same number of
//     nodes at the begin, and by those that were added. The folder of a node that was removed has a file
//     REMOVED, and is not used again.
//  3. A child that ends without having been told to is an error that shows the last lines of its log.
//
// # What it does not do
//
// It puts no network between the nodes: they talk over loopback.
package cluster
