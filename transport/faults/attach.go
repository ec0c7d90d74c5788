package faults

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// synBytes is about what it takes to open a connection.
const synBytes = 60

// Dial makes a connection to a peer with dial, as late as the link allows: while it is cut either way, not before ctx
// ends.
func (l *Links) Dial(
	ctx context.Context, peer raft.NodeID, lane string, dial func(context.Context) (net.Conn, error),
) (net.Conn, error) {
	if l == nil {
		return dial(ctx)
	}
	who := link{peer: peer, lane: lane}
	if err := l.awaitLink(ctx, who); err != nil {
		return nil, err
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	return l.wrap(conn, who), nil
}

// awaitLink waits for the time of a round trip on a link that is not cut.
func (l *Links) awaitLink(ctx context.Context, who link) error {
	there, back := who, who
	there.direction, back.direction = Out, In
	var due time.Time
	if rs := l.inForce.Load(); rs != nil {
		due = rs.schedule(back, synBytes, rs.schedule(there, synBytes, time.Now()).due).due
	}
	for {
		rs := l.inForce.Load()
		if rs == nil {
			return nil
		}
		until := due
		switch {
		case rs.cut(there) || rs.cut(back):
			until = time.Time{}
		case !rs.fit(there) && !rs.fit(back) || !time.Now().Before(due):
			return nil
		}
		waitFor(until, nil, rs.changed, ctx.Done())
		if ctx.Err() != nil {
			return fmt.Errorf("link held back: %w", context.Cause(ctx))
		}
	}
}

// Accepted returns an accepted connection with the faults of its link. Whose it is says Greeted.
func (l *Links) Accepted(conn net.Conn) net.Conn {
	if l == nil {
		return conn
	}
	return l.wrap(conn, link{})
}

// Greeted says who is at the other end of a connection of Accepted, and on which lane. It returns when the link of that
// peer lets the greeting through, or with the error of a read that it did not.
func Greeted(conn net.Conn, peer raft.NodeID, lane string) error {
	if c, ok := conn.(*Conn); ok {
		return c.greeted(peer, lane)
	}
	return nil
}

// WriteBuffers writes b to conn as net.Buffers does, also when conn has faults.
func WriteBuffers(conn net.Conn, b *net.Buffers) (int64, error) {
	if c, ok := conn.(*Conn); ok {
		return c.writeBuffers(b)
	}
	return b.WriteTo(conn)
}
