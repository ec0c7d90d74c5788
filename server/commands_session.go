package server

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/server/resp"
)

// sessionArgs are the arguments of SESSION DO before the command: SESSION DO id seq ack.
const sessionArgs = 5

// session is SESSION OPEN | DO id seq ack command ...: commands that are executed once, however often they
// are sent.
func (s *commands) session(c *resp.Conn, args [][]byte) {
	switch sub := strings.ToUpper(string(args[1])); {
	case sub == "OPEN" && len(args) == 2:
		s.propose(c, request{data: kv.AppendOpenSession(nil)})
	case sub == "DO" && len(args) > sessionArgs:
		s.sessionDo(c, args[2:sessionArgs], args[sessionArgs:])
	default:
		s.unknownSub(c, args)
	}
}

func (s *commands) sessionDo(c *resp.Conn, numbers, args [][]byte) {
	var id, seq, ack uint64
	for i, n := range []struct {
		name  string
		value *uint64
	}{{"id", &id}, {"seq", &seq}, {"ack", &ack}} {
		var err error
		if *n.value, err = strconv.ParseUint(string(numbers[i]), 10, 64); err != nil {
			c.ReplyError(fmt.Sprintf("ERR SESSION DO: %s '%s' is not a number", n.name, printable(numbers[i])))
			return
		}
	}
	if id == 0 || ack > seq {
		c.ReplyError(fmt.Sprintf("ERR SESSION DO: id %d, seq %d, ack %d: want an id, and ack at most seq", id, seq, ack))
		return
	}
	var name [commandNameMax]byte
	k, ok := s.keys[string(upper(name[:0], args[0]))]
	switch {
	case !ok:
		c.ReplyError(fmt.Sprintf("ERR SESSION DO: '%s' is not a command about keys", printable(args[0])))
		return
	case len(args) < k.argsMin || k.argsMax != 0 && len(args) > k.argsMax:
		c.ReplyError(fmt.Sprintf("ERR wrong number of arguments for '%s' command", printable(args[0])))
		return
	}
	r := k.encode(s, args)
	if r.refusal != "" {
		c.ReplyError(r.refusal)
		return
	}
	r.data = kv.AppendSession(make([]byte, 0, len(r.data)+commandSlack), id, seq, ack, r.data)
	r.values = true // a command that was executed before has the reply of then
	c.AwaitLate(k.footprint(args))
	s.propose(c, r)
}
