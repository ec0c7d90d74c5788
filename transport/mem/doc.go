// Package mem carries messages within one process: for tests, and as the control arm that a network is
// compared with.
//
//	network := mem.NewNetwork()
//	t1, err := network.Transport(transport.Options{Self: 1, Cluster: "c", Peers: peers})
//
// Queues, senders, admission and hints are those of the other transports; only greeting and bytes are left
// out: a batch of messages is handed to the receiving node's goroutine, which delivers it. The delivered
// spans and chunks are the sender's own.
//
// Addresses are names: any non-empty one in Options.Peers will do, since nodes are found by their id, and
// no peer moves.
//
// [Network.SetLink] cuts one direction of a link. Nobody is told: messages vanish, as in a network that
// loses packets, and connections stay. A connection cannot be made over a link that is cut in that
// direction.
package mem
