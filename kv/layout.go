package kv

// Records are what a machine's state is made of, in the order of their keys, on Pebble and in streams:
//
//	00                                applied index (8 B, little-endian); on Pebble only
//	01 | client's key                 value
//	02 | session (8 B)                index of its last entry, acknowledged below (uvarints)
//	03 | session (8 B) | seq (8 B)    reply; empty: it was too large to keep
//
// Numbers in keys are big-endian.
const (
	prefixApplied = 0x00
	prefixData    = 0x01
	prefixSession = 0x02
	prefixReply   = 0x03
	prefixEnd     = 0x04
)

func appliedKey() []byte { return []byte{prefixApplied} }
