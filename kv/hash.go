package kv

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// Hash is the SHA-256 of a machine's keys and values in the order of the keys, each after its length. The
// applied index is not in it, so that entries that change nothing do not change it.
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

// Dump calls yield for every key in order; key and value must not be kept. It returns the index that they
// are the state of. It may be called beside Apply, from any goroutine.
func (m *Pebble) Dump(yield func(key, value []byte) error) (index raft.Index, err error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.RUnlock()
	snapshot := m.db.NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	if index, err = readApplied(snapshot); err != nil {
		return 0, err
	}
	iter, err := snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixData}, UpperBound: []byte{prefixEnd}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for valid := iter.First(); valid; valid = iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return 0, err
		}
		if err := yield(iter.Key()[1:], value); err != nil {
			return 0, err
		}
	}
	return index, iter.Error()
}

// Hash returns a hash of all keys and values, and the index that they are the state of. It reads everything.
func (m *Pebble) Hash() (raft.Index, Hash, error) { return hash(m.Dump) }
