package replica

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// ChainSum is a hash over entries and their order: each link is the SHA-256 of the link before (zeros at the
// beginning), the entry's index and term (8 B each, big-endian), its kind (1 B) and its data.
type ChainSum [sha256.Size]byte

// String returns the sum in hexadecimal.
func (s ChainSum) String() string { return hex.EncodeToString(s[:]) }

// add returns the sum with one entry more.
func (s ChainSum) add(index raft.Index, e *raft.Entry) (next ChainSum) {
	sum := sha256.New()
	sum.Write(s[:])
	head := binary.BigEndian.AppendUint64(make([]byte, 0, 17), uint64(index))
	head = append(binary.BigEndian.AppendUint64(head, uint64(e.Term)), byte(e.Kind))
	sum.Write(head)
	sum.Write(e.Data)
	sum.Sum(next[:0])
	return next
}

// LogChain reads the entries (after, upto] of the stored log and returns the chain over them. Two servers that have
// committed upto and hold (after, upto] have the same one, or State Machine Safety (Figure 3) does not hold; beyond
// what is committed they may differ. It reads the storage, not what the core has in memory, and nothing is cached:
// it is for checks, beside everything else. Its error wraps raft.ErrCompacted when the log begins after after, and
// raft.ErrOutOfRange when it ends before upto.
func (r *Replica) LogChain(ctx context.Context, after, upto raft.Index) (ChainSum, error) {
	var sum ChainSum
	if after > upto {
		return sum, fmt.Errorf("chain of the log (%d, %d]: %w", after, upto, raft.ErrOutOfRange)
	}
	for at := after; at < upto; {
		if err := ctx.Err(); err != nil {
			return sum, fmt.Errorf("chain of the log (%d, %d]: at %d: %w", after, upto, at, err)
		}
		span, err := r.log.Read(at, upto, readBytesMax)
		if err != nil {
			return sum, fmt.Errorf("chain of the log (%d, %d]: %w", after, upto, err)
		}
		for i := range span.Entries {
			at++
			sum = sum.add(at, &span.Entries[i])
		}
	}
	return sum, nil
}
