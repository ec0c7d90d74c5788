package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

const (
	// chunkOverheadBytes bounds what a chunk takes beside its configuration and its data: six varints and a byte.
	chunkOverheadBytes = 6*binary.MaxVarintLen64 + 1
	// configurationOverheadBytes and memberOverheadBytes bound what raft.Configuration.AppendTo adds.
	configurationOverheadBytes = 1 + 2*binary.MaxVarintLen64
	memberOverheadBytes        = 2 + 2*binary.MaxVarintLen64
	// configurationBytesMax bounds the encoding of any valid configuration.
	configurationBytesMax = configurationOverheadBytes + raft.MembersMax*(memberOverheadBytes+raft.AddressBytesMax)
)

// hasChunk reports whether messages of that kind are about a chunk.
func hasChunk(kind raft.MessageKind) bool {
	return kind == raft.MsgSnapshot || kind == raft.MsgSnapshotReply
}

// chunkBound returns an upper bound of the bytes that c takes.
func chunkBound(c *raft.Chunk) int {
	size := chunkOverheadBytes + configurationOverheadBytes + len(c.Data)
	for i := range c.Snapshot.Configuration.Members {
		size += memberOverheadBytes + len(c.Snapshot.Configuration.Members[i].Address)
	}
	return size
}

// chunkData returns the data that end the encoding of m: a reply only names its chunk.
func chunkData(m *raft.Message) []byte {
	if m.Kind != raft.MsgSnapshot || m.Chunk == nil {
		return nil
	}
	return m.Chunk.Data
}

// appendChunk appends the encoding of m's chunk up to its data.
func appendChunk(dst []byte, m *raft.Message) []byte {
	s := &m.Chunk.Snapshot
	dst = appendUvarint(dst, uint64(s.Last.Term))
	dst = appendUvarint(dst, uint64(s.Last.Index))
	dst = appendUvarint(dst, uint64(s.ConfigurationIndex))
	configuration := s.Configuration.AppendTo(nil)
	dst = appendUvarint(dst, uint64(len(configuration)))
	dst = append(dst, configuration...)
	dst = appendUvarint(dst, m.Chunk.Offset)
	done := byte(0)
	if m.Chunk.Done {
		done = 1
	}
	dst = append(dst, done)
	if m.Kind == raft.MsgSnapshot {
		dst = appendUvarint(dst, uint64(len(m.Chunk.Data)))
	}
	return dst
}

// decodeChunk decodes the chunk of a message of that kind. Its data alias the source.
func decodeChunk(u *uvarints, kind raft.MessageKind) (*raft.Chunk, error) {
	var c raft.Chunk
	c.Snapshot.Last = raft.EntryID{Term: raft.Term(u.next()), Index: raft.Index(u.next())}
	c.Snapshot.ConfigurationIndex = raft.Index(u.next())
	encoded := u.bytes(u.next(), configurationBytesMax)
	if u.failed {
		return nil, fmt.Errorf("%w: chunk without a configuration", ErrFormat)
	}
	configuration, err := raft.DecodeConfiguration(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	c.Snapshot.Configuration = configuration
	c.Offset = u.next()
	done, _ := u.byte()
	if done > 1 {
		return nil, fmt.Errorf("%w: chunk done %d", ErrFormat, done)
	}
	c.Done = done == 1
	if kind == raft.MsgSnapshot {
		if data := u.bytes(u.next(), transport.FrameBytesLimit); len(data) > 0 {
			c.Data = data
		}
	}
	if u.failed {
		return nil, fmt.Errorf("%w: chunk ends early", ErrFormat)
	}
	return &c, nil
}

// Aliases reports whether a decoded message refers to the bytes that it was decoded from.
func Aliases(m *raft.Message) bool {
	return m.Span.Encoded != nil || m.Chunk != nil && m.Chunk.Data != nil
}
