package server

import (
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server/resp"
)

// lateRead is a read that is served by the state machine of this node, beside the log: when the replica has
// confirmed that the machine may be read, and when the replies before it on the connection were made. So it
// sees the writes that the connection sent before it; that it does not see later ones of the same key is
// what AwaitLate is for.
type lateRead struct {
	call     resp.Call
	read     replica.Read
	command  []byte
	commands *commands
}

// read serves a command that only reads: at the leader and, when the connection asked for it with READONLY,
// at any node, which then asks the leader how far its machine must have come.
func (s *commands) read(c *resp.Conn, command []byte, keys resp.Footprint) {
	if leader := raft.NodeID(s.node.leader.Load()); leader != s.node.config.Node && !c.ReadOnly {
		c.ReplyError(s.moved(leader, command))
		return
	}
	o := &lateRead{command: command, commands: s}
	o.read.Done = o.done
	if c.BeginLate(&o.call, o, len(command), keys) {
		s.node.replica.Read(&o.read)
	}
}

// done runs on one of the replica's goroutines; the machine is read on the connection's.
func (o *lateRead) done(*replica.Read) { o.call.Complete(0) }

// AppendReply implements resp.Replier.
func (o *lateRead) AppendReply(dst []byte, p resp.Protocol) []byte {
	if o.read.Err != nil {
		return resp.AppendError(dst, o.commands.refusal(o.read.Err, o.command))
	}
	result, err := o.commands.node.machine.Read(o.command)
	if err != nil {
		return resp.AppendError(dst, "ERR read the state machine: "+err.Error())
	}
	return appendResult(dst, result, p)
}
