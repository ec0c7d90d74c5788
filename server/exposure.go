package server

import (
	"fmt"

	"github.com/raftmark/raftmark/transport"
)

// exposures returns what of the node can be reached, read and changed from other machines by anybody, as text: ports
// outside of the loopback network that neither encrypt nor ask who is there. There are none unless Config.Insecure.
func (c Config) exposures() []string {
	var all []string
	outside := func(address string) bool { return address != "" && transport.CheckLoopback(address) != nil }
	if c.Transport == TransportTCP {
		if outside(c.PeerListen) {
			all = append(all, fmt.Sprintf("peer port %s: plaintext, any process can speak for a node", c.PeerListen))
		}
		for _, id := range sortedIDs(c.Peers) {
			if address := c.Peers[id].Peer; id != c.Node && outside(address) {
				all = append(all, fmt.Sprintf("connections to node %d at %s: plaintext", id, address))
			}
		}
	}
	if outside(c.ClientListen) {
		all = append(all, fmt.Sprintf("client port %s: no password, plaintext", c.ClientListen))
	}
	if outside(c.AdminListen) {
		all = append(all, fmt.Sprintf("admin port %s: no password, plaintext, can change the membership", c.AdminListen))
	}
	return all
}

// warnOfExposures says at the start what anybody can do.
func (n *Node) warnOfExposures() {
	for _, exposure := range n.config.exposures() {
		n.config.Logger.Warn("insecure", "node", uint64(n.config.Node), "exposed", exposure)
	}
}

// checkPlaintext returns why nodes of this configuration do not connect to a peer at that address, or nil.
func (c Config) checkPlaintext(address string) error {
	if c.Transport != TransportTCP || c.Insecure {
		return nil
	}
	return transport.CheckLoopback(address)
}
