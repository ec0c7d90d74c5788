package server

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/server/resp"
)

// clientNameBytesMax bounds the name of a connection, which it keeps for its life.
const clientNameBytesMax = 256

// named gives the connection a name, or replies why not.
func named(c *resp.Conn, name []byte) bool {
	if len(name) > clientNameBytesMax {
		c.ReplyError(fmt.Sprintf("ERR client name too large: %d bytes, at most %d", len(name), clientNameBytesMax))
		return false
	}
	c.ClientName = string(name)
	return true
}

// redisVersion is the version of Redis whose protocol is spoken; clients choose features by it.
const redisVersion = "7.2.0"

// readOnly is READONLY: from now on the connection's reads are served here, whoever leads. They are
// linearizable, too.
func (s *commands) readOnly(c *resp.Conn, _ [][]byte) {
	c.ReadOnly = true
	c.Reply(resp.AppendOK(nil))
}

// readWrite is READWRITE: reads go to the leader again.
func (s *commands) readWrite(c *resp.Conn, _ [][]byte) {
	c.ReadOnly = false
	c.Reply(resp.AppendOK(nil))
}

func (s *commands) ping(c *resp.Conn, args [][]byte) {
	if len(args) == 2 {
		c.Reply(resp.AppendBulk(nil, args[1]))
		return
	}
	c.Reply(resp.AppendSimple(nil, "PONG"))
}

func (s *commands) echo(c *resp.Conn, args [][]byte) { c.Reply(resp.AppendBulk(nil, args[1])) }

func (s *commands) quit(c *resp.Conn, _ [][]byte) { c.ReplyAndClose(resp.AppendOK(nil)) }

func (s *commands) selectDB(c *resp.Conn, args [][]byte) {
	if string(args[1]) != "0" {
		c.ReplyError("ERR SELECT is not allowed in cluster mode")
		return
	}
	c.Reply(resp.AppendOK(nil))
}

// hello is HELLO [protocol [SETNAME name]].
func (s *commands) hello(c *resp.Conn, args [][]byte) {
	if len(args) > 1 {
		version, err := strconv.Atoi(string(args[1]))
		if err != nil || version != int(resp.RESP2) && version != int(resp.RESP3) {
			c.ReplyError("NOPROTO unsupported protocol version")
			return
		}
		var name []byte
		switch {
		case len(args) == 4 && strings.EqualFold(string(args[2]), "SETNAME"):
			name = args[3]
		case len(args) > 2:
			c.ReplyError("ERR syntax error: HELLO takes a protocol and SETNAME; there are no users to AUTH")
			return
		}
		if !named(c, name) {
			return
		}
		c.SetProtocol(resp.Protocol(version))
	}
	p := c.Protocol()
	b := resp.AppendMap(nil, 7, p)
	b = resp.AppendBulkString(resp.AppendBulkString(b, "server"), "raftmark")
	b = resp.AppendBulkString(resp.AppendBulkString(b, "version"), redisVersion)
	b = resp.AppendInt(resp.AppendBulkString(b, "proto"), int64(p))
	b = resp.AppendInt(resp.AppendBulkString(b, "id"), int64(c.ID()))
	b = resp.AppendBulkString(resp.AppendBulkString(b, "mode"), "cluster")
	b = resp.AppendBulkString(resp.AppendBulkString(b, "role"), redisRole(s.node.replica.Status()))
	c.Reply(resp.AppendArray(resp.AppendBulkString(b, "modules"), 0))
}

// client is CLIENT SETNAME | SETINFO | GETNAME | ID: what client libraries say when they connect.
func (s *commands) client(c *resp.Conn, args [][]byte) {
	switch sub := strings.ToUpper(string(args[1])); {
	case sub == "SETNAME" && len(args) == 3:
		if named(c, args[2]) {
			c.Reply(resp.AppendOK(nil))
		}
	case sub == "SETINFO" && len(args) == 4:
		c.Reply(resp.AppendOK(nil))
	case sub == "GETNAME" && len(args) == 2:
		c.Reply(resp.AppendBulkString(nil, c.ClientName))
	case sub == "ID" && len(args) == 2:
		c.Reply(resp.AppendInt(nil, int64(c.ID())))
	default:
		s.unknownSub(c, args)
	}
}

// configGet is CONFIG GET, of the two settings that benchmarks ask for: no snapshots by time, and a log.
func (s *commands) configGet(c *resp.Conn, args [][]byte) {
	if !strings.EqualFold(string(args[1]), "GET") {
		s.unknownSub(c, args)
		return
	}
	var pairs []string
	for _, name := range args[2:] {
		switch strings.ToLower(string(name)) {
		case "save":
			pairs = append(pairs, "save", "")
		case "appendonly":
			pairs = append(pairs, "appendonly", "yes")
		}
	}
	b := resp.AppendMap(nil, len(pairs)/2, c.Protocol())
	for _, text := range pairs {
		b = resp.AppendBulkString(b, text)
	}
	c.Reply(b)
}

// command is COMMAND, which has nothing to tell, in all its forms: clients know the few commands there are.
func (s *commands) command(c *resp.Conn, args [][]byte) {
	switch {
	case len(args) == 2 && strings.EqualFold(string(args[1]), "COUNT"):
		c.Reply(resp.AppendInt(nil, int64(len(s.table))))
	case len(args) > 1 && strings.EqualFold(string(args[1]), "DOCS"):
		c.Reply(resp.AppendMap(nil, 0, c.Protocol()))
	default:
		c.Reply(resp.AppendArray(nil, 0))
	}
}

func (s *commands) unknownSub(c *resp.Conn, args [][]byte) {
	c.ReplyError(fmt.Sprintf("ERR unknown subcommand or wrong number of arguments for '%s %s'",
		strings.ToUpper(printable(args[0])), printable(args[1])))
}
