package pebble

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// end is what the last batch says of the log after it. The zero end is that of a log that nothing was ever written to.
type end struct {
	seq   uint64       // of the batch: 1 for the first, and one more for each
	chain chain        // over all batches up to it
	last  raft.EntryID // the log's last entry
}

// chain is a hash over everything that was ever written to a log, in order: two logs that differed once differ from
// then on. It covers contents by their checksums, so it finds accidents, not attacks.
type chain uint64

// add returns the chain with n at its end. It is the finalizer of MurmurHash3: one to one, so that what differs before
// differs after.
func (c chain) add(n uint64) chain {
	h := uint64(c) ^ n
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return chain(h)
}

func openEnd(value []byte) (end, error) {
	n, err := openRecord(endKey(), value, 4)
	if err != nil {
		return end{}, fmt.Errorf("end record: %w", err)
	}
	return end{
		seq: n[0], chain: chain(n[1]), last: raft.EntryID{Term: raft.Term(n[2]), Index: raft.Index(n[3])},
	}, nil
}

// builder fills a batch, and hashes what goes into it.
type builder struct {
	batch *pebble.Batch
	end   end // of the batch before; its chain grows with this one
}

// setRecord sets a record of numbers and a checksum.
func (b *builder) setRecord(key []byte, numbers ...uint64) error {
	op := b.batch.SetDeferred(len(key), recordBytes(len(numbers)))
	copy(op.Key, key)
	b.end.chain = b.end.chain.add(uint64(putRecord(op.Key, op.Value, numbers...)))
	return op.Finish()
}

func (b *builder) setHardState(hs raft.HardState) error {
	return b.setRecord(hardStateKey(), uint64(hs.Term), uint64(hs.Vote), uint64(hs.Commit),
		uint64(hs.Recover.Term), uint64(hs.Recover.Index))
}

func (b *builder) setFirst(first raft.Snapshot) error {
	value := sealFirst(first)
	// Not the checksum of all of value: with the checksum at its end that is a constant.
	b.end.chain = b.end.chain.add(uint64(binary.LittleEndian.Uint32(value[len(value)-4:])))
	return b.batch.Set(firstKey(), value, nil)
}

// removeRuns removes every run whose first index is in [from, to).
func (b *builder) removeRuns(from, to raft.Index) error {
	b.end.chain = b.end.chain.add(uint64(from)).add(uint64(to))
	return b.batch.DeleteRange(runKey(from), runKey(to), nil)
}

// setRun sets the run h, whose entries have an encoding of size bytes, which put appends to its argument.
func (b *builder) setRun(h runHeader, size int, put func([]byte) []byte) error {
	op := b.batch.SetDeferred(runKeyBytes, runHeaderBytes+size)
	putRunKey(op.Key, h.first)
	put(op.Value[runHeaderBytes:runHeaderBytes])
	b.end.chain = b.end.chain.add(uint64(sealRun(h, op.Value)))
	return op.Finish()
}

// finish ends the batch, after which the log ends in last, with its end record.
func (b *builder) finish(last raft.EntryID) (end, error) {
	b.end.seq++
	b.end.last = last
	b.end.chain = b.end.chain.add(b.end.seq)
	e := b.end
	return e, b.setRecord(endKey(), e.seq, uint64(e.chain), uint64(last.Term), uint64(last.Index))
}
