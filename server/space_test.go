package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// fill is a file system of 10 MiB, of which so much is free.
type fill struct{ free atomic.Uint64 }

func (f *fill) measure(string) (storage.Space, error) {
	return storage.Space{FreeBytes: f.free.Load(), TotalBytes: 10 << 20}, nil
}

func TestFullDiskRefusesWritesAndServesReads(t *testing.T) {
	var f fill
	f.free.Store(2 << 20)
	nodes := startCluster(t, 3, func(c *Config) { c.DiskReserve, c.measureSpace = 1<<20, f.measure })
	leader, _ := leaderOf(nodes)
	c := dial(t, leader.ClientAddr())
	c.say("SET k before")
	c.expect("+OK")
	f.free.Store(1000)
	eventually(t, "all disks are low", func() bool {
		for _, n := range nodes {
			if n.Status().Disk.NoRoom == "" {
				return false
			}
		}
		return true
	})
	eventually(t, "a leader refuses a write for want of room", func() bool {
		leader, _ = leaderOf(nodes)
		if leader == nil {
			return false
		}
		c = dial(t, leader.ClientAddr())
		c.say("SET k after")
		line, err := c.r.ReadString('\n')
		if err != nil || line == "+OK\r\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		return line == "-DISKFULL disk full: 1000 bytes free, reserve 1048576; it was not executed\r\n"
	})
	c.say("GET k")
	c.expect("$6", "before")
	checkDiskStatus(t, leader)
	f.free.Store(1<<20 + 100) // within the hysteresis
	eventually(t, "it is measured again", func() bool { return leader.Status().Disk.FreeBytes == 1<<20+100 })
	if s := leader.Status().Disk; !s.Low {
		t.Errorf("not low: %+v", s)
	}
	f.free.Store(2 << 20)
	eventually(t, "writes are taken again", func() bool {
		leader, _ = leaderOf(nodes)
		if leader == nil {
			return false
		}
		c = dial(t, leader.ClientAddr())
		c.say("SET k after")
		line, err := c.r.ReadString('\n')
		return err == nil && line == "+OK\r\n"
	})
}

func checkDiskStatus(t *testing.T, n *Node) {
	t.Helper()
	s := n.Status()
	want := DiskStatus{FreeBytes: 1000, TotalBytes: 10 << 20, ReserveBytes: 1 << 20, Low: true, NoRoom: s.Disk.NoRoom}
	if s.Disk != want || !strings.Contains(s.Disk.NoRoom, "1000 bytes free") {
		t.Errorf("/status: got %+v", s.Disk)
	}
	response, err := http.Get("http://" + n.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"raftmark_disk_free_bytes 1000", "raftmark_disk_reserve_bytes 1.048576e+06", "raftmark_disk_low 1",
		"raftmark_disk_no_room 1", "raftmark_replica_log_bytes_max 1.073741824e+09", "raftmark_replica_disk_stalls_total 0",
		"raftmark_replica_oldest_write_age_seconds 0",
	} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("/metrics: no line %q", line)
		}
	}
}

func TestLowDiskIsLeftAQuarterAboveTheReserve(t *testing.T) {
	r := diskRoom{reserve: 1000}
	for _, step := range []struct {
		free uint64
		low  bool
	}{{1000, false}, {999, true}, {1000, true}, {1249, true}, {1250, false}, {1000, false}, {0, true}, {1 << 63, false}} {
		r.observe(storage.Space{FreeBytes: step.free}, nil)
		if s := r.status(); s.Low != step.low {
			t.Errorf("%d free of a reserve of 1000: low is %v", step.free, s.Low)
		}
	}
	r.observe(storage.Space{FreeBytes: 1}, nil)
	r.observe(storage.Space{}, errors.New("no such disk"))
	if s := r.status(); !s.Low || s.Err != "no such disk" || s.FreeBytes != 1 {
		t.Errorf("got %+v, want what was known before, and the error", s)
	}
}

func TestStartIsRefusedWithTooLittleRoom(t *testing.T) {
	dir := t.TempDir() + "/node"
	var f fill
	c := Config{
		Cluster: "test", Node: 1, DataDir: dir, Peers: map[raft.NodeID]Peer{1: {Peer: "127.0.0.1:0"}},
		DiskReserve: 1 << 20, measureSpace: f.measure,
	}
	f.free.Store(1<<19 - 1)
	n, err := Start(c)
	if !errors.Is(err, ErrNoRoom) {
		if err == nil {
			_ = n.Abort()
		}
		t.Fatalf("got %v, want ErrNoRoom", err)
	}
	for _, want := range []string{"524287 bytes free", dir, "want 524288 to start", "disk_reserve 1MiB"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to say %q", err, want)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder was touched: %v", err)
	}
	f.free.Store(1 << 19)
	if n, err = Start(c); err != nil {
		t.Fatalf("with half of the reserve: %v", err)
	}
	defer func() { _ = n.Abort() }()
	if s := n.Status().Disk; !s.Low {
		t.Errorf("half of the reserve is not low: %+v", s)
	}
}

// A file system that does not answer must not keep the node from ending.
func TestRoomThatCannotBeMeasuredKeepsNothingFromEnding(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	var first atomic.Bool
	nodes := startCluster(t, 1, func(c *Config) {
		c.DiskReserve = 1 << 20
		c.measureSpace = func(string) (storage.Space, error) {
			if first.Swap(true) {
				<-hang
			}
			return storage.Space{FreeBytes: 2 << 20, TotalBytes: 10 << 20}, nil
		}
	})
	ended := make(chan error, 1)
	go func() { ended <- nodes[1].Abort() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the node does not end while its disk hangs")
	}
}

func TestDiskConfigIsChecked(t *testing.T) {
	c := Config{
		Cluster: "test", Node: 1, DataDir: "x", Peers: map[raft.NodeID]Peer{1: {Peer: "127.0.0.1:0"}},
	}.WithDefaults()
	if c.DiskReserve != DefaultDiskReserve || c.Validate() != nil {
		t.Fatalf("default %v, %v", c.DiskReserve, c.Validate())
	}
	c.DiskReserve, c.LogBytesMax = 1000, -2
	err := c.Validate()
	for _, want := range []string{
		"disk_reserve: 1000, want at least 1MiB, or off", "log_bytes_max: -2, want more than 0, or off",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	c = Config{LogStorage: StorageMem}.WithDefaults()
	if c.DiskReserve != BytesOff {
		t.Errorf("a log in memory has a reserve of %v on the disk", c.DiskReserve)
	}
	c = Config{LogStorage: StorageMem, DiskReserve: 5 << 20}.WithDefaults()
	if got := fmt.Sprint(c.DiskReserve); got != "5MiB" {
		t.Errorf("got %v, want what was asked for", got)
	}
}

func TestLogFitsTheFileSystem(t *testing.T) {
	for _, row := range []struct{ freeMiB, totalMiB, memTableMiB, prime int }{
		{90_000, 100_000, 32, 0}, {500, 100_000, 32, storage.WALPrimeOff}, {250, 300, 4, storage.WALPrimeOff},
		{10, 20, 1, storage.WALPrimeOff},
	} {
		c := Config{DiskReserve: DefaultDiskReserve, measureSpace: func(string) (storage.Space, error) {
			return storage.Space{FreeBytes: uint64(row.freeMiB) << 20, TotalBytes: uint64(row.totalMiB) << 20}, nil
		}}
		var o storage.Options
		c.fitLog(&o)
		if o.MemTableBytes>>20 != row.memTableMiB || o.WALPrimeBytes != row.prime {
			t.Errorf("%d of %d MiB free: got memtables of %d bytes, %d bytes primed; want %d MiB and %d",
				row.freeMiB, row.totalMiB, o.MemTableBytes, o.WALPrimeBytes, row.memTableMiB, row.prime)
		}
	}
}
