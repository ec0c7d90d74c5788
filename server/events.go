package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage"
)

// EventsFile is the name, in the data folder, of the file that a node appends its events to: one JSON
// object a line.
const EventsFile = "events.jsonl"

// Kinds of events beside those of replica.EventKind.
const (
	// EventStart: the node serves its ports.
	EventStart replica.EventKind = "start"
	// EventStop: the node was told to stop.
	EventStop replica.EventKind = "stop"
	// EventFail: the node stops because of an error that is not the disk's.
	EventFail replica.EventKind = "fail"
	// EventStorageFailed: the node stops because its disk failed, under Part.
	EventStorageFailed replica.EventKind = "storage_failed"
)

// EventRecord is one line of EventsFile.
type EventRecord struct {
	// TimeNs is the machine's monotonic clock (internal/clock), which all processes of a host share.
	TimeNs int64             `json:"t_ns"`
	Node   raft.NodeID       `json:"node"`
	Kind   replica.EventKind `json:"kind"`
	Term   raft.Term         `json:"term"`
	Leader raft.NodeID       `json:"leader"`
	Peer   raft.NodeID       `json:"peer"`
	Index  raft.Index        `json:"index"`
	// Members is the configuration, in the form of raft.Configuration, from the entry at MembersIndex; of
	// config.
	Members      string     `json:"members,omitempty"`
	MembersIndex raft.Index `json:"members_index,omitempty"`
	// SnapshotIndex is the last entry of the snapshot; of compacted, snapshot_sent and snapshot_installed.
	SnapshotIndex raft.Index `json:"snapshot_index,omitempty"`
	// Part is what stood on the disk that failed; of storage_failed.
	Part string `json:"part,omitempty"`
	Err  string `json:"err,omitempty"`
}

// eventQueueMax bounds the events that wait for the file; beyond it they are dropped and counted.
const eventQueueMax = 4096

// recorder writes events to a file, off the goroutines that they happen on.
type recorder struct {
	node   raft.NodeID
	clock  clock.Clock
	file   *os.File
	logger *slog.Logger
	// failure keeps the first error of the file: a disk that does not take events is not to be trusted with more.
	failure *storage.Failure

	mu      sync.Mutex // a channel is not sent to after its close
	closed  bool
	queue   chan EventRecord
	done    chan struct{}
	dropped atomic.Uint64
}

func openRecorder(dir string, node raft.NodeID, c clock.Clock, logger *slog.Logger) (*recorder, error) {
	file, err := os.OpenFile(filepath.Join(dir, EventsFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open event file: %w", err)
	}
	r := &recorder{
		node: node, clock: c, file: file, logger: logger, failure: storage.NewFailure("event file", logger),
		queue: make(chan EventRecord, eventQueueMax), done: make(chan struct{}),
	}
	go r.run()
	return r, nil
}

// observe takes a replica's event; it never blocks.
func (r *recorder) observe(e replica.Event) {
	record := EventRecord{
		Kind: e.Kind, Term: e.Term, Leader: e.Leader, Peer: e.Peer, Index: e.Index,
		MembersIndex: e.ConfigurationIndex, SnapshotIndex: e.Snapshot.Index,
	}
	if e.Kind == replica.EventConfig {
		record.Members = e.Configuration.String()
	}
	r.record(record)
}

// record adds time and node to e and queues it; it never blocks.
func (r *recorder) record(e EventRecord) {
	e.TimeNs, e.Node = r.clock.Now().Nanoseconds(), r.node
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.dropped.Add(1)
		return
	}
	select {
	case r.queue <- e:
	default:
		r.dropped.Add(1)
	}
}

// Failure returns what keeps the first error of the file.
func (r *recorder) Failure() *storage.Failure { return r.failure }

// run writes each event as it comes: they are rare, and a process that is killed keeps what it wrote. After
// an error of the file events are dropped and counted.
func (r *recorder) run() {
	defer close(r.done)
	for e := range r.queue {
		if r.failure.Get() != nil {
			r.dropped.Add(1)
			continue
		}
		line, err := json.Marshal(e)
		if err == nil {
			_, err = r.file.Write(append(line, '\n'))
		}
		if err != nil {
			r.dropped.Add(1)
			_ = r.failure.Set(fmt.Errorf("write event file: %w", err))
		}
	}
	if err := r.file.Close(); err != nil {
		r.logger.Error("close event file", "node", uint64(r.node), "err", err)
	}
}

// close writes what is queued and closes the file. Calls after the first do nothing.
func (r *recorder) close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
}
