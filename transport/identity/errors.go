package identity

import (
	"errors"
	"fmt"
)

// ErrIdentity is matched by every *Error, with errors.Is.
var ErrIdentity = errors.New("certificate does not identify the peer")

// Reason says why a certificate is refused. Each is counted for itself.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	// ReasonNone: there is no certificate.
	ReasonNone Reason = "no_certificate"
	// ReasonMalformed: the certificate does not say whose it is.
	ReasonMalformed Reason = "malformed"
	// ReasonCluster: it is of another cluster.
	ReasonCluster Reason = "cluster"
	// ReasonRole: it is not one of a node, or not for both ends of a connection.
	ReasonRole Reason = "role"
	// ReasonExpired: it is not valid any more, or not yet.
	ReasonExpired Reason = "expired"
	// ReasonSelfSigned: it is signed with its own key.
	ReasonSelfSigned Reason = "self_signed"
	// ReasonAuthority: no authority that is trusted vouches for it.
	ReasonAuthority Reason = "authority"
	// ReasonRevoked: it, or its authority, was revoked.
	ReasonRevoked Reason = "revoked"
	// ReasonNode: it is of another node than the one that was dialed.
	ReasonNode Reason = "node"
)

// Error says why a certificate is refused.
type Error struct {
	Reason Reason
	// Detail says what was found and what was expected.
	Detail string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%v: %s: %s", ErrIdentity, e.Reason, e.Detail) }

// Is matches ErrIdentity.
func (e *Error) Is(target error) bool { return target == ErrIdentity }

func refuse(reason Reason, format string, args ...any) error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// reasonOf returns the reason that err wraps, or "".
func reasonOf(err error) Reason {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return ""
}
