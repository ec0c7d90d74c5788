package rafttest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

// onNode runs a command on one node.
func (s *Script) onNode(id raft.NodeID, command string, args []string) error {
	c, n := s.cluster, s.cluster.Node(id)
	switch command {
	case "timeout":
		c.Timeout(id)
	case "tick":
		for range count(args, 1) {
			c.Tick(id)
		}
	case "sync":
		c.Persist(id, count(args, n.Writes()))
		c.Report(id)
	case "crash":
		c.Crash(id, count(args, 0), n.Applied())
	case "restart":
		c.Restart(id)
	case "wipe":
		c.Wipe(id)
	case "lose":
		c.Lose(id, raft.Index(count(args, 0)))
	case "hold":
		c.Hold(id)
	case "release":
		c.Release(id)
	case "install":
		for range count(args, 2) {
			c.Install(id)
		}
	case "compact":
		c.Compact(id, raft.Index(count(args, 0)))
	default:
		return s.askNode(id, command, args)
	}
	return nil
}

// askNode runs a command that asks a node for something, or pays a debt that can fail.
func (s *Script) askNode(id raft.NodeID, command string, args []string) error {
	c, n := s.cluster, s.cluster.Node(id)
	switch command {
	case "propose":
		c.Propose(id, args...)
	case "change":
		changes, err := parseChanges(args)
		if err == nil {
			_ = c.Change(id, changes...) // the refusal is in the trace
		}
		return err
	case "transfer":
		_ = c.Transfer(id, raft.NodeID(count(args, 0))) // so is this one
	case "read":
		c.Read(id)
	case "clock":
		c.SetClock(id, int64(count(args, 0)))
	case "step-down":
		c.StepDown(id)
	case "disconnected":
		c.Disconnected(id, raft.NodeID(count(args, 0)))
	case "fetch":
		c.Fetch(id, failure(args))
	case "chunk":
		c.ReadChunk(id, failure(args))
	case "store":
		for range n.ChunksToStore() {
			c.StoreChunk(id, failure(args))
		}
	default:
		return errors.New("unknown command")
	}
	return nil
}

// count returns the number that the arguments begin with, or another one.
func count(args []string, otherwise int) int {
	if len(args) > 0 {
		if n, err := strconv.Atoi(args[0]); err == nil {
			return n
		}
	}
	return otherwise
}

var errScripted = errors.New("the disk failed")

func failure(args []string) error {
	if len(args) > 0 && args[0] == "error" {
		return errScripted
	}
	return nil
}

// parseChanges reads "add=4 promote=4 demote=3 remove=2 priority=2:5".
func parseChanges(words []string) ([]raft.Change, error) {
	kinds := map[string]raft.ChangeKind{
		"add": raft.AddLearner, "promote": raft.Promote, "demote": raft.Demote, "remove": raft.Remove,
		"priority": raft.Reprioritize,
	}
	var changes []raft.Change
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		name, priority, hasPriority := strings.Cut(value, ":")
		id, err := parseNode(name)
		if err != nil || kinds[key] == 0 {
			return nil, fmt.Errorf("%q is no change", word)
		}
		change := raft.Change{Kind: kinds[key], ID: id}
		if hasPriority {
			p, err := strconv.ParseUint(priority, 10, 8)
			if err != nil {
				return nil, err
			}
			change.Priority = uint8(p)
		}
		changes = append(changes, change)
	}
	return changes, nil
}
