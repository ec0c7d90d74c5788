package raft_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// stream is a leader that sends a snapshot to server 3 over a network and to a disk that a seed has spoilt.
type stream struct {
	*crowd
	rng      *rand.Rand
	flying   []raft.Message
	restarts int
}

// TestSnapshotStreamAgainstFaults: chunks and answers are lost, copied and reordered, the follower's disk
// stalls, and it forgets what it had when it starts again. What is on its way never exceeds its bounds, and
// when all that ends the follower is brought back, with the very bytes of the snapshot.
func TestSnapshotStreamAgainstFaults(t *testing.T) {
	seeds, restored, restarts := uint64(300), 0, 0
	if testing.Short() || raceEnabled {
		seeds = 40
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 33))
		s := &stream{rng: rng}
		chunk := 1 + rng.IntN(4)
		s.crowd = behind(t, raft.Config{
			SnapshotChunkBytes: chunk, SnapshotInflightBytes: 1 + rng.IntN(9), AdaptiveWindow: rng.IntN(2) == 0,
		})
		s.nodes[3].stall = true
		for range 400 {
			s.disturb()
			s.bounded(t, seed)
		}
		restored += len(s.nodes[3].restore)
		s.finish(t, seed)
		restarts += s.restarts
	}
	if restarts < int(seeds) || restored == 0 {
		t.Errorf("%d restarts, %d snapshots restored under faults: the test has lost its teeth", restarts, restored)
	}
}

// collect pays all debts and takes what was sent. Servers 1 and 2 have a network without faults.
func (s *stream) collect() {
	for quiet := false; !quiet; {
		quiet = true
		for _, id := range s.ids {
			s.nodes[id].pay()
			for _, m := range s.nodes[id].take() {
				if m.From == 3 || m.To == 3 {
					s.flying = append(s.flying, m)
					continue
				}
				quiet = false
				_ = s.nodes[m.To].core.Step(m)
			}
		}
	}
}

func (s *stream) disturb() {
	l := s.nodes[3]
	switch s.rng.IntN(12) {
	case 0:
		for _, id := range s.ids {
			s.nodes[id].core.Tick()
		}
	case 1:
		s.nodes[1].core.Propose(commands(1, 1))
	case 2:
		if s.rng.IntN(20) == 0 {
			s.restart()
		}
	case 3:
		if s.rng.IntN(4) == 0 { // the leader compacts what it may
			if c, ok := s.nodes[1].core.Compact(s.nodes[1].id(s.nodes[1].applied)); ok {
				n := s.nodes[1]
				n.log, n.base = slices.Clone(n.log[c.Last.Index-n.base.Index:]), c.Last
			}
		}
	case 4, 5:
		if len(l.unstored) > 0 {
			c := l.unstored[0]
			l.unstored = l.unstored[1:]
			l.store(c)
		}
	default:
		if len(s.flying) == 0 {
			break
		}
		i := 0
		if s.rng.IntN(3) == 0 {
			i = s.rng.IntN(len(s.flying))
		}
		m := s.flying[i]
		fate := s.rng.IntN(10)
		if fate > 0 {
			s.flying = slices.Delete(s.flying, i, i+1) // else it comes again
		}
		if fate > 1 { // else it is lost
			_ = s.nodes[m.To].core.Step(m)
		}
	}
	s.collect()
}

// restart is what a crash leaves of server 3: its log, and nothing of a snapshot that had not come completely.
func (s *stream) restart() {
	s.restarts++
	old := s.nodes[3]
	st := old.core.Status()
	boot := raft.Boot{
		Log: raft.LogState{
			HardState: raft.HardState{Term: st.Term, Vote: st.Vote, Commit: st.CommitIndex},
			First:     old.base, Last: old.id(st.LastIndex),
		},
		Tail:    raft.Span{Prev: old.id(st.CommitIndex), Entries: slices.Clone(old.log[st.CommitIndex-old.base.Index:])},
		Applied: old.applied,
	}
	if len(old.restore) > 0 {
		boot.Log.Configuration = old.restore[len(old.restore)-1].Configuration
	}
	cfg := s.cfg
	cfg.ID, cfg.Voters, cfg.Incarnation = 3, []raft.NodeID{1, 2, 3}, uint64(s.restarts)
	l := newLone(s.t, cfg, boot)
	l.base, l.log, l.stall, l.restore = old.base, old.log, true, old.restore
	s.nodes[3] = l
}

func (s *stream) bounded(t *testing.T, seed uint64) {
	t.Helper()
	room := s.cfg.SnapshotInflightBytes + s.cfg.SnapshotChunkBytes
	unstored := 0
	for _, c := range s.nodes[3].unstored {
		unstored += len(c.Chunk.Data)
	}
	if unstored > 2*room {
		t.Fatalf("seed %d: %d bytes wait for the follower's disk, at most %d", seed, unstored, 2*room)
	}
	if p := s.nodes[1].core.Status(); p.Role == raft.Leader {
		for _, m := range s.flying {
			end := uint64(0)
			if m.Kind == raft.MsgSnapshot {
				end = m.Chunk.Offset + uint64(len(m.Chunk.Data))
			}
			if end > uint64(len(machineState)) {
				t.Fatalf("seed %d: a chunk that ends at %d of %d", seed, end, len(machineState))
			}
		}
	}
}

// finish ends all faults, and demands the follower back.
func (s *stream) finish(t *testing.T, seed uint64) {
	t.Helper()
	l := s.nodes[3]
	l.stall = false
	for _, c := range l.unstored {
		l.store(c)
	}
	for range 40 * electionTicks {
		s.collect()
		for len(s.flying) > 0 {
			m := s.flying[0]
			s.flying = s.flying[1:]
			_ = s.nodes[m.To].core.Step(m)
			s.collect()
		}
		done := 0
		for _, id := range s.ids {
			n := s.nodes[id]
			n.core.Tick()
			if n.core.Role() == raft.Leader && n.core.Propose(commands(1, 1)) == 1 {
				done++
			}
		}
		if last := s.nodes[1].core.CommitIndex(); done > 0 && l.applied+5 > last && len(l.restore) > 0 {
			if got := string(l.chunks); len(l.restore) > 0 && got != machineState && got != "" {
				t.Fatalf("seed %d: restored %q", seed, got)
			}
			return
		}
	}
	t.Fatalf("seed %d (chunks of %d, window %d, %d restarts): server 3 was not brought back: %v; leader %+v",
		seed, s.cfg.SnapshotChunkBytes, s.cfg.SnapshotInflightBytes, s.restarts, l.core.Status(),
		fmt.Sprintf("%+v", s.nodes[1].core.Status()))
}

// A follower whose disk stalls is sent no more than fits, also when chunks were lost before: what it
// refuses for want of room is not sent again and again as fast as the network goes.
func TestStalledDiskIsNotFlooded(t *testing.T) {
	c := behind(t, raft.Config{SnapshotChunkBytes: 1, SnapshotInflightBytes: 2})
	c.heal()
	c.nodes[3].stall = true
	lost, chunks := map[uint64]bool{}, 0
	c.cut = func(m raft.Message) bool {
		if m.Kind != raft.MsgSnapshot || len(m.Chunk.Data) == 0 {
			return false
		}
		chunks++
		again := lost[m.Chunk.Offset]
		lost[m.Chunk.Offset] = true
		return !again && (m.Chunk.Offset == 1 || m.Chunk.Offset == 2)
	}
	c.tick(20 * electionTicks) // settles after each tick, or fails when they never stop talking
	if chunks < 3 || chunks > 20 {
		t.Errorf("%d chunks were sent to a disk that stores none, and takes two", chunks)
	}
}
