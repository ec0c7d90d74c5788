package exchange

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// snapshots sends one snapshot after the other, in chunks as a leader does: so many bytes under way at most that the
// other end has not said to have stored.
type snapshots struct {
	end    *end
	number uint64 // of the load, in the high half of Seq
	length uint64
	data   []byte
	idle   chan struct{} // closed when it was stopped and nothing is under way

	mu      sync.Mutex
	name    raft.Snapshot
	sent    uint64 // of the snapshot under way
	stored  uint64
	began   time.Time
	took    []time.Duration
	moved   int64
	stopped bool
	ended   bool
}

func newSnapshots(e *end, number uint64, length int) *snapshots {
	return &snapshots{
		end: e, number: number, length: uint64(length), data: make([]byte, snapshotChunkBytes), idle: make(chan struct{}),
		name: raft.Snapshot{
			Last: raft.EntryID{Term: 1, Index: 1}, Configuration: raft.NewConfiguration(driverNode, echoNode),
		},
	}
}

func (s *snapshots) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = time.Now()
	s.fill()
}

// fill sends what there is room for. It needs mu; Send does not block.
func (s *snapshots) fill() {
	for !s.stopped && s.sent < s.length && s.sent-s.stored < snapshotInflightBytes {
		n := min(snapshotChunkBytes, s.length-s.sent)
		chunk := &raft.Chunk{Snapshot: s.name, Offset: s.sent, Data: s.data[:n], Done: s.sent+n == s.length}
		if !s.end.send(raft.Message{Kind: raft.MsgSnapshot, Chunk: chunk, Seq: s.number << 32}) {
			s.stopped = true // it is counted as dropped
			break
		}
		s.sent += n
	}
	s.maybeEnd()
}

// maybeEnd needs mu.
func (s *snapshots) maybeEnd() {
	if s.stopped && !s.ended && s.stored == s.sent {
		s.ended = true
		close(s.idle)
	}
}

func (s *snapshots) take(m *raft.Message) {
	if m.Kind != raft.MsgSnapshotReply || m.Seq>>32 != s.number {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved += int64(m.Chunk.Offset - s.stored)
	s.stored = m.Chunk.Offset
	if m.Chunk.Done {
		now := time.Now()
		s.took = append(s.took, now.Sub(s.began))
		s.began, s.sent, s.stored = now, 0, 0
		s.name.Last.Index++
	}
	s.fill()
}

func (s *snapshots) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

func (s *snapshots) snapshots() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took
}

func (s *snapshots) stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	s.maybeEnd()
	s.mu.Unlock()
	timer := time.NewTimer(answerMax)
	defer timer.Stop()
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("a snapshot's chunks were not answered in %v: %w", answerMax, ErrLost)
	}
}
