package transport

import (
	"errors"
	"fmt"
)

// Sentinels, matched with errors.Is. A closed transport answers with raft.ErrClosed.
var (
	// ErrStarted says that Start was called a second time.
	ErrStarted = errors.New("transport already started")
	// ErrPlaintext says that an address outside of the loopback network was given without an identity.
	ErrPlaintext = errors.New("plaintext is allowed on loopback addresses only")
	// ErrUnreachable says that nothing can be connected to at an address.
	ErrUnreachable = errors.New("address is a wildcard or without a port")
	// ErrIdentityRequired says that a transport that always encrypts was given no identity.
	ErrIdentityRequired = errors.New("identity required")
)

// Refusal says why a connection was refused or closed. Its values are part of the wire format.
type Refusal uint8

const (
	// RefusedNone is no refusal.
	RefusedNone Refusal = 0
	// RefusedVersion: the peer speaks another version of the protocol.
	RefusedVersion Refusal = 1
	// RefusedCluster: the peer belongs to another cluster.
	RefusedCluster Refusal = 2
	// RefusedNode: the peer was looking for, or is, another node than the one at this address.
	RefusedNode Refusal = 3
	// RefusedSelf: the peer says that it is this node.
	RefusedSelf Refusal = 4
	// RefusedUnknownPeer: the peer is not in Options.Peers, and Options.PeersOnly is set.
	RefusedUnknownPeer Refusal = 5
	// RefusedStale: a newer incarnation of the peer is connected.
	RefusedStale Refusal = 6
	// RefusedIdentity: the peer's certificate is missing, not trusted, or names another node or cluster.
	RefusedIdentity Refusal = 7
	// RefusedMalformed: a frame or a message could not be decoded.
	RefusedMalformed Refusal = 8
	// RefusedFrom: a message was not from the peer of its connection, or not to this node.
	RefusedFrom Refusal = 9
	// RefusedTimeout: the greeting took longer than Options.HandshakeTimeout.
	RefusedTimeout Refusal = 10
	// RefusedCrowd: too many greetings were under way, or Options.LearnedPeersMax peers are connected that are not in
	// Options.Peers.
	RefusedCrowd Refusal = 11
	// RefusedRemoved: the peer was removed from the cluster; see SetPeers.
	RefusedRemoved Refusal = 12
	// RefusedDisk: Options.Admit knew the node with another disk. A node that lost its disk must join under a new id.
	RefusedDisk Refusal = 13
	// RefusedAddress: the peer is not in Options.Peers, and the address that it advertises cannot be answered at.
	RefusedAddress Refusal = 14
	// RefusedLife: Options.Admit knew a later start of the node, or another line of starts: its data folder was rolled
	// back or copied.
	RefusedLife Refusal = 15
	// RefusedUndecided: Options.Admit could not decide, because of an error of its own.
	RefusedUndecided Refusal = 16
	// RefusedAddressCrowd: the peer's IP address had too many connections or greetings under way; see
	// Options.ConnectionsPerAddressMax and Options.GreetingsPerAddressMax.
	RefusedAddressCrowd Refusal = 17
	// RefusedSlow: a frame that had begun came slower than Options.BodyRateMin.
	RefusedSlow Refusal = 18
	// RefusedNoCertificate: the peer showed no certificate.
	RefusedNoCertificate Refusal = 19
	// RefusedAuthority: no authority that this node trusts vouches for the peer's certificate.
	RefusedAuthority Refusal = 20
	// RefusedSelfSigned: the peer's certificate is signed with its own key.
	RefusedSelfSigned Refusal = 21
	// RefusedExpired: the peer's certificate is not valid any more, or not yet.
	RefusedExpired Refusal = 22
	// RefusedRevoked: the peer's certificate, or its authority's, is on the list of revoked ones.
	RefusedRevoked Refusal = 23
	// RefusedRole: the peer's certificate is not one of a node: that of a client, for example.
	RefusedRole Refusal = 24
	// RefusedFeature: the peer requires a feature that this node does not know.
	RefusedFeature Refusal = 25
	// RefusedDuplicate: two processes of the same incarnation are alive and say that they are the peer.
	RefusedDuplicate Refusal = 26
)

// RefusalCount is one more than the largest Refusal.
const RefusalCount = 27

var refusalNames = [RefusalCount]string{
	"none", "version", "cluster", "node", "self", "unknown_peer", "stale_incarnation", "identity", "malformed",
	"from", "timeout", "crowd", "removed", "disk", "address",
	"life", "undecided", "address_crowd", "slow",
	"no_certificate", "authority", "self_signed", "expired", "revoked", "role", "feature", "duplicate",
}

// Advice says what the refused side can do about it, or nothing.
func (r Refusal) Advice() string {
	switch r {
	case RefusedRemoved:
		return "this node was removed from the cluster, and its id is never used again"
	case RefusedDisk:
		return "this node was known with another disk; a wiped node must join under a new id"
	case RefusedLife:
		return "this node's data folder was rolled back or copied: its peers know a later life of it; " +
			"it must join under a new id"
	case RefusedIdentity, RefusedNoCertificate, RefusedAuthority, RefusedSelfSigned, RefusedExpired, RefusedRevoked,
		RefusedRole:
		return "it does not accept this node's certificate; its log says why, see also raftmark certs show"
	case RefusedVersion, RefusedFeature:
		return "the two speak no common version of the protocol; the peer's log says which it speaks"
	case RefusedDuplicate:
		return "another process runs as this node; stop one of them"
	case RefusedAddress:
		return "the address that this node advertises cannot be answered at; set Options.Advertise"
	default:
		return ""
	}
}

// String returns the refusal's name, which is also its key in [Metrics].
func (r Refusal) String() string {
	if int(r) < len(refusalNames) {
		return refusalNames[r]
	}
	return fmt.Sprintf("Refusal(%d)", uint8(r))
}

// RefusedError says that a connection was refused, by this node or by its peer.
type RefusedError struct {
	Reason Refusal
	// Detail says what was found and what was expected; it may be empty.
	Detail string
	// ByPeer says that the peer decided so.
	ByPeer bool
}

// Refused returns a *RefusedError with a formatted detail.
func Refused(reason Refusal, format string, args ...any) error {
	return &RefusedError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Error returns "refused: <reason>: <detail>", or "refused by peer: ...".
func (e *RefusedError) Error() string {
	text := "refused: "
	if e.ByPeer {
		text = "refused by peer: "
	}
	text += e.Reason.String()
	if e.Detail == "" {
		return text
	}
	return text + ": " + e.Detail
}

// ReasonOf returns the refusal that err wraps, whoever decided so, or RefusedNone.
func ReasonOf(err error) Refusal {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return RefusedNone
}

// OwnReasonOf returns the refusal that err wraps, if this node decided so, or RefusedNone.
func OwnReasonOf(err error) Refusal {
	var refused *RefusedError
	if errors.As(err, &refused) && !refused.ByPeer {
		return refused.Reason
	}
	return RefusedNone
}

// Drop says why a message was not sent.
type Drop uint8

const (
	// DropUnknownPeer: Message.To is neither in Options.Peers nor a learned peer, or was removed while the message
	// waited.
	DropUnknownPeer Drop = 0
	// DropQueueFull: the queue of the peer and lane held QueueMessagesMax messages or QueueBytesMax bytes.
	DropQueueFull Drop = 1
	// DropTooLarge: the message does not fit in a frame of FrameBytesMax.
	DropTooLarge Drop = 2
	// DropDisconnected: the peer could not be reached, or the connection broke while the message was written.
	DropDisconnected Drop = 3
	// DropClosed: the transport was closed, or not yet started.
	DropClosed Drop = 4
	// DropCut: the link was cut on purpose.
	DropCut Drop = 5
)

// DropCount is one more than the largest Drop.
const DropCount = 6

var dropNames = [DropCount]string{
	"unknown_peer", "queue_full", "too_large", "disconnected", "closed", "cut",
}

// String returns the reason's name, which is also its key in [Metrics].
func (d Drop) String() string {
	if int(d) < len(dropNames) {
		return dropNames[d]
	}
	return fmt.Sprintf("Drop(%d)", uint8(d))
}
