// Package control asks running nodes, through their admin ports, to do things: change the membership, hand leadership
// over, compact the log. It finds the leader by itself.
//
//	Client ── GET /members ──► any node ──► who leads, and where its admin port is
//	       ── POST /members, /transfer ──► the leader
//	       ── POST /snapshot ──► the node that is meant
//
// The smallest use:
//
//	c := control.New("127.0.0.1:7201")
//	err := c.Add(ctx, server.MemberChange{ID: 4, Peer: server.Peer{Peer: "127.0.0.1:7104"}}, nil)
//
// # Errors
//
// A [server.AdminError] is the node's own refusal: nothing was done, unless its Code is unknown. Refusals that pass by
// themselves (no leader, another one, a term that has just begun, a transfer under way) are tried again until the
// context ends. What was sent and not answered is an error that wraps [ErrUnknown].
//
// # What it does not do
//
// It asks nobody for a password: admin ports are on the loopback network only.
package control
