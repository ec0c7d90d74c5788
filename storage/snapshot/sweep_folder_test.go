package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/sweep"
)

// sent is a snapshot that a leader sends.
type sent struct {
	name  raft.Snapshot
	state []byte
	file  []byte
}

// newSent returns snapshots of no block, one, and more than one.
func newSent(t *testing.T) []sent {
	t.Helper()
	var all []sent
	for i, size := range []int{0, 900, 5000, blockDataBytes, blockDataBytes + 1, 3 * blockDataBytes} {
		s := sent{name: nameAt(raft.Term(1+i), raft.Index(10*(1+i))), state: stateOf(size)}
		s.file = fileOf(t, s.name, s.state)
		all = append(all, s)
	}
	return all
}

// nothing is the state of a folder without a received snapshot; else it is the number of the snapshot.
const nothing = -1

// sweepFolder returns folders as the subject of sweeps; what is kept is which snapshot was received.
func sweepFolder(t *testing.T, steps int) *sweep.Subject[int] {
	all := newSent(t)
	open := func(fs vfs.FS) (*Folder, error) { return Open(Options{Dir: "/node/snapshot", FS: fs}) }
	return &sweep.Subject[int]{
		Initial: nothing,
		Live: func(fs vfs.FS, ledger *sweep.Ledger[int], rng *rand.Rand) error {
			life := &folderLife{sent: all, open: func() (*Folder, error) { return open(fs) }, ledger: ledger, rng: rng}
			return life.live(steps)
		},
		Check: func(fs vfs.FS, possible []int) error {
			f, err := open(fs)
			if err != nil {
				return fmt.Errorf("open: %w", err)
			}
			_, err = findReceived(f, all, possible)
			names, listErr := fs.List("/node/snapshot")
			if err = errors.Join(err, listErr); err == nil {
				names = slices.DeleteFunc(names, func(name string) bool { return name == receivedName })
				if len(names) > 0 {
					err = sweep.Violation("%v is left behind", names)
				}
			}
			return errors.Join(err, f.Close())
		},
	}
}

// findReceived reads what f has received, which is one of possible.
func findReceived(f *Folder, all []sent, possible []int) (int, error) {
	name, state, ok, err := f.Received()
	if err != nil {
		return 0, err
	}
	found := nothing
	if ok {
		found = slices.IndexFunc(all, func(s sent) bool { return s.name.Last == name.Last })
		read, err := io.ReadAll(state)
		if err = errors.Join(err, state.Close()); err != nil {
			return 0, err
		}
		if found < 0 || !bytes.Equal(read, all[found].state) || !name.Configuration.Equal(all[found].name.Configuration) {
			return 0, sweep.Violation("received snapshot %v with %d bytes is none that was sent", name.Last, len(read))
		}
	}
	if !slices.Contains(possible, found) {
		return 0, sweep.Violation("received snapshot %d of %v; possible are %v", found, name.Last, possible)
	}
	return found, nil
}

// folderLife is one life of a folder.
type folderLife struct {
	sent   []sent
	open   func() (*Folder, error)
	ledger *sweep.Ledger[int]
	rng    *rand.Rand

	folder *Folder
}

func (l *folderLife) live(steps int) error {
	if err := l.start(); err != nil {
		return err
	}
	for range steps {
		if err := l.step(); err != nil {
			return l.stopped(err)
		}
	}
	return l.folder.Close()
}

func (l *folderLife) start() error {
	f, err := l.open()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	found, err := findReceived(f, l.sent, l.ledger.Possible())
	if err != nil {
		_ = f.Close()
		return err
	}
	l.folder = f
	l.ledger.Settle(found)
	return nil
}

// stopped sees that a folder that failed keeps nothing more, closes it, and returns err, why it failed.
func (l *folderLife) stopped(err error) error {
	if errors.Is(err, raft.ErrClosed) || sweep.Violated(err) {
		return err
	}
	s := l.sent[1]
	if storeAll(l.folder, chunksOf(s.name, s.file, 400)) == nil {
		return sweep.Violation("a snapshot stored after %w was acknowledged", err)
	}
	if l.folder.Discard() == nil {
		return sweep.Violation("a discard after %w was acknowledged", err)
	}
	_ = l.folder.Close() // may tell of it again
	return err
}

func (l *folderLife) step() error {
	number := l.rng.IntN(len(l.sent))
	s := l.sent[number]
	chunks := chunksOf(s.name, s.file, 1000+l.rng.IntN(60<<10))
	switch n := l.rng.IntN(100); {
	case n < 45:
		state := l.ledger.Begin(number)
		err := storeAll(l.folder, chunks)
		if err == nil {
			l.ledger.Done(state)
		}
		return err
	case n < 60: // the leader goes away in the middle
		return storeAll(l.folder, chunks[:l.rng.IntN(len(chunks))])
	case n < 68: // what was sent is damaged
		last := &chunks[len(chunks)-1]
		last.Data = slices.Clone(last.Data)
		last.Data[l.rng.IntN(len(last.Data))] ^= 0x10
		switch err := storeAll(l.folder, chunks); {
		case err == nil:
			return sweep.Violation("a damaged snapshot was received")
		case l.ledger.Failed(): // it could not be removed, perhaps
			return err
		case errors.Is(err, storage.ErrCorrupt), errors.Is(err, storage.ErrFormat):
			return nil
		default:
			return err
		}
	case n < 80:
		return l.create(s)
	case n < 92:
		state := l.ledger.Begin(nothing)
		err := l.folder.Discard()
		if err == nil {
			l.ledger.Done(state)
		}
		return err
	default:
		if err := l.folder.Close(); err != nil {
			return err
		}
		return l.start()
	}
}

// create makes a snapshot for followers, which need not survive, and reads it.
func (l *folderLife) create(s sent) error {
	if err := l.folder.Create(s.name, streamOf(s.state)); err != nil {
		return err
	}
	var got []byte
	for done := false; !done; {
		c, err := l.folder.Read(s.name.Last, uint64(len(got)), 1+l.rng.IntN(100<<10))
		if err != nil {
			return err
		}
		got, done = append(got, c.Data...), c.Done
	}
	if !bytes.Equal(got, s.file) {
		return sweep.Violation("the created snapshot %v has %d bytes that are not its %d", s.name.Last, len(got), len(s.file))
	}
	return nil
}

// TestSweepFolderCrash crashes a folder of snapshots before each change that it makes to the disk.
func TestSweepFolderCrash(t *testing.T) {
	s := sweep.Start(t, "snapshots: crash at every change of the disk")
	subject := sweepFolder(t, 30)
	s.Each(s.Pick(1, 12), func(i int) error { return subject.EveryPoint(s, uint64(i), s.Pick(1, 5)) })
	s.Each(s.Pick(6, 200), func(i int) error { return subject.Lives(s, uint64(i), 5) })
}

// TestSweepFolderFaults fails every operation of a folder of snapshots, one at a time.
func TestSweepFolderFaults(t *testing.T) {
	s := sweep.Start(t, "snapshots: every operation fails")
	s.EachFault(s.Pick(1, 3), s.Pick(4, 1), sweepFolder(t, 30))
}
