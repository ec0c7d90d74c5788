package etcdclient

import (
	"context"
	"fmt"
	"io"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What may have been applied is never called not applied: every error that is not known to be definite is unknown.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  error
		sent bool
		want verdict
	}{
		{nil, true, served},
		{io.EOF, false, notApplied},
		{context.DeadlineExceeded, false, notApplied},
		{status.Error(codes.Unavailable, "connection refused"), false, notApplied},
		{rpctypes.ErrTooManyRequests, true, notApplied},
		{rpctypes.ErrNoLeader, true, notApplied},
		{rpctypes.ErrRequestTooLarge, true, refused},
		{rpctypes.ErrNoSpace, true, refused},
		{rpctypes.ErrPermissionDenied, true, refused},
		{rpctypes.ErrEmptyKey, true, refused},
		{fmt.Errorf("%w: x", ErrCounter), true, refused},
		{rpctypes.ErrTimeout, true, unknown},
		{rpctypes.ErrTimeoutDueToLeaderFail, true, unknown},
		{rpctypes.ErrLeaderChanged, true, unknown},
		{rpctypes.ErrStopped, true, unknown},
		{status.Error(codes.Unavailable, "transport is closing"), true, unknown},
		{status.Error(codes.Unknown, "raft proposal dropped"), true, unknown},
		{status.Error(codes.ResourceExhausted, "received message larger than max"), true, unknown},
		{context.DeadlineExceeded, true, unknown},
		{context.Canceled, true, unknown},
	} {
		if got := classify(c.err, c.sent); got != c.want {
			t.Errorf("classify(%v, sent %v) = %d, want %d", c.err, c.sent, got, c.want)
		}
	}
}
