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

// keyCommand is a command about keys: a row of the table that both clients and sessions use.
type keyCommand struct {
	argsMin, argsMax int
	// encode turns the arguments, the command's name included, into a request.
	encode func(s *commands, args [][]byte) request
	// reads says that it changes nothing, keys that all arguments are keys.
	reads, keys bool
}

// request is a command that can be executed, or the text that refuses it.
type request struct {
	data    []byte
	refusal string
	values  bool // its reply has values in it, so that it may be far larger than the request
}

func keyCommands() map[string]keyCommand {
	return map[string]keyCommand{
		"GET":    {argsMin: 2, argsMax: 2, encode: encodeGet, reads: true},
		"SET":    {argsMin: 3, encode: encodeSet},
		"INCR":   {argsMin: 2, argsMax: 2, encode: encodeIncr},
		"CAS":    {argsMin: 4, argsMax: 4, encode: encodeCAS},
		"DEL":    {argsMin: 2, encode: encodeDel, keys: true},
		"EXISTS": {argsMin: 2, encode: encodeExists, reads: true, keys: true},
		"MGET":   {argsMin: 2, encode: encodeMGet, reads: true, keys: true},
	}
}

// footprint returns what the command touches, as the connection needs to know it for its order of requests.
func (k *keyCommand) footprint(args [][]byte) resp.Footprint {
	if k.keys && len(args) > 2 {
		return resp.Footprint{}
	}
	return resp.FootprintOf(args[1])
}

// serveKeys serves one row.
func (s *commands) serveKeys(k keyCommand) func(c *resp.Conn, args [][]byte) {
	return func(c *resp.Conn, args [][]byte) {
		r := k.encode(s, args)
		switch {
		case r.refusal != "":
			c.ReplyError(r.refusal)
		case k.reads && s.node.config.Reads != ReadsLog:
			s.read(c, r.data, k.footprint(args))
		default:
			c.AwaitLate(k.footprint(args))
			s.propose(c, r)
		}
	}
}

// op is a command on its way through the log.
type op struct {
	call     resp.Call
	proposal replica.Proposal
	commands *commands
}

// propose hands the command over to the replica; its reply takes its turn on the connection. Requests of a
// connection are proposed, and so applied, in the order in which they came.
func (s *commands) propose(c *resp.Conn, r request) {
	o := &op{commands: s}
	o.proposal.Data = r.data
	o.proposal.Done = o.done
	begin := c.Begin
	if r.values {
		begin = c.BeginRead
	}
	if begin(&o.call, o, len(r.data)) {
		s.node.replica.Propose(&o.proposal)
	}
}

// done runs on one of the replica's goroutines: the reply is made later, on the connection's.
func (o *op) done(p *replica.Proposal) { o.call.Complete(len(p.Result)) }

// AppendReply implements resp.Replier.
func (o *op) AppendReply(dst []byte, p resp.Protocol) []byte {
	if o.proposal.Err != nil {
		return resp.AppendError(dst, o.commands.refusal(o.proposal.Err, o.proposal.Data))
	}
	return appendResult(dst, o.proposal.Result, p)
}

// appendResult appends what the state machine replied.
func appendResult(dst, result []byte, p resp.Protocol) []byte {
	reply, err := kv.DecodeReply(result)
	if err != nil {
		return resp.AppendError(dst, "ERR executed, but its reply cannot be decoded: "+err.Error())
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

// refusal turns an error into the one that Redis clients understand. MOVED, CLUSTERDOWN, DISKFULL and TRYAGAIN say
// that the command was not executed and never will be; UNKNOWN says that nobody knows.
func (s *commands) refusal(err error, command []byte) string {
	var notLeader replica.ErrNotLeader
	switch {
	case errors.As(err, &notLeader):
		return s.moved(notLeader.Leader, command)
	case errors.Is(err, replica.ErrUnconfirmed) && raft.NodeID(s.node.leader.Load()) == raft.None:
		return s.moved(raft.None, command)
	case errors.Is(err, replica.ErrTooLarge):
		return "ERR " + err.Error() + "; it was not executed"
	case errors.Is(err, replica.ErrDiskFull):
		return "DISKFULL " + err.Error() + "; it was not executed"
	case errors.Is(err, raft.ErrClosed) && replica.Definite(err):
		return "TRYAGAIN this node is stopping"
	case replica.Definite(err):
		return "TRYAGAIN " + err.Error()
	default:
		s.unknown.Add(1)
		return "UNKNOWN outcome not known: " + err.Error()
	}
}

// moved sends the client to the leader, when there is one that clients can reach, and away from a node that was
// removed in any case.
func (s *commands) moved(leader raft.NodeID, command []byte) string {
	address := ""
	if leader == raft.None {
		leader = s.node.insteadOf(s.redirects.Load())
	}
	if leader != raft.None && leader != s.node.config.Node {
		address = s.node.peerOf(leader).Client
	}
	if address == "" {
		return "CLUSTERDOWN no leader"
	}
	s.redirects.Add(1)
	return fmt.Sprintf("MOVED %d %s", slotOf(commandKey(command)), address)
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

// sized returns why keys and values are not within the limits, or "". Each value may be nil.
func (s *commands) sized(keys [][]byte, values ...[]byte) string {
	l := s.node.config.Client
	if len(keys) > l.KeysMax {
		return fmt.Sprintf("ERR too many keys: %d, at most %d", len(keys), l.KeysMax)
	}
	for _, key := range keys {
		if len(key) > l.KeyBytesMax {
			return fmt.Sprintf("ERR key too large: %d bytes, at most %d", len(key), l.KeyBytesMax)
		}
	}
	for _, value := range values {
		if len(value) > l.ValueBytesMax {
			return fmt.Sprintf("ERR value too large: %d bytes, at most %d", len(value), l.ValueBytesMax)
		}
	}
	return ""
}

// commandSlack is room for the framing of a command, so that encoding one allocates once.
const commandSlack = 32

func room(n int) []byte { return make([]byte, 0, n+commandSlack) }

func encodeGet(s *commands, args [][]byte) request {
	if refusal := s.sized(args[1:]); refusal != "" {
		return request{refusal: refusal}
	}
	return request{data: kv.AppendGet(room(len(args[1])), args[1]), values: true}
}

func encodeSet(s *commands, args [][]byte) request {
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
			return request{refusal: "ERR syntax error: SET takes NX, XX and GET, not " + printable(option)}
		}
	}
	if flags&kv.FlagNX != 0 && flags&kv.FlagXX != 0 {
		return request{refusal: "ERR syntax error: NX with XX"}
	}
	if refusal := s.sized(args[1:2], args[2]); refusal != "" {
		return request{refusal: refusal}
	}
	return request{
		data:   kv.AppendSet(room(len(args[1])+len(args[2])), args[1], args[2], flags),
		values: flags&kv.FlagGet != 0,
	}
}

func encodeIncr(s *commands, args [][]byte) request {
	if refusal := s.sized(args[1:]); refusal != "" {
		return request{refusal: refusal}
	}
	return request{data: kv.AppendIncr(room(len(args[1])), args[1])}
}

func encodeCAS(s *commands, args [][]byte) request {
	if refusal := s.sized(args[1:2], args[2], args[3]); refusal != "" {
		return request{refusal: refusal}
	}
	return request{data: kv.AppendCAS(room(len(args[1])+len(args[2])+len(args[3])), args[1], args[2], args[3])}
}

func encodeDel(s *commands, args [][]byte) request {
	if refusal := s.sized(args[1:]); refusal != "" {
		return request{refusal: refusal}
	}
	return request{data: kv.AppendDel(nil, args[1:]...)}
}

func encodeExists(s *commands, args [][]byte) request {
	if refusal := s.sized(args[1:]); refusal != "" {
		return request{refusal: refusal}
	}
	return request{data: kv.AppendExists(nil, args[1:]...)}
}

func encodeMGet(s *commands, args [][]byte) request {
	if refusal := s.sized(args[1:]); refusal != "" {
		return request{refusal: refusal}
	}
	return request{data: kv.AppendMGet(nil, args[1:]...), values: true}
}
