package kv

import "github.com/raftmark/raftmark/raft"

// Limits of commands and replies. They decide about the replicated state, so they are no options: every
// server must have the same.
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

	// SessionsMax bounds the sessions; opening another one ends the one whose last command is the oldest in
	// the log.
	SessionsMax = 4096
	// SessionRepliesMax bounds the replies that one session keeps, and so the commands that a client may
	// have under way; another command has an Error reply and is not executed.
	SessionRepliesMax = 128
	// SessionReplyBytesMax and SessionsBytesMax bound the bytes of the replies that one session and all
	// keep; of one above that, only is kept that there was one.
	SessionReplyBytesMax = 64 << 10
	SessionsBytesMax     = 64 << 20

	// commandOverheadBytes is what a command takes beside one key and one value, at most.
	commandOverheadBytes = 64
)

// A stream's record can hold any reply that is kept.
const _ = uint(ValueBytesMax - SessionReplyBytesMax)

// A Bulk reply of the largest value fits.
const _ = uint(ReplyBytesMax - ValueBytesMax - 16)
