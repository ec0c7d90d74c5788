package kv

import "github.com/raftmark/raftmark/raft"

// Limits of commands and replies.
const (
	// KeyBytesMax bounds a key.
	KeyBytesMax = 64 << 10
	// ValueBytesMax bounds a value: with the largest key it fits in one entry, as a SET, or a CAS of a
	// short old value.
	ValueBytesMax = raft.EntryDataBytesMax - KeyBytesMax - commandOverheadBytes
	// KeysMax bounds the keys of one command.
	KeysMax = 64 << 10
	// ReplyBytesMax bounds the encoding of one reply; a larger one becomes an Error reply.
	ReplyBytesMax = 16 << 20

	// commandOverheadBytes is what a command takes beside one key and one value, at most.
	commandOverheadBytes = 64
)

// A Bulk reply of the largest value fits.
const _ = uint(ReplyBytesMax - ValueBytesMax - 16)
