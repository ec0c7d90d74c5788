package server

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

// Encode returns the three addresses as the text that raft.Member.Address carries, in every log of the cluster:
//
//	peer=127.0.0.1:7101,client=127.0.0.1:7001,admin=127.0.0.1:7201
//
// in this order; an address that is empty is left out. Priority is not part of it: raft.Member has it.
func (p Peer) Encode() string {
	var parts []string
	for _, a := range p.addresses() {
		if *a.address != "" {
			parts = append(parts, a.kind+"="+*a.address)
		}
	}
	return strings.Join(parts, ",")
}

// DecodePeer is the inverse of Encode. A key that it does not know, or one that comes twice, is an error.
func DecodePeer(text string) (Peer, error) {
	var p Peer
	if text == "" {
		return p, nil
	}
	known := p.addresses()
	for part := range strings.SplitSeq(text, ",") {
		kind, address, _ := strings.Cut(part, "=")
		found := false
		for _, a := range known {
			if a.kind == kind && *a.address == "" && address != "" {
				*a.address, found = address, true
			}
		}
		if !found {
			return Peer{}, fmt.Errorf("address %.200q: %.80q, want peer=, client= and admin=host:port, each once", text, part)
		}
	}
	return p, nil
}

// addressOf is one of the addresses of a Peer.
type addressOf struct {
	kind    string
	address *string
}

func (p *Peer) addresses() [3]addressOf {
	return [3]addressOf{{"peer", &p.Peer}, {"client", &p.Client}, {"admin", &p.Admin}}
}

// bootstrap returns the configuration that the cluster begins with: all peers vote. It is empty for a node
// that joins.
func (c Config) bootstrap() raft.Configuration {
	var b raft.Configuration
	if c.Join {
		return b
	}
	for _, id := range sortedIDs(c.Peers) {
		p := c.Peers[id]
		b.Members = append(b.Members, raft.Member{ID: id, Voter: true, Priority: p.Priority, Address: p.Encode()})
		b.LastID = id
	}
	return b
}
