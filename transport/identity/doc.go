// Package identity says who a node is, with certificates: an [Authority] issues one [Identity] a node, and an Identity
// configures TLS 1.3 so that both ends know which node of which cluster the other one is.
//
//	authority, err := identity.NewAuthority("orders")
//	node1, err := authority.Issue(1)
//	err = node1.WriteFiles(dir)        // ca.crt, node-1.crt, node-1.key
//
// A node's certificate names it in exactly one URI of its subject alternative names,
//
//	raftmark://<cluster>/node/<id>
//
// and nothing else: hosts and addresses are not part of who a node is, so they may change. Keys are ECDSA P-256.
//
// Invariants:
//
//  1. A TLS connection made with these configurations is TLS 1.3, both sides presented a certificate of the same
//     authority, for both uses, and both name the same cluster.
//  2. The dialing side knows in advance which node it wants and accepts no other; the accepting side learns the
//     node with [PeerOf].
//
// The authority is meant for development and tests: no revocation, one level, keys in plain files. A certificate of
// another tool serves as well if it carries the URI.
package identity
