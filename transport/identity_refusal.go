package transport

import (
	"errors"

	"github.com/raftmark/raftmark/transport/identity"
)

// RefuseIdentity returns the refusal that an error of a TLS handshake stands for, or nil when it is not about the
// peer's certificate.
func RefuseIdentity(err error) error {
	var refused *identity.Error
	if !errors.As(err, &refused) {
		return nil
	}
	return Refused(refusalOfReason(refused.Reason), "%v", err)
}

func refusalOfReason(reason identity.Reason) Refusal {
	switch reason {
	case identity.ReasonNone:
		return RefusedNoCertificate
	case identity.ReasonCluster:
		return RefusedCluster
	case identity.ReasonRole:
		return RefusedRole
	case identity.ReasonExpired:
		return RefusedExpired
	case identity.ReasonSelfSigned:
		return RefusedSelfSigned
	case identity.ReasonAuthority:
		return RefusedAuthority
	case identity.ReasonRevoked:
		return RefusedRevoked
	case identity.ReasonNode:
		return RefusedNode
	case identity.ReasonMalformed:
		return RefusedIdentity
	default:
		return RefusedIdentity
	}
}
