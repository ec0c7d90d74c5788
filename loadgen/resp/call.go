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
func (c *call) isWrite() bool { return c.op != nil && c.op.Kind.Writes() }

func (c *call) bytes() int64 { return int64(len(c.op.Key) + len(c.op.Value) + len(c.op.Old)) }

// appendRequest encodes the call.
func (c *call) appendRequest(b []byte, probeKey string) []byte {
	switch {
	case c.op == nil:
		return redcon.AppendBulkString(appendCommand(b, "GET", 1), probeKey)
	case c.op.Kind == loadgen.Set:
		b = redcon.AppendBulk(appendCommand(b, "SET", 2), c.op.Key)
		return redcon.AppendBulk(b, c.op.Value)
	case c.op.Kind == loadgen.Incr:
		return redcon.AppendBulk(appendCommand(b, "INCR", 1), c.op.Key)
	case c.op.Kind == loadgen.CAS:
		b = redcon.AppendBulk(appendCommand(b, "CAS", 3), c.op.Key)
		b = redcon.AppendBulk(b, c.op.Old)
		return redcon.AppendBulk(b, c.op.Value)
	default:
		return redcon.AppendBulk(appendCommand(b, "GET", 1), c.op.Key)
	}
}

func appendCommand(b []byte, name string, args int) []byte {
	return redcon.AppendBulkString(redcon.AppendArray(b, 1+args), name)
}

// keep takes what the answer says into the operation.
func (c *call) keep(reply redcon.RESP) {
	switch c.op.Kind {
	case loadgen.Set:
	case loadgen.Incr:
		c.op.Number = -1 // no server of the protocol answers anything but a number
		if reply.Type == redcon.Integer {
			c.op.Number = reply.Int()
		}
	case loadgen.CAS:
		c.op.Swapped = reply.Type == redcon.Integer && reply.Int() == 1
	case loadgen.Get:
		c.keepValue(reply)
	}
}

func (c *call) keepValue(reply redcon.RESP) {
	if reply.Type == redcon.Bulk && reply.Data == nil {
		c.op.Value = nil
		return
	}
	if c.op.Value == nil {
		c.op.Value = make([]byte, 0, len(reply.Data))
	}
	c.op.Value = append(c.op.Value[:0], reply.Data...)
}
