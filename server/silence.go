package server

import (
	"errors"
	"time"

	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/transport"
)

// EventSilenced: a peer knows the node with another disk, or in a later life, and it has hung up on all of them.
const EventSilenced replica.EventKind = "silenced"

// watchRefusals hangs up on all peers when one of them refuses this node for its disk, or the state of that, until the
// replica stops. What it has promised to that peer may be forgotten; others that have not heard of it would count its
// votes, and with them could undo what that peer and this node had made safe.
func (n *Node) watchRefusals() {
	look := time.NewTicker(n.config.Heartbeat)
	defer look.Stop()
	for {
		select {
		case <-n.replica.Done():
			return
		case <-look.C:
		}
		for _, reason := range []transport.Refusal{transport.RefusedLife, transport.RefusedDisk} {
			if n.timesRefused(reason) > 0 {
				n.silence(reason)
				return
			}
		}
	}
}

// silence closes the transport; the node lives on to say why.
func (n *Node) silence(reason transport.Refusal) {
	n.silenced.Store(true)
	err := errors.Join(transport.Refused(reason, "%s", reason.Advice()), n.transport.Close())
	n.config.Logger.Error("node takes part no more", "node", uint64(n.config.Node), "err", err)
	n.recorder.record(EventRecord{Kind: EventSilenced, Err: err.Error()})
}
