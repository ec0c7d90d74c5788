package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

const (
	smallDiskEnv   = "RAFTMARK_SMALL_DISK"
	smallDiskBytes = 96 << 20
	// cannotMount is the exit code of a child that may not mount.
	cannotMount = 77
)

// TestSmallDisk runs a node on a real file system of 96 MiB, in a name space of its own, for which nobody needs to be
// root where the kernel allows that.
func TestSmallDisk(t *testing.T) {
	if dir := os.Getenv(smallDiskEnv); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", smallDiskBytes)); err != nil {
			fmt.Println("mount:", err)
			os.Exit(cannotMount)
		}
		t.Run("refused", func(t *testing.T) { refusedOnSmallDisk(t, filepath.Join(dir, "a")) })
		if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
			t.Fatal(err)
		}
		t.Run("failed", func(t *testing.T) { failedOnSmallDisk(t, filepath.Join(dir, "b")) })
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestSmallDisk$", "-test.v", "-test.timeout=60s")
	child.Env = append(os.Environ(), smallDiskEnv+"="+t.TempDir())
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	output, err := child.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Logf("%s", output)
	case !errors.As(err, &exit):
		t.Skipf("no small disk: this system allows no user name spaces: %v", err)
	case exit.ExitCode() == cannotMount:
		t.Skipf("no small disk: a user name space may not mount here: %s", output)
	default:
		t.Fatalf("%v\n%s", err, output)
	}
}

// onSmallDisk starts a cluster of one node in dir.
func onSmallDisk(t *testing.T, dir string, reserve ByteLimit) (*Node, error) {
	t.Helper()
	n, err := Start(Config{
		Cluster: "test", Node: 1, DataDir: filepath.Join(dir, "data"), DiskReserve: reserve,
		Peers: map[raft.NodeID]Peer{1: {Peer: "127.0.0.1:0"}}, ClientListener: listen(t),
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = n.Abort() })
	eventually(t, "the node leads", func() bool { return n.Status().IsLeader() })
	return n, nil
}

// fillUpTo leaves so many bytes free on the file system of dir, and returns what frees them.
func fillUpTo(t *testing.T, dir string, free uint64) (release func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	block := make([]byte, 64<<10)
	for {
		space, err := storage.MeasureSpace(dir)
		if err != nil {
			t.Fatal(err)
		}
		if space.FreeBytes < free+uint64(len(block)) {
			break
		}
		if _, err := file.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// refusedOnSmallDisk: writes are refused before the disk is full, and taken when there is room again.
func refusedOnSmallDisk(t *testing.T, dir string) {
	const reserve = 16 << 20
	n, err := onSmallDisk(t, dir, reserve)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, n.ClientAddr())
	c.say("SET k before")
	c.expect("+OK")
	release := fillUpTo(t, dir, reserve/4)
	set := func(value string) string {
		c.say("SET k " + value)
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	acknowledged := "before"
	eventually(t, "writes are refused", func() bool {
		line := set("during")
		if line == "+OK\r\n" {
			acknowledged = "during"
		}
		return strings.HasPrefix(line, "-DISKFULL ")
	})
	c.say("GET k")
	c.expect(fmt.Sprintf("$%d", len(acknowledged)), acknowledged)
	if err := n.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := onSmallDisk(t, dir, reserve); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("started with a quarter of the reserve: %v", err)
	}
	release()
	if n, err = onSmallDisk(t, dir, reserve); err != nil {
		t.Fatal(err)
	}
	c = dial(t, n.ClientAddr())
	c.say("GET k")
	c.expect(fmt.Sprintf("$%d", len(acknowledged)), acknowledged)
	release = fillUpTo(t, dir, reserve/4)
	eventually(t, "writes are refused", func() bool { return strings.HasPrefix(set("again"), "-DISKFULL ") })
	release()
	eventually(t, "writes are taken again", func() bool { return set("after") == "+OK\r\n" })
	if err := n.Abort(); err != nil {
		t.Fatal(err)
	}
}

// failedOnSmallDisk: without a reserve a write meets the end of the disk, and ends the node; what was acknowledged is
// there when it is started with some room.
func failedOnSmallDisk(t *testing.T, dir string) {
	n, err := onSmallDisk(t, dir, BytesOff)
	if err != nil {
		t.Fatal(err)
	}
	release := fillUpTo(t, dir, 8<<20)
	acknowledged := 0
	value := strings.Repeat("v", 256<<10)
	for {
		_, err := proposeSet(n, fmt.Sprintf("k%d", acknowledged), value)
		if err != nil {
			break
		}
		if acknowledged++; acknowledged > smallDiskBytes/len(value) {
			t.Fatalf("%d values of %d bytes fit on a full disk", acknowledged, len(value))
		}
	}
	select {
	case <-n.Done():
	case <-time.After(patience):
		t.Fatal("a node whose disk is full goes on")
	}
	if err := n.Wait(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("ended with %v, want the error of the disk", err)
	} else {
		t.Log(err)
	}
	release()
	if n, err = onSmallDisk(t, dir, BytesOff); err != nil {
		t.Fatal(err)
	}
	c := dial(t, n.ClientAddr())
	for i := range acknowledged {
		c.say(fmt.Sprintf("GET k%d", i))
		c.expect(fmt.Sprintf("$%d", len(value)))
		if _, err := io.CopyN(io.Discard, c.r, int64(len(value)+2)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d values were acknowledged before the disk was full, and are there", acknowledged)
	if err := n.Abort(); err != nil {
		t.Fatal(err)
	}
}

func proposeSet(n *Node, key, value string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return n.Replica().ProposeWait(ctx, encodeSet(n.commands, [][]byte{nil, []byte(key), []byte(value)}).data)
}
