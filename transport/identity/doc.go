// Package identity says who a node is, with certificates: an [Authority] issues one [Identity] a node, and an Identity
// configures TLS 1.3 so that both ends know which node of which cluster the other one is.
//
//	folder, err := identity.CreateFolder(dir, "orders", identity.AuthorityLifetime)    // ca.crt, ca.key
//	entry, err := folder.Issue(identity.PeerName("orders", 1), identity.NodeLifetime)  // node-1.crt, node-1.key
//	node1, err := identity.Open(identity.Options{Files: identity.FilesIn(dir, 1)})
//
// A certificate names its holder in exactly one URI of its subject alternative names,
//
//	raftmark://<cluster>/peer/<id>        a node: [RolePeer]
//	raftmark://<cluster>/client/<name>    who uses the cluster: [RoleClient]
//	raftmark://<cluster>/authority        who vouches for the others: [RoleAuthority]
//
// and nothing else: hosts and addresses are not part of who a node is, so they may change. Keys are ECDSA P-256. A
// certificate of another tool serves as well if it carries the URI.
//
//	ca.crt, node-1.crt, node-1.key, revoked.txt
//	     │ read each RereadInterval; contents compared
//	     ▼
//	usable? ── no, twice ─► logged, counted, nothing changes
//	     │ yes
//	     ▼
//	the new state: handshakes from now on ─► connections of revoked or ended certificates are closed ([Identity.Guard])
//
// # Invariants
//
//  1. A TLS connection made with these configurations is TLS 1.3. Both sides presented a certificate of a node of the
//     same cluster, for both uses, that an authority of ca.crt vouches for, that is valid now and not revoked. The
//     authorities of the system count for nothing.
//  2. The dialing side knows in advance which node it wants and accepts no other; the accepting side learns the
//     node with [PeerOf].
//  3. A resumed connection is checked like a new one, with the certificate of the session. Tickets of another process,
//     or from before any of the files changed, are void; there is no early data.
//  4. The cluster and the node of an Identity never change.
//
// # Obligations of the caller
//
//  1. Give each connection to [Identity.Guard], and call what it returns when the connection has ended.
//  2. Call Close on an identity that was opened.
//
// Each refusal is an [Error] with a [Reason], so that it can be counted for itself.
//
// It is small on purpose: one level of authorities, whose keys lie in plain files of mode 0600, a list of what is
// revoked that is a file, too, and no protocol to distribute them.
package identity
