package server

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server/resp"
)

// op is a command about keys on its way through the log. Reads go that way, too: so they are linearizable.
type op struct {
	call     resp.Call
	proposal replica.Proposal
	commands *commands
}

// propose hands the command over to the replica; its reply takes its turn on the connection. Requests of a connection
// are proposed, and so applied, in the order in which they came.
func (s *commands) propose(c *resp.Conn, data []byte) {
	if o := s.newOp(data); c.Begin(&o.call, o, len(data)) {
		s.node.replica.Propose(&o.proposal)
	}
}

// proposeRead is propose for a command that replies with values.
func (s *commands) proposeRead(c *resp.Conn, data []byte) {
	if o := s.newOp(data); c.BeginRead(&o.call, o, len(data)) {
		s.node.replica.Propose(&o.proposal)
	}
}

func (s *commands) newOp(data []byte) *op {
	o := &op{commands: s}
	o.proposal.Data = data
	o.proposal.Done = o.done
	return o
}

// done runs on one of the replica's goroutines: the reply is made later, on the connection's.
func (o *op) done(p *replica.Proposal) { o.call.Complete(len(p.Result)) }

// AppendReply implements resp.Replier.
func (o *op) AppendReply(dst []byte, p resp.Protocol) []byte {
	if o.proposal.Err != nil {
		return resp.AppendError(dst, o.commands.refusal(&o.proposal))
	}
	reply, err := kv.DecodeReply(o.proposal.Result)
	if err != nil {
		return resp.AppendError(dst, "ERR applied, but its reply cannot be decoded: "+err.Error())
	}
	return appendReply(dst, reply, p)
}

func appendReply(dst []byte, r kv.Reply, p resp.Protocol) []byte {
	switch r.Kind {
	case kv.ReplyNil:
		return resp.AppendNull(dst, p)
	case kv.ReplyOK:
		return resp.AppendOK(dst)
	case kv.ReplyInt:
		return resp.AppendInt(dst, r.Int)
	case kv.ReplyBulk:
		return resp.AppendBulk(dst, r.Bulk)
	case kv.ReplyArray:
		dst = resp.AppendArray(dst, len(r.Array))
		for _, element := range r.Array {
			dst = appendReply(dst, element, p)
		}
		return dst
	case kv.ReplyError:
	}
	return resp.AppendError(dst, r.Text)
}

// refusal turns the error of a proposal into the error that Redis clients understand. MOVED, CLUSTERDOWN and TRYAGAIN
// say that the command was not applied and never will be; UNKNOWN says that nobody knows.
func (s *commands) refusal(p *replica.Proposal) string {
	var notLeader replica.ErrNotLeader
	switch {
	case errors.As(p.Err, &notLeader):
		address := s.node.config.Peers[notLeader.Leader].Client
		if notLeader.Leader == raft.None || notLeader.Leader == s.node.config.Node || address == "" {
			return "CLUSTERDOWN no leader"
		}
		s.redirects.Add(1)
		return fmt.Sprintf("MOVED %d %s", slotOf(commandKey(p.Data)), address)
	case errors.Is(p.Err, replica.ErrTooLarge):
		return "ERR " + p.Err.Error() + "; it was not executed"
	case errors.Is(p.Err, raft.ErrClosed):
		return "TRYAGAIN this node is stopping"
	case replica.Definite(p.Err):
		return "TRYAGAIN " + p.Err.Error()
	default:
		s.unknown.Add(1)
		return "UNKNOWN outcome not known: " + p.Err.Error()
	}
}

// commandKey returns the first key of an encoded command.
func commandKey(data []byte) []byte {
	var c kv.Command
	if err := c.Decode(data); err != nil {
		return nil
	}
	if len(c.Keys) > 0 {
		return c.Keys[0]
	}
	return c.Key
}

// sized reports whether keys and values are within the limits; if not, it has replied. Each value may be nil.
func (s *commands) sized(c *resp.Conn, keys [][]byte, values ...[]byte) bool {
	l := s.node.config.Client
	if len(keys) > l.KeysMax {
		c.ReplyError(fmt.Sprintf("ERR too many keys: %d, at most %d", len(keys), l.KeysMax))
		return false
	}
	for _, key := range keys {
		if len(key) > l.KeyBytesMax {
			c.ReplyError(fmt.Sprintf("ERR key too large: %d bytes, at most %d", len(key), l.KeyBytesMax))
			return false
		}
	}
	for _, value := range values {
		if len(value) > l.ValueBytesMax {
			c.ReplyError(fmt.Sprintf("ERR value too large: %d bytes, at most %d", len(value), l.ValueBytesMax))
			return false
		}
	}
	return true
}

// commandSlack is room for the framing of a command, so that encoding one allocates once.
const commandSlack = 32

func room(n int) []byte { return make([]byte, 0, n+commandSlack) }

func (s *commands) get(c *resp.Conn, args [][]byte) {
	if s.sized(c, args[1:]) {
		s.proposeRead(c, kv.AppendGet(room(len(args[1])), args[1]))
	}
}

func (s *commands) set(c *resp.Conn, args [][]byte) {
	var flags kv.Flags
	for _, option := range args[3:] {
		switch {
		case bytes.EqualFold(option, []byte("NX")):
			flags |= kv.FlagNX
		case bytes.EqualFold(option, []byte("XX")):
			flags |= kv.FlagXX
		case bytes.EqualFold(option, []byte("GET")):
			flags |= kv.FlagGet
		default:
			c.ReplyError("ERR syntax error: SET takes NX, XX and GET, not " + printable(option))
			return
		}
	}
	if flags&kv.FlagNX != 0 && flags&kv.FlagXX != 0 {
		c.ReplyError("ERR syntax error: NX with XX")
		return
	}
	if !s.sized(c, args[1:2], args[2]) {
		return
	}
	propose := s.propose
	if flags&kv.FlagGet != 0 {
		propose = s.proposeRead
	}
	propose(c, kv.AppendSet(room(len(args[1])+len(args[2])), args[1], args[2], flags))
}

func (s *commands) incr(c *resp.Conn, args [][]byte) {
	if s.sized(c, args[1:]) {
		s.propose(c, kv.AppendIncr(room(len(args[1])), args[1]))
	}
}

func (s *commands) cas(c *resp.Conn, args [][]byte) {
	if s.sized(c, args[1:2], args[2], args[3]) {
		s.propose(c, kv.AppendCAS(room(len(args[1])+len(args[2])+len(args[3])), args[1], args[2], args[3]))
	}
}

func (s *commands) del(c *resp.Conn, args [][]byte) {
	if keys := args[1:]; s.sized(c, keys) {
		s.propose(c, kv.AppendDel(nil, keys...))
	}
}

func (s *commands) exists(c *resp.Conn, args [][]byte) {
	if keys := args[1:]; s.sized(c, keys) {
		s.propose(c, kv.AppendExists(nil, keys...))
	}
}

func (s *commands) mget(c *resp.Conn, args [][]byte) {
	if keys := args[1:]; s.sized(c, keys) {
		s.proposeRead(c, kv.AppendMGet(nil, keys...))
	}
}
