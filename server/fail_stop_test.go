package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage/faultfs"
	"github.com/raftmark/raftmark/storage/snapshot"
)

func mustAdd(t *testing.T, n *Node, rules ...faultfs.Rule) {
	t.Helper()
	if err := n.faults.Add(rules...); err != nil {
		t.Fatal(err)
	}
}

// wantEnded waits for the end of the node, and wants it to be the fault of the disk under part.
func wantEnded(t *testing.T, n *Node, part string, want error) {
	t.Helper()
	select {
	case <-n.Done():
	case <-time.After(patience):
		t.Fatal("the node does not end")
	}
	err := n.Wait()
	var disk StorageError
	if !errors.As(err, &disk) || disk.Part != part || !errors.Is(err, want) || !IsStorage(err) {
		t.Errorf("ended with %v, want %v under the %s", err, want, part)
	}
}

// eventsOf returns the events of the kind that are in the node's file.
func eventsOf(t *testing.T, dir string, kind replica.EventKind) (found []EventRecord) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		var e EventRecord
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if e.Kind == kind {
			found = append(found, e)
		}
	}
}

func set(t *testing.T, n *Node) error { return client(t, n).Set(t.Context(), "key", "value", 0).Err() }

func compact(t *testing.T, n *Node) error {
	status, text := adminCall(t, n, http.MethodPost, "/snapshot", "{}")
	if status != http.StatusOK {
		return errors.New(text)
	}
	return nil
}

// The first error of the disk ends the node, under whatever part, whether somebody waits for it or not.
func TestFirstErrorOfTheDiskEndsTheNode(t *testing.T) {
	createSnapshot := func(t *testing.T, n *Node) error {
		t.Helper()
		name := raft.Snapshot{Last: raft.EntryID{Term: 1, Index: 1}, Configuration: raft.NewConfiguration(1)}
		return n.snapshots.(*snapshot.Folder).Create(name, func(write func([]byte) error) error {
			return write([]byte("state"))
		})
	}
	for what, c := range map[string]struct {
		rule faultfs.Rule
		do   func(*testing.T, *Node) error // nil: nothing is done that meets the error
		part string
		want error
	}{
		"sync of the log": {
			faultfs.Rule{Op: faultfs.Sync, Path: "log/", Action: faultfs.Error}, set, PartLog, syscall.EIO,
		},
		"short write of the log": {
			faultfs.Rule{Op: faultfs.Write, Path: "log/", Action: faultfs.Short}, set, PartLog, syscall.ENOSPC,
		},
		"write of the machine": {
			faultfs.Rule{Op: faultfs.Write, Path: "kv/", Action: faultfs.Error, Error: faultfs.ENOSPC}, compact, PartMachine,
			syscall.ENOSPC,
		},
		"write of a snapshot": {
			faultfs.Rule{Op: faultfs.Write, Path: "snapshot/", Action: faultfs.Error}, createSnapshot, PartSnapshots,
			syscall.EIO,
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			n := alone(t, func(c *Config) {
				withFaults(c)
				c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			if err := set(t, n); err != nil {
				t.Fatal(err)
			}
			c.rule.Count = 1 // a second try would succeed, and be seen by the second rule
			mustAdd(t, n, c.rule, faultfs.Rule{Op: c.rule.Op, Path: c.rule.Path, Action: faultfs.Delay, Delay: 1})
			if err := c.do(t, n); err == nil {
				t.Error("what met the error was acknowledged")
			}
			wantEnded(t, n, c.part, c.want)
			if rules := n.faults.Rules(); rules[0].Hits != 1 || rules[1].Matched != 0 {
				t.Errorf("%d errors, and %d more after the first, want none: it is never tried again",
					rules[0].Hits, rules[1].Matched)
			}
			failed := eventsOf(t, n.config.DataDir, EventStorageFailed)
			if len(failed) != 1 || failed[0].Part != c.part || !strings.Contains(failed[0].Err, c.want.Error()) {
				t.Errorf("events %+v, want one with the part and the reason", failed)
			}
			if lines := log.count("level=ERROR"); lines != 1 || log.count(`msg="node stops"`) != 1 ||
				log.count(`err="storage failed: `+c.part) != 1 {
				t.Errorf("%d error lines, want one with the reason:\n%s", lines, log.text.String())
			}
		})
	}
}

// The watermark is synced when nobody waits for it.
func TestErrorInTheBackgroundEndsTheNode(t *testing.T) {
	n := alone(t, withFaults)
	mustAdd(t, n, faultfs.Rule{Op: faultfs.Sync, Path: "WATERMARK", Action: faultfs.Error})
	if err := set(t, n); err != nil {
		t.Logf("set: %v", err) // either way is right
	}
	wantEnded(t, n, PartLog, syscall.EIO)
}

// A call that hangs in the disk does not keep a node that failed from ending; until then it says that it is not well.
func TestHungDiskDoesNotKeepAFailedNode(t *testing.T) {
	n := alone(t, withFaults)
	if err := set(t, n); err != nil {
		t.Fatal(err)
	}
	if status, text := adminCall(t, n, http.MethodGet, "/healthz", ""); status != http.StatusOK {
		t.Errorf("/healthz of a node that is well = %d, %s", status, text)
	}
	mustAdd(t, n, faultfs.Rule{Op: faultfs.Sync, Path: "log/", Action: faultfs.Stall})
	go func() { _ = client(t, n).Set(t.Context(), "key", "never acknowledged", 0).Err() }()
	eventually(t, "a sync hangs", func() bool { return n.faults.Rules()[0].Waiting > 0 })
	began := time.Now()
	mustAdd(t, n, faultfs.Rule{Op: faultfs.Write, Path: "kv/", Action: faultfs.Error})
	go func() {
		_, _ = http.Post("http://"+n.AdminAddr()+"/snapshot", "application/json", strings.NewReader("{}"))
	}()
	eventually(t, "/healthz is not ok", func() bool {
		status, text := adminCall(t, n, http.MethodGet, "/healthz", "")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "storage failed: machine")
	})
	for _, path := range []string{"/readyz", "/status"} {
		if status, _ := adminCall(t, n, http.MethodGet, path, ""); status != http.StatusServiceUnavailable {
			t.Errorf("%s = %d while the node stops, want 503", path, status)
		}
	}
	_, metrics := adminCall(t, n, http.MethodGet, "/metrics", "")
	for _, want := range []string{`raftmark_storage_failed{part="machine"} 1`, `raftmark_storage_failed{part="log"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics without %s", want)
		}
	}
	wantEnded(t, n, PartMachine, syscall.EIO)
	if took := time.Since(began); took < failGrace/2 {
		t.Errorf("it ended after %v, so that nothing hung", took)
	}
	again := make(chan struct{})
	go func() { n.shutDown(t.Context(), func() {}); close(again) }()
	select {
	case <-again:
	case <-time.After(10 * time.Second):
		t.Error("who stops a node that has been given up waits for its disk")
	}
	if n.faults.Rules()[0].Waiting == 0 {
		t.Error("the sync does not hang any more")
	}
}

func TestFaultsFromTheStartEndIt(t *testing.T) {
	network := listen(t)
	defer func() { _ = network.Close() }()
	c := Config{
		Node: 1, DataDir: t.TempDir(), Peers: map[raft.NodeID]Peer{1: {Peer: network.Addr().String()}},
		PeerListen: "127.0.0.1:0", EnableFaults: true,
		DiskFaults: []faultfs.Rule{{Op: faultfs.Sync, Path: "kv/", Action: faultfs.Error}},
	}
	if _, err := Start(c); !IsStorage(err) || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), PartMachine) {
		t.Errorf("Start = %v, want EIO under the machine", err)
	}
	c.EnableFaults = false
	if _, err := Start(c); !IsConfig(err) || !strings.Contains(err.Error(), "disk_faults: 1 rules, want none unless") {
		t.Errorf("faults that are not enabled: %v", err)
	}
}
