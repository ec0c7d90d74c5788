package etcdclient

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/stats"

	"github.com/raftmark/raftmark/internal/clock"
)

// attempt is one call of the client, as gRPC sees it.
type attempt struct {
	sentAt atomic.Int64 // when the first request was handed to a connection; -1: none was
	sent   atomic.Int64 // requests handed to one: more than 1 when gRPC tried again
}

type attemptKey struct{}

// withAttempt returns a context whose call is noted in a.
func withAttempt(ctx context.Context, a *attempt) context.Context {
	a.sentAt.Store(-1)
	return context.WithValue(ctx, attemptKey{}, a)
}

// sendTimes notes when requests leave. It implements stats.Handler.
type sendTimes struct{ clock clock.Clock }

// HandleRPC notes the header of a request: it is given to the transport before anything of the payload is.
func (s sendTimes) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if _, is := event.(*stats.OutHeader); !is {
		return
	}
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		a.sentAt.CompareAndSwap(-1, int64(s.clock.Now()))
		a.sent.Add(1)
	}
}

// TagRPC implements stats.Handler.
func (sendTimes) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn implements stats.Handler.
func (sendTimes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (sendTimes) HandleConn(context.Context, stats.ConnStats) {}

// first returns when the first request was handed to a connection, or -1.
func (a *attempt) first() time.Duration { return time.Duration(a.sentAt.Load()) }
