package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/raftmark/raftmark/storage"
)

// Parts of a node that stand on its disk, as a StorageError names them.
const (
	PartLog       = "log"
	PartMachine   = "machine"
	PartSnapshots = "snapshots"
	PartEvents    = "events"
	PartPeers     = "peers" // what is remembered of them
	// PartData is the data folder, when it is not known which of these it was.
	PartData = "data"
)

// failGrace is how long a node that failed may take to end. A call that hangs in the disk is left behind then.
const failGrace = 2 * time.Second

// StorageError says that the disk failed under a part of the node, which ended it, or kept it from starting.
type StorageError struct {
	Part string // one of the Part constants
	Err  error
}

// Error implements error, in one line.
func (e StorageError) Error() string {
	return strings.ReplaceAll(fmt.Sprintf("storage failed: %s: %v", e.Part, e.Err), "\n", "; ")
}

// Unwrap returns the disk's error.
func (e StorageError) Unwrap() error { return e.Err }

// IsStorage reports whether err is the disk's fault: what is on it cannot be read or written, or is damaged.
func IsStorage(err error) bool {
	var storage StorageError
	return errors.As(err, &storage)
}

// failing returns err as a StorageError if it is the disk's.
func failing(part string, err error) error {
	var known StorageError
	if err == nil || errors.As(err, &known) {
		return err
	}
	for _, target := range []error{
		storage.ErrCorrupt, syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ENXIO, syscall.ESTALE,
	} {
		if errors.Is(err, target) {
			return StorageError{Part: part, Err: err}
		}
	}
	return err
}

// standing is a part of a node, and what keeps the first error of its disk.
type standing struct {
	part    string
	failure *storage.Failure
}

// standing returns the parts of the node that stand on its disk.
func (n *Node) standing() []standing {
	var all []standing
	for _, c := range []struct {
		part string
		of   any
	}{
		{PartLog, n.log}, {PartMachine, n.machine}, {PartSnapshots, n.snapshots}, {PartEvents, n.recorder},
		{PartPeers, n.gate},
	} {
		keeper, ok := c.of.(interface{ Failure() *storage.Failure })
		if !ok {
			continue // in memory
		}
		if f := keeper.Failure(); f != nil {
			all = append(all, standing{c.part, f})
		}
	}
	return all
}

// causeOf returns why the node stops, given what somebody who noticed says: the first error of the disk if there is
// one, which others only follow from.
func (n *Node) causeOf(err error) error {
	for _, s := range n.standing() {
		if first := s.failure.Get(); first != nil {
			return StorageError{Part: s.part, Err: first}
		}
	}
	return failing(PartData, err)
}

// watchDisk stops the node when its disk fails under a part, whether anybody waits for that part or not.
func (n *Node) watchDisk() {
	for _, s := range n.standing() {
		n.serving.Go(func() {
			select {
			case <-s.failure.Failed():
				n.fail(s.failure.Get())
			case <-n.replica.Done():
			}
		})
	}
}

// fail stops the node for a reason of its own: nothing is retried, and what was acknowledged is durable. Only the first
// reason counts.
func (n *Node) fail(err error) {
	err = n.causeOf(err)
	if !n.failed.CompareAndSwap(nil, &err) {
		return
	}
	n.setCause(err)
	record := EventRecord{Kind: EventFail, Err: err.Error()}
	var disk StorageError
	if errors.As(err, &disk) {
		record.Kind, record.Part = EventStorageFailed, disk.Part
	}
	n.config.Logger.Error("node stops", "node", uint64(n.config.Node), "err", err)
	n.recorder.record(record)
	go n.shutDown(context.Background(), n.closeClients)
	go n.giveUp()
}

// giveUp ends a node that failed even if a call of its disk does not return. What it leaves behind acknowledges nothing
// more, and ends with the process.
func (n *Node) giveUp() {
	timer := time.NewTimer(failGrace)
	defer timer.Stop()
	select {
	case <-n.ended:
	case <-timer.C:
		n.config.Logger.Warn("the disk does not return; the node ends without it", "node", uint64(n.config.Node))
		n.finish()
	}
}

// setCause notes why the node stopped, unless that is known.
func (n *Node) setCause(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cause == nil {
		n.cause = err
	}
}

// finish lets Wait return.
func (n *Node) finish() { n.finished.Do(func() { close(n.ended) }) }

// failure returns why the node stops by itself, or nil.
func (n *Node) failure() error {
	if err := n.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// unlessFailed is the admin port of a node that is well, or why it is not: what the replica would say may not come any
// more. Metrics, profiles and faults stay.
func (n *Node) unlessFailed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err, path := n.failure(), r.URL.Path
		if err == nil || path == "/metrics" || strings.HasPrefix(path, "/debug/") || strings.HasPrefix(path, "/faults") {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "the node stops: "+err.Error(), http.StatusServiceUnavailable)
	})
}
