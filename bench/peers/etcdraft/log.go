package etcdraft

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// The keys: the hard state, what the log begins after, and entries by index.
const (
	keyHardState = 'h'
	keyStart     = 's'
	keyEntry     = 'e'
)

// memTable is the size of Pebble's memtable: as raftmark's own log has it.
const memTable = 64 << 20

// log is a raft log in Pebble, with its recent end in memory.
type log struct {
	*raft.MemoryStorage
	db   *pebble.DB
	conf *pb.ConfState
	last uint64 // index of the last entry; of the append goroutine
}

// InitialState implements raft.Storage: the members are fixed.
func (l *log) InitialState() (*pb.HardState, *pb.ConfState, error) {
	state, _, err := l.MemoryStorage.InitialState()
	return state, l.conf, err
}

func entryKey(index uint64) []byte { return binary.BigEndian.AppendUint64([]byte{keyEntry}, index) }

// openLog reads the log of a node.
func openLog(dir string, voters []uint64) (*log, error) {
	db, err := pebble.Open(dir, &pebble.Options{
		FormatMajorVersion: pebble.FormatNewest, MemTableSize: memTable, Logger: quiet{},
	})
	if err != nil {
		return nil, err
	}
	l := &log{MemoryStorage: raft.NewMemoryStorage(), db: db, conf: &pb.ConfState{Voters: voters}}
	if err := l.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the log: %w", err), db.Close())
	}
	return l, nil
}

// get returns a copy of a value, nil when there is none.
func (l *log) get(key byte) ([]byte, error) {
	value, closer, err := l.db.Get([]byte{key})
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]byte{}, value...), closer.Close()
}

func (l *log) load() error {
	start, err := l.get(keyStart)
	if err != nil {
		return err
	}
	if start != nil {
		l.last = binary.BigEndian.Uint64(start)
		if err := l.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{
			Index: new(l.last), Term: new(binary.BigEndian.Uint64(start[8:])), ConfState: l.conf,
		}}); err != nil {
			return err
		}
	}
	if text, err := l.get(keyHardState); err != nil {
		return err
	} else if text != nil {
		state := &pb.HardState{}
		if err := proto.Unmarshal(text, state); err != nil {
			return err
		}
		if err := l.SetHardState(state); err != nil {
			return err
		}
	}
	return l.loadEntries()
}

func (l *log) loadEntries() (err error) {
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: entryKey(l.last + 1), UpperBound: []byte{keyEntry + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	var entries []*pb.Entry
	for iter.First(); iter.Valid(); iter.Next() {
		e := &pb.Entry{}
		if err := proto.Unmarshal(iter.Value(), e); err != nil {
			return err
		}
		if e.GetIndex() != l.last+1 {
			return fmt.Errorf("entry %d follows entry %d", e.GetIndex(), l.last)
		}
		entries, l.last = append(entries, e), e.GetIndex()
	}
	if err := iter.Error(); err != nil {
		return err
	}
	return l.Append(entries)
}

// write makes what messages carry durable, all with one sync, or with none when nobody waits for it.
func (l *log) write(messages []*pb.Message) error {
	batch := l.db.NewBatch()
	defer batch.Close()
	mode := pebble.NoSync
	var buffer []byte
	options := proto.MarshalOptions{}
	for _, m := range messages {
		if len(m.GetResponses()) > 0 {
			mode = pebble.Sync
		}
		if m.GetSnapshot() != nil && !raft.IsEmptySnap(m.GetSnapshot()) {
			return errors.New("a follower was sent a snapshot: the harness has none")
		}
		if m.GetTerm() != 0 || m.GetVote() != 0 || m.GetCommit() != 0 {
			state := &pb.HardState{Term: new(m.GetTerm()), Vote: new(m.GetVote()), Commit: new(m.GetCommit())}
			text, err := proto.Marshal(state)
			if err != nil {
				return err
			}
			if err := batch.Set([]byte{keyHardState}, text, nil); err != nil {
				return err
			}
			if err := l.SetHardState(state); err != nil {
				return err
			}
		}
		if len(m.GetEntries()) == 0 {
			continue
		}
		if first := m.GetEntries()[0].GetIndex(); first <= l.last { // a conflict: what follows is another leader's
			if err := batch.DeleteRange(entryKey(first), entryKey(l.last+1), nil); err != nil {
				return err
			}
		}
		for _, e := range m.GetEntries() {
			var err error
			if buffer, err = options.MarshalAppend(buffer[:0], e); err != nil {
				return err
			}
			if err := batch.Set(entryKey(e.GetIndex()), buffer, nil); err != nil {
				return err
			}
			l.last = e.GetIndex()
		}
	}
	if batch.Empty() {
		return nil
	}
	if err := batch.Commit(mode); err != nil {
		return err
	}
	for _, m := range messages {
		if len(m.GetEntries()) > 0 {
			if err := l.Append(m.GetEntries()); err != nil {
				return err
			}
		}
	}
	return nil
}

// compact removes the entries up to index, which must be applied.
func (l *log) compact(index uint64) error {
	term, err := l.Term(index)
	if err != nil {
		return err
	}
	batch := l.db.NewBatch()
	defer batch.Close()
	start := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, index), term)
	if err := errors.Join(batch.Set([]byte{keyStart}, start, nil),
		batch.DeleteRange(entryKey(0), entryKey(index+1), nil), batch.Commit(pebble.NoSync)); err != nil {
		return err
	}
	return l.Compact(index)
}

// quiet discards what Pebble tells.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
