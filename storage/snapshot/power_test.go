package snapshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
)

var errPower = errors.New("power failed")

// powerFS is a file system that loses power before operation number failAt, and knows what is durable by then: of a
// file, what it held when it was last synced; of the names, those when the folder was last synced.
type powerFS struct {
	onFS
	spare  string // a folder for what was removed or replaced
	failAt int
	ops    int
	files  map[string]*powerFile // by present name
	undo   []func() error        // of the changes of names since the last sync of the folder
}

type powerFile struct {
	file
	fs     *powerFS
	size   int64
	synced int64
}

func (p *powerFS) op() error {
	if p.ops++; p.ops > p.failAt {
		return errPower
	}
	return nil
}

// keep puts the file of that name aside, if there is one, and returns what brings it back.
func (p *powerFS) keep(path string) func() error {
	aside := filepath.Join(p.spare, fmt.Sprint(p.ops))
	if os.Link(path, aside) != nil {
		return func() error { return nil }
	}
	tracked := p.files[path]
	return func() error {
		p.files[path] = tracked
		return os.Rename(aside, path)
	}
}

func (p *powerFS) create(path string) (file, error) {
	if err := p.op(); err != nil {
		return nil, err
	}
	f, err := p.onFS.create(path)
	if err != nil {
		return nil, err
	}
	tracked := &powerFile{file: f, fs: p}
	p.files[path] = tracked
	p.undo = append(p.undo, func() error { delete(p.files, path); return os.Remove(path) })
	return tracked, nil
}

func (p *powerFS) rename(from, to string) error {
	if err := p.op(); err != nil {
		return err
	}
	back := p.keep(to)
	moved := p.files[from]
	p.undo = append(p.undo, func() error {
		p.files[from] = moved
		delete(p.files, to)
		return errors.Join(os.Rename(to, from), back())
	})
	p.files[to] = moved
	delete(p.files, from)
	return p.onFS.rename(from, to)
}

func (p *powerFS) remove(path string) error {
	if err := p.op(); err != nil {
		return err
	}
	p.undo = append(p.undo, p.keep(path))
	delete(p.files, path)
	return p.onFS.remove(path)
}

func (p *powerFS) syncDir(string) error {
	if err := p.op(); err != nil {
		return err
	}
	p.undo = nil
	return nil
}

func (f *powerFile) Write(b []byte) (int, error) {
	if err := f.fs.op(); err != nil {
		return 0, err
	}
	f.size += int64(len(b))
	return f.file.Write(b)
}

func (f *powerFile) Sync() error {
	if err := f.fs.op(); err != nil {
		return err
	}
	f.synced = f.size
	return nil
}

// crash leaves what is durable: of the file data no more than that, and of the names either all changes or none.
func (p *powerFS) crash(keepNames bool) error {
	var errs []error
	if !keepNames {
		for i := len(p.undo) - 1; i >= 0; i-- {
			errs = append(errs, p.undo[i]())
		}
	}
	for path, f := range p.files {
		if f != nil && f.synced < f.size {
			errs = append(errs, os.Truncate(path, f.synced))
		}
	}
	return errors.Join(errs...)
}

// TestPowerFailureAnywhere fails the power at every operation of a history of two installs and a created snapshot. What
// is there afterwards is a whole snapshot or none, and what was acknowledged.
func TestPowerFailureAnywhere(t *testing.T) {
	a, b := nameAt(1, 10), nameAt(2, 20)
	stateA, stateB := stateOf(5000), stateOf(9000)
	states := map[raft.EntryID][]byte{a.Last: stateA, b.Last: stateB}
	chunksA, chunksB := chunksOf(a, fileOf(t, a, stateA), 2000), chunksOf(b, fileOf(t, b, stateB), 2000)
	for _, keepNames := range []bool{false, true} {
		for failAt, finished := 0, false; !finished; failAt++ {
			o := Options{Dir: t.TempDir()}
			p := &powerFS{onFS: onFS{vfs.Default}, spare: t.TempDir(), failAt: failAt, files: map[string]*powerFile{}}
			acknowledged, also, err := history(o, p, chunksA, chunksB)
			finished = err == nil
			if err != nil && !errors.Is(err, errPower) {
				t.Fatalf("operation %d: %v", failAt, err)
			}
			if err := p.crash(keepNames); err != nil {
				t.Fatalf("operation %d: crash: %v", failAt, err)
			}
			f := mustOpen(t, o)
			s, r, ok, err := f.Received()
			if err != nil {
				t.Fatalf("operation %d: Received() = %v", failAt, err)
			}
			if s.Last != acknowledged && s.Last != also {
				t.Fatalf("operation %d: received %v, want %v or %v", failAt, s.Last, acknowledged, also)
			}
			if ok {
				_ = r.Close()
				s.Configuration = nameAt(1, s.Last.Index).Configuration
				wantReceived(t, f, s, states[s.Last])
				wantFiles(t, o.Dir, receivedName)
			} else {
				wantFiles(t, o.Dir)
			}
		}
	}
}

// history returns what the folder must have received by its acknowledgements (zero: nothing), and what it may have
// instead when a call was under way.
func history(o Options, p *powerFS, a, b []raft.Chunk) (acknowledged, also raft.EntryID, err error) {
	f, err := openFS(o.WithDefaults(), p)
	if err != nil {
		return raft.EntryID{}, raft.EntryID{}, err
	}
	for _, step := range []struct {
		run  func() error
		then raft.EntryID
	}{
		{func() error { return storeAll(f, a[:2]) }, raft.EntryID{}},
		{func() error { return storeAll(f, a) }, a[0].Snapshot.Last},
		{func() error { return f.Create(a[0].Snapshot, streamOf([]byte("state"))) }, a[0].Snapshot.Last},
		{f.Discard, raft.EntryID{}},
		{func() error { return storeAll(f, a) }, a[0].Snapshot.Last},
		{func() error { return storeAll(f, b) }, b[0].Snapshot.Last}, // in its place
		{f.Discard, raft.EntryID{}},
		{f.Close, raft.EntryID{}},
	} {
		if err := step.run(); err != nil {
			return acknowledged, step.then, err
		}
		acknowledged = step.then
	}
	return acknowledged, acknowledged, nil
}
