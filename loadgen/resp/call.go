package resp

import (
	"time"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/loadgen"
)

// call is an operation under way, or a probe. It has one owner at a time: the waiting list, or a connection.
type call struct {
	op   *loadgen.Op // nil: a probe
	done func(*loadgen.Op)

	queued  time.Duration // handed to a connection, this attempt
	retryAt time.Duration // after a TRYAGAIN
	backoff time.Duration
}

// isWrite says that an unanswered attempt may have had an effect.
func (c *call) isWrite() bool { return c.op != nil && c.op.Kind == loadgen.Set }

func (c *call) bytes() int64 { return int64(len(c.op.Key) + len(c.op.Value)) }

// appendRequest encodes the call.
func (c *call) appendRequest(b []byte, probeKey string) []byte {
	switch {
	case c.op == nil:
		b = redcon.AppendArray(b, 2)
		b = redcon.AppendBulkString(b, "GET")
		return redcon.AppendBulkString(b, probeKey)
	case c.op.Kind == loadgen.Set:
		b = redcon.AppendArray(b, 3)
		b = redcon.AppendBulkString(b, "SET")
		b = redcon.AppendBulk(b, c.op.Key)
		return redcon.AppendBulk(b, c.op.Value)
	default:
		b = redcon.AppendArray(b, 2)
		b = redcon.AppendBulkString(b, "GET")
		return redcon.AppendBulk(b, c.op.Key)
	}
}

// keep copies what a GET read into the operation.
func (c *call) keep(reply redcon.RESP) {
	if c.op.Kind != loadgen.Get {
		return
	}
	if reply.Type == redcon.Bulk && reply.Data == nil {
		c.op.Value = nil
		return
	}
	if c.op.Value == nil {
		c.op.Value = make([]byte, 0, len(reply.Data))
	}
	c.op.Value = append(c.op.Value[:0], reply.Data...)
}
