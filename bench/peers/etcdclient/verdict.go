package etcdclient

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// verdict is what an answer says about the attempt it ends.
type verdict uint8

const (
	served     verdict = iota // done as asked
	conflicted                // not applied, because somebody else wrote: again, at once
	notApplied                // not applied: again, later and elsewhere
	unknown                   // may have been applied
	refused                   // not applied, and never will be
)

// classify reads an error. sent says that something of the request was given to a connection.
func classify(err error, sent bool) verdict {
	switch {
	case err == nil:
		return served
	case errors.Is(err, ErrCounter):
		return refused
	case !sent, errors.Is(err, rpctypes.ErrTooManyRequests), errors.Is(err, rpctypes.ErrNoLeader):
		return notApplied
	case errors.Is(err, rpctypes.ErrNoSpace):
		return refused
	}
	switch codeOf(err) { // of the server's checks before it proposes, or of what a state machine refuses
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition, codes.NotFound,
		codes.OutOfRange, codes.Unimplemented:
		return refused
	default:
		return unknown
	}
}

func codeOf(err error) codes.Code {
	var own rpctypes.EtcdError
	if errors.As(err, &own) {
		return own.Code()
	}
	return status.Code(err)
}
