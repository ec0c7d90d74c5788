package kv

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/raftmark/raftmark/raft"
)

// Hash is the SHA-256 of a machine's records, those of sessions included, in the order of their keys, each
// part after its length. The applied index is not in it, so that entries that change nothing do not change
// it.
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// hash returns the hash of what dump yields.
func hash(dump func(yield func(key, value []byte) error) (raft.Index, error)) (raft.Index, Hash, error) {
	sum, length := sha256.New(), make([]byte, 0, 2*binary.MaxVarintLen64)
	index, err := dump(func(key, value []byte) error {
		length = binary.AppendUvarint(binary.AppendUvarint(length[:0], uint64(len(key))), uint64(len(value)))
		sum.Write(length)
		sum.Write(key)
		sum.Write(value)
		return nil
	})
	if err != nil {
		return 0, Hash{}, err
	}
	var h Hash
	sum.Sum(h[:0])
	return index, h, nil
}

// dataOnly passes on the keys of clients among records.
func dataOnly(yield func(key, value []byte) error) func(key, value []byte) error {
	return func(key, value []byte) error {
		if key[0] != prefixData {
			return nil
		}
		return yield(key[1:], value)
	}
}

// Dump calls yield for every key of clients in order; key and value must not be kept. It returns the index
// that they are the state of. It may be called beside Apply, from any goroutine.
func (m *Pebble) Dump(yield func(key, value []byte) error) (index raft.Index, err error) {
	return m.records(dataOnly(yield))
}

func (m *Pebble) records(yield func(key, value []byte) error) (index raft.Index, err error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.RUnlock()
	var stopped error
	err = m.engine(func() (err error) {
		snapshot := m.db.NewSnapshot()
		defer func() { err = errors.Join(err, snapshot.Close()) }()
		if index, err = readApplied(snapshot); err != nil {
			return err
		}
		err = scan(snapshot, prefixData, func(key, value []byte) error {
			stopped = yield(key, value)
			return stopped
		})
		if stopped != nil {
			return nil
		}
		return err
	})
	return index, errors.Join(stopped, err)
}

// Hash returns a hash of all records, and the index that they are the state of. It reads everything.
func (m *Pebble) Hash() (raft.Index, Hash, error) { return hash(m.records) }
