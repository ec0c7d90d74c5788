package server

import (
	"fmt"
	"sync/atomic"

	"github.com/raftmark/raftmark/server/resp"
)

// commands serves the client port: what changes keys goes through the log (commands_data.go,
// commands_session.go), what reads them to the state machine (commands_read.go), the rest is answered at
// once (commands_connection.go, commands_cluster.go).
type commands struct {
	node  *Node
	table map[string]command
	keys  map[string]keyCommand

	served    atomic.Uint64
	redirects atomic.Uint64
	unknown   atomic.Uint64
}

// command is one row of the table.
type command struct {
	// argsMin and argsMax bound the arguments, the command's name included; argsMax 0 is no bound.
	argsMin, argsMax int
	serve            func(c *resp.Conn, args [][]byte)
}

// commandNameMax bounds the names that are looked up.
const commandNameMax = 32

func newCommands(n *Node) *commands {
	s := &commands{node: n, keys: keyCommands()}
	s.table = map[string]command{
		"SESSION": {2, 0, s.session},

		"PING": {1, 2, s.ping}, "ECHO": {2, 2, s.echo}, "HELLO": {1, 0, s.hello}, "QUIT": {1, 0, s.quit},
		"SELECT": {2, 2, s.selectDB}, "CLIENT": {2, 0, s.client}, "CONFIG": {2, 0, s.configGet},
		"COMMAND": {1, 0, s.command}, "READONLY": {1, 1, s.readOnly}, "READWRITE": {1, 1, s.readWrite},

		"INFO": {1, 0, s.info}, "ROLE": {1, 1, s.role}, "CLUSTER": {2, 0, s.cluster},
	}
	for name, k := range s.keys {
		s.table[name] = command{k.argsMin, k.argsMax, s.serveKeys(k)}
	}
	return s
}

// Serve implements resp.Handler.
func (s *commands) Serve(c *resp.Conn, args [][]byte) {
	s.served.Add(1)
	var name [commandNameMax]byte
	row, ok := s.table[string(upper(name[:0], args[0]))]
	switch {
	case !ok:
		c.ReplyError(fmt.Sprintf("ERR unknown command '%.64s'", printable(args[0])))
	case len(args) < row.argsMin || row.argsMax != 0 && len(args) > row.argsMax:
		c.ReplyError(fmt.Sprintf("ERR wrong number of arguments for '%s' command", printable(args[0])))
	default:
		row.serve(c, args)
	}
}

// upper appends name in capitals to dst; of a longer name than dst has room for, nothing.
func upper(dst, name []byte) []byte {
	if len(name) > cap(dst) {
		return dst
	}
	for _, b := range name {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		dst = append(dst, b)
	}
	return dst
}

// printable returns b in the form of an error message, which has no line ends.
func printable(b []byte) string {
	quoted := fmt.Sprintf("%.64q", b)
	return quoted[1 : len(quoted)-1]
}
