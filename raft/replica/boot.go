package replica

import (
	"fmt"
	"io"

	"github.com/raftmark/raftmark/raft"
)

// booted is what a start finds.
type booted struct {
	core    *raft.Core
	applied raft.EntryID // by the machine
	since   logSize      // of the log up to there
	size    logMeter     // of all of it
}

// boot reads what is durable and makes a core of it, after it has finished what a crash left unfinished.
func (r *Replica) boot(cfg raft.Config) (booted, error) {
	state, err := r.log.Load()
	if err != nil {
		return booted{}, fmt.Errorf("load the log: %w", err)
	}
	applied, err := r.machine.Applied()
	if err != nil {
		return booted{}, fmt.Errorf("load the state machine: %w", err)
	}
	if state, applied, err = r.redoInstall(state, applied); err != nil {
		return booted{}, fmt.Errorf("install the received snapshot: %w", err)
	}
	if lost := state.HardState.Recover; applied > state.Last.Index && lost != (raft.EntryID{}) {
		return booted{}, fmt.Errorf("boot: the log lost its end, from %v back to %v, and the state machine applied up to "+
			"%d: replace this server by one with a new id", lost, state.Last, applied)
	}
	if applied < state.First.Index || applied > state.Last.Index {
		return booted{}, fmt.Errorf("boot: the state machine applied up to %d, but the log holds (%v, %v]",
			applied, state.First, state.Last)
	}
	from := max(state.HardState.Commit, applied, state.First.Index)
	if from > state.Last.Index {
		return booted{}, fmt.Errorf("boot: committed %d, but the log ends at %v", state.HardState.Commit, state.Last)
	}
	s := scan{state: state, from: from, applied: applied}
	if err := s.run(r.log); err != nil {
		return booted{}, fmt.Errorf("read the log: %w", err)
	}
	core, err := raft.New(cfg, raft.Boot{
		Log: state, Tail: s.tail, Configurations: s.configurations, Applied: applied,
	})
	return booted{core: core, applied: s.appliedID, since: s.since, size: s.size}, err
}

// redoInstall does again what is left to do of an install: a received snapshot was to take the place of the log and of
// the state, and was discarded when both had happened. It returns what they hold then.
func (r *Replica) redoInstall(state raft.LogState, applied raft.Index) (raft.LogState, raft.Index, error) {
	if ok, err := r.vetReceived(state.First.Index); err != nil || !ok {
		return state, applied, err
	}
	received, stream, ok, err := r.snapshots.port.Received()
	if err != nil || !ok {
		return state, applied, err
	}
	if state.First.Index < received.Last.Index {
		if err = r.log.Compact(received); err == nil {
			state, err = r.log.Load()
		}
	}
	if err == nil && applied < received.Last.Index {
		if err = r.machine.Restore(received.Last.Index, stream); err == nil {
			applied = received.Last.Index
			r.noteInstalled(received.Last)
		}
	}
	if closeErr := stream.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = r.snapshots.port.Discard()
	}
	return state, applied, err
}

// vetReceived reports whether there is a received snapshot to install. As long as it did not take the place of the log,
// which begins after first, one that cannot be read to its end is discarded: the log does without.
func (r *Replica) vetReceived(first raft.Index) (bool, error) {
	received, stream, ok, err := r.snapshots.port.Received()
	if err != nil || !ok {
		return false, err
	}
	if first >= received.Last.Index {
		return true, stream.Close()
	}
	_, err = io.Copy(io.Discard, stream)
	if closeErr := stream.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		return true, nil
	}
	r.logger.Warn("boot without a received snapshot that cannot be read", "index", received.Last.Index, "err", err)
	return false, r.snapshots.port.Discard()
}

// scan reads a log once, for all that a core is to know of it.
type scan struct {
	state   raft.LogState
	from    raft.Index // where the tail begins
	applied raft.Index

	tail           raft.Span // (from, state.Last]
	configurations []raft.ConfigurationAt
	appliedID      raft.EntryID
	since          logSize // of (state.First, applied]
	size           logMeter
}

func (s *scan) run(log Log) error {
	at := s.state.First
	s.visit(at)
	for at.Index < s.state.Last.Index {
		span, err := log.Read(at.Index, s.state.Last.Index, readBytesMax)
		if err != nil {
			return err
		}
		for i := range span.Entries {
			e := &span.Entries[i]
			at = raft.EntryID{Term: e.Term, Index: at.Index + 1}
			if err := s.visitEntry(at, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scan) visit(at raft.EntryID) {
	if at.Index == s.applied {
		s.appliedID = at
	}
	if at.Index == s.from {
		s.tail.Prev = at
	}
}

func (s *scan) visitEntry(at raft.EntryID, e *raft.Entry) error {
	s.visit(at)
	s.size.append(at.Index-1, at.Index, e.Size())
	if at.Index <= s.applied {
		s.since.add(1, e.Size())
	}
	if at.Index > s.from {
		s.tail.Entries = append(s.tail.Entries, *e)
	}
	if e.Kind != raft.EntryConfig {
		return nil
	}
	configuration, err := raft.DecodeConfiguration(e.Data)
	if err != nil {
		return fmt.Errorf("configuration %v: %w", at, err)
	}
	s.configurations = append(s.configurations, raft.ConfigurationAt{Index: at.Index, Configuration: configuration})
	return nil
}
