package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

const (
	// stoppedWithin bounds the time from SIGSTOP until all threads of a process stand still.
	stoppedWithin = 5 * time.Second
	// stoppedPoll is how often that is looked at.
	stoppedPoll = 500 * time.Microsecond
)

// Pause stops the node's process with SIGSTOP, as if its machine had frozen, and returns when it stands still: when
// that was ordered, and when the system said that all of its threads are stopped, on internal/clock.
func (n *Node) Pause() (commanded, effective time.Duration, err error) {
	commanded = n.cluster.clock.Now()
	if err := n.signal("pause", syscall.SIGSTOP); err != nil {
		return 0, 0, err
	}
	for {
		stopped, err := n.Paused()
		switch effective = n.cluster.clock.Now(); {
		case err != nil:
			return 0, 0, fmt.Errorf("pause node %d: %w", n.id, err)
		case stopped:
			return commanded, effective, nil
		case effective-commanded > stoppedWithin:
			return 0, 0, errors.Join(fmt.Errorf("pause node %d: it still runs after %v", n.id, stoppedWithin), n.Resume())
		}
		time.Sleep(stoppedPoll)
	}
}

// Paused reports whether the node's process stands still, as the system sees it.
func (n *Node) Paused() (bool, error) {
	pid := n.Pid()
	if pid == 0 {
		return false, fmt.Errorf("node %d does not run", n.id)
	}
	return processStopped(pid)
}

// Resume lets a paused process go on.
func (n *Node) Resume() error { return n.signal("resume", syscall.SIGCONT) }

func (n *Node) signal(verb string, s syscall.Signal) error {
	p := n.current()
	if p == nil || !p.running() {
		return fmt.Errorf("%s node %d: it does not run", verb, n.id)
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("%s node %d: %w", verb, n.id, err)
	}
	return nil
}

// HandOver tells this node, which must lead, to hand leadership to whoever is best prepared, and returns who leads
// then. It asks nobody first, as Cluster.Transfer does: what it takes is what the hand-over takes.
func (n *Node) HandOver(ctx context.Context) (raft.NodeID, error) {
	body, err := json.Marshal(server.TransferRequest{})
	if err != nil {
		return raft.None, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+n.AdminAddr()+"/transfer",
		bytes.NewReader(body))
	if err != nil {
		return raft.None, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := n.cluster.http.Do(request)
	if err != nil {
		return raft.None, fmt.Errorf("tell node %d to hand over: %w", n.id, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, statusBytesMax))
	if err != nil {
		return raft.None, fmt.Errorf("tell node %d to hand over: %w", n.id, err)
	}
	if response.StatusCode != http.StatusOK {
		return raft.None, fmt.Errorf("tell node %d to hand over: %s: %s", n.id, response.Status, bytes.TrimSpace(text))
	}
	var answer server.MembersAnswer
	if err := json.Unmarshal(text, &answer); err != nil {
		return raft.None, fmt.Errorf("answer of node %d: %w", n.id, err)
	}
	return answer.Leader, nil
}
