package wholetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
)

// victim is the node whose folder is damaged.
const victim raft.NodeID = 2

// files are what a file system holds, by path. Folders end in a slash.
type files map[string][]byte

// baseline is a cluster that ended after a history that left something of everything: entries, a truncated suffix,
// compactions, a snapshot that the victim made and one that it got, votes.
type baseline struct {
	name  string
	files files             // of all nodes
	want  map[string]string // keys and the ids of their values
	state state             // of the victim
}

// baselineOptions make small folders in which all of that is.
func baselineOptions() replica.Options {
	o := replica.Options{
		DiskStallMax: replica.DiskStallIgnored, TraceOneIn: replica.TraceOff,
		SnapshotLogEntries: 40, SnapshotKeepEntries: 8,
	}
	o.Core.SnapshotChunkBytes, o.Core.SnapshotInflightBytes, o.Core.TailEntriesMax = 4<<10, 16<<10, 16
	return o
}

// history of a baseline, which is told by its steps.
type story struct {
	*cluster
	want map[string]string
	next int
}

// newBaseline runs a cluster and stops it. With killed the power of all fails while the victim has a received snapshot
// that it has not installed yet; the disks are left as they are, nothing that was written is lost.
func newBaseline(killed bool) (b baseline, err error) {
	b.name = "stopped"
	d := newDisk(vfs.NewCrashableMem(), 100, 1)
	if killed {
		b.name = "killed"
		d.cutOn = afterReceived()
	}
	s := &story{cluster: newCluster(3, baselineOptions(), d), want: map[string]string{}}
	err = s.tell()
	if err = errors.Join(err, s.haltAll(), s.faults.err()); err != nil {
		return b, err
	}
	left := d.mem
	if killed {
		if d.clone == nil {
			return b, errors.New("no snapshot was received")
		}
		left = d.clone
	}
	b.want = s.want
	if b.files, err = dump(left, "/"); err != nil {
		return b, err
	}
	p, err := openParts(victim, b.files.load())
	if err == nil {
		b.state, err = p.state()
		err = errors.Join(err, p.close())
	}
	return b, err
}

// afterReceived picks the operation after the first snapshot that the victim receives has its name, durably.
func afterReceived() func(errorfs.Op) bool {
	var named, durable atomic.Bool
	return func(op errorfs.Op) bool {
		if durable.Load() {
			return true
		}
		switch {
		case !strings.HasPrefix(op.Path, folder(victim)+"/snapshot"):
		case op.Kind == errorfs.OpRename && strings.Contains(op.Path, "incoming"):
			named.Store(true)
		case op.Kind == errorfs.OpFileSync && named.Load():
			durable.Store(true)
		}
		return false
	}
}

// tell runs the history.
func (s *story) tell() error {
	return inOrder(
		s.startAll,
		func() error { return s.lead(victim) },
		func() error { return s.write(30) },
		func() error { return s.truncate(victim) },
		func() error { return s.lead(1) },
		func() error { return s.skip(victim) }, // it gets a snapshot
		func() error { return s.lead(victim) },
		func() error { return s.skip(3) }, // it makes one
		func() error { return s.lead(1) },
		func() error { return s.write(30) },
		func() error { return s.compactAt(victim) },
		func() error { return s.write(20) },
		s.vote,
		func() error { return s.write(5) },
		s.converge,
	)
}

func inOrder(steps ...func() error) error {
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// lead has a node lead.
func (s *story) lead(id raft.NodeID) error {
	return s.await(fmt.Sprintf("node %d leads", id), func() bool {
		n := s.leader()
		if n == nil || n.id == id {
			return n != nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), attempt)
		defer cancel()
		_ = n.Transfer(ctx, id) // it is looked at again
		return false
	})
}

// write writes n keys.
func (s *story) write(n int) error {
	for range n {
		s.next++
		id, value := s.history.newValue(100 + s.next%60)
		key := fmt.Sprintf("key%03d", s.next)
		if err := s.await("a write", func() bool {
			leader := s.leader()
			if leader == nil {
				return false
			}
			ctx, cancel := context.WithTimeout(context.Background(), attempt)
			defer cancel()
			_, err := leader.ProposeWait(ctx, kv.AppendSet(nil, []byte(key), []byte(value), 0))
			return err == nil
		}); err != nil {
			return err
		}
		if !s.disk.dark.Load() {
			s.want[key] = id
		}
	}
	return nil
}

// truncate has the leader id append what it cannot commit, and lose it to another leader.
func (s *story) truncate(id raft.NodeID) error {
	n := s.node(id)
	s.link(id, false)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for range 3 {
		_, _ = n.ProposeWait(ctx, kv.AppendSet(nil, []byte("nobody"), []byte("knows"), 0))
	}
	had := n.Status().LastIndex
	if err := s.await("another leader", func() bool { l := s.leader(); return l != nil && l.id != id }); err != nil {
		return err
	}
	if err := s.write(2); err != nil {
		return err
	}
	s.link(id, true)
	if err := s.await("the old leader follows", func() bool {
		return n.Status().CommitIndex >= s.leader().Status().CommitIndex
	}); err != nil {
		return err
	}
	if had < 3 {
		return fmt.Errorf("nothing was truncated: the log had %d entries", had)
	}
	return nil
}

// skip cuts a follower off until what it lacks is neither in the log nor in memory.
func (s *story) skip(id raft.NodeID) error {
	installed := s.seen.count()
	s.link(id, false)
	for {
		has, l := s.node(id).Status().LastIndex, s.leader().Status()
		if l.FirstIndex > has && l.LastIndex-raft.Index(l.TailEntries) > has {
			break
		}
		if err := s.write(10); err != nil {
			return err
		}
	}
	s.link(id, true)
	return s.await("a snapshot is installed", func() bool {
		return s.seen.count() > installed || s.disk.dark.Load()
	})
}

func (s *sightings) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.installed
}

func (s *story) compactAt(id raft.NodeID) error {
	return s.node(id).Compact(context.Background())
}

// vote has the others lead in turn until the victim's last vote is for one of them.
func (s *story) vote() error {
	for _, id := range []raft.NodeID{3, 1, 3, 1} {
		if err := s.lead(id); err != nil {
			return err
		}
		if err := s.await("the victim follows", func() bool { return s.node(victim).Status().Leader == id }); err != nil {
			return err
		}
		if s.node(victim).Status().Vote == id {
			return nil
		}
	}
	return errors.New("the victim never voted for a leader")
}

// dump reads everything below dir.
func dump(fs vfs.FS, dir string) (files, error) {
	all := files{}
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		name = path.Join(dir, name)
		info, err := fs.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			below, err := dump(fs, name)
			if err != nil {
				return nil, err
			}
			all[name+"/"] = nil
			for k, v := range below {
				all[k] = v
			}
			continue
		}
		if all[name], err = readAll(fs, name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func readAll(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// load returns a file system with the files.
func (f files) load() *vfs.MemFS {
	mem := vfs.NewMem()
	for name, data := range f {
		err := mem.MkdirAll(path.Dir(name), 0o755)
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, mem.MkdirAll(strings.TrimSuffix(name, "/"), 0o755))
		} else {
			err = errors.Join(err, writeAll(mem, name, data))
		}
		if err != nil {
			panicOn(err)
		}
	}
	return mem
}

func writeAll(fs vfs.FS, name string, data []byte) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Clone(data)) // some builds of it write to what they are given
	return errors.Join(err, f.Sync(), f.Close())
}
