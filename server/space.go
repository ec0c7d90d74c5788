package server

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage"
)

// DiskStatus is the room on the file system of the data folder.
type DiskStatus struct {
	FreeBytes  int64 `json:"free_bytes"`
	TotalBytes int64 `json:"total_bytes"`
	// ReserveBytes is Config.DiskReserve; 0 when it is off.
	ReserveBytes int64 `json:"reserve_bytes"`
	// Low says that FreeBytes fell below ReserveBytes, and was not a quarter above it since.
	Low bool `json:"low"`
	// NoRoom says why the node takes no commands, for want of room on its disk or in the budget of its log; empty
	// when it does.
	NoRoom string `json:"no_room,omitempty"`
	// Err says why the room is not known.
	Err string `json:"err,omitempty"`
}

// ErrNoRoom says that a node was not started because its disk is nearly full.
var ErrNoRoom = errors.New("too little room on the disk")

const (
	// roomPoll is how often the room is measured, and roomPollNear how often when less than roomNear reserves are left: a
	// fast disk is filled with a reserve in less than a second.
	roomPoll     = time.Second
	roomPollNear = 100 * time.Millisecond
	roomNear     = 4
	// startReserves and roomAgain are parts of a reserve: what a start needs, and what is to be free, beside it, before
	// commands are taken again.
	startReserves = 2
	roomAgain     = 4
	// primeRoom is how many times what the log writes in advance must be free beside that, for it to do so: other nodes
	// may be on the same disk.
	primeRoom = 8
	// memTablesOfDisk is how many memtables of the log a file system has room for at least.
	memTablesOfDisk = 64
)

// diskRoom watches the room on the file system of the data folder.
type diskRoom struct {
	dir     string
	reserve int64                               // 0: none
	measure func(string) (storage.Space, error) // may hang as long as the disk does

	mu    sync.Mutex
	space storage.Space
	low   bool
	err   error
}

func newDiskRoom(c Config) *diskRoom {
	return &diskRoom{dir: c.DataDir, reserve: max(0, int64(c.DiskReserve)), measure: c.measurer()}
}

func (c Config) measurer() func(string) (storage.Space, error) {
	if c.measureSpace != nil {
		return c.measureSpace
	}
	return storage.MeasureSpace
}

// admit measures the room before anything is written, and returns an error when it is too little to start with: a node
// that ran out of room starts again, and waits for more, as long as half of the reserve is left.
func (r *diskRoom) admit() error {
	if r.reserve == 0 {
		return nil
	}
	r.observe(r.measure(r.dir))
	s := r.status()
	if r.err == nil && s.FreeBytes < s.ReserveBytes/startReserves {
		return fmt.Errorf("%w: %d bytes free on the file system of %s, want %d to start, half of disk_reserve %s",
			ErrNoRoom, s.FreeBytes, r.dir, s.ReserveBytes/startReserves, ByteLimit(s.ReserveBytes))
	}
	return nil
}

// observe takes a measurement. When it is none, what was known stays.
func (r *diskRoom) observe(space storage.Space, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err = err; err != nil {
		return
	}
	r.space = space
	free := clampBytes(space.FreeBytes)
	r.low = free < r.reserve || r.low && free < r.reserve+r.reserve/roomAgain
}

func clampBytes(n uint64) int64 { return int64(min(n, 1<<62)) }

func (r *diskRoom) status() DiskStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := DiskStatus{
		FreeBytes: clampBytes(r.space.FreeBytes), TotalBytes: clampBytes(r.space.TotalBytes),
		ReserveBytes: r.reserve, Low: r.low,
	}
	if r.err != nil {
		s.Err = r.err.Error()
	}
	return s
}

// disk returns what the replica is told.
func (r *diskRoom) disk() replica.Disk {
	s := r.status()
	return replica.Disk{Low: s.Low, FreeBytes: uint64(s.FreeBytes), ReserveBytes: uint64(s.ReserveBytes)}
}

// pause returns how long to wait for the next measurement.
func (r *diskRoom) pause() time.Duration {
	if s := r.status(); s.Err == "" && s.FreeBytes/roomNear < s.ReserveBytes {
		return roomPollNear
	}
	return roomPoll
}

// watchRoom measures the room until the replica has stopped, and tells it. A measurement that hangs, as those of
// network file systems can, is left behind.
func (n *Node) watchRoom() {
	r := n.room
	type measured struct {
		space storage.Space
		err   error
	}
	answer := make(chan measured, 1)
	timer := time.NewTimer(0)
	defer timer.Stop()
	failed := false
	for {
		select {
		case <-n.replica.Done():
			return
		case <-timer.C:
			go func() {
				space, err := r.measure(r.dir)
				answer <- measured{space, err}
			}()
		case m := <-answer:
			r.observe(m.space, m.err)
			if (m.err != nil) != failed {
				failed = m.err != nil
				n.logMeasurable(m.err)
			}
			n.replica.SetDisk(r.disk())
			timer.Reset(r.pause())
		}
	}
}

// logMeasurable says that the room on the disk cannot be measured any more, or can again.
func (n *Node) logMeasurable(err error) {
	if err != nil {
		n.config.Logger.Warn("cannot measure the room on the disk", "node", uint64(n.config.Node), "err", err)
		return
	}
	n.config.Logger.Info("can measure the room on the disk again", "node", uint64(n.config.Node))
}

// diskStatus returns the room as the node sees it.
func (n *Node) diskStatus() DiskStatus {
	s := n.room.status()
	if why := n.replica.Room(); why != nil {
		s.NoRoom = why.Error()
	}
	return s
}

// fitLog makes what the log keeps in reserve fit the file system: it prepares each file for a little more than the size
// of a memtable, and nodes share disks.
func (c Config) fitLog(o *storage.Options) {
	space, err := c.measurer()(c.DataDir)
	if err != nil {
		return
	}
	free, total := clampBytes(space.FreeBytes), clampBytes(space.TotalBytes)
	o.MemTableBytes = int(min(max(total>>20/memTablesOfDisk<<20, storage.MemTableBytesMin), storage.MemTableBytesDefault))
	reserve := max(0, int64(c.DiskReserve))
	if free < reserve+reserve/roomAgain+primeRoom*storage.WALPrimeBytesDefault {
		o.WALPrimeBytes = storage.WALPrimeOff
	}
}
