// Package wire turns messages into bytes and back. Every connection of every transport speaks it.
//
// A connection carries frames. All numbers of the header are little-endian:
//
//	 0         2         3        4           8           12
//	+---------+---------+--------+-----------+-----------+-------------+
//	| "rm"    | version | kind   | length    | CRC32C    | payload ... |
//	| 2 B     | 1 B     | 1 B    | 4 B       | 4 B       | length B    |
//	+---------+---------+--------+-----------+-----------+-------------+
//
// The checksum covers the first eight bytes and the payload. The kinds are
//
//	1  hello       dialer to accepter, first on each connection (of QUIC: on each stream)
//	2  welcome     accepter to dialer: the answer to a hello; dialer to accepter, instead of messages: why it refuses it
//	3  messages    one or several messages, to the end of the payload
//	4  keep-alive  nothing: its sender is alive; of TCP both ways once greeted, when nothing else is sent
//
// The payload of a hello and of a welcome (uv is an unsigned varint):
//
//	hello    | head | lane 1 B | from uv | to uv | process | nonces | cluster | address |
//	welcome  | head | refusal 1 B | node uv | process | nonces | cluster | address |
//
// where cluster and address are strings, each after its length as uv: at most 64 and raft.AddressBytesMax bytes; and
//
//	head     | newest protocol uv | oldest protocol uv | required features uv | optional features uv |
//	process  | incarnation 8 B | instance 8 B | disk 8 B |
//	nonces   | nonce 8 B | count 1 B | previous nonces, 8 B each, at most transport.PreviousMax |
//
// A message:
//
//	+------+-------+---------+-------+---------+------------------------------------+
//	| kind | flags | from uv | to uv | term uv | fields whose flag is set, in order |
//	| 1 B  | 1 B   |         |       |         |                                    |
//	+------+-------+---------+-------+---------+------------------------------------+
//
//	flag   1  last      term uv, index uv
//	flag   2  span      previous term uv, previous index uv, count uv, length uv, entries
//	flag   4  match     uv
//	flag   8  commit    uv
//	flag  16  seq       uv
//	flag  32  reject    nothing
//	flag  64  chunk     last term uv, last index uv, configuration index uv, length uv, configuration,
//	                    offset uv, done 1 B; of InstallSnapshot then: length uv, data
//	flag 128  transfer  nothing
//
// A flag is set when the field is not zero. Entries are encoded as raft.AppendEntries does, so that a leader encodes
// a batch once for its own log and all followers, and a follower can write what it received as it is.
//
// InstallSnapshot and its reply have a chunk, and no other message does. Its configuration is encoded as
// raft.Configuration.AppendTo does; one that is not valid makes the message malformed.
//
// # Version rule
//
// A change of the header changes FrameVersion; any other change of these bytes changes ProtocolVersion. Both are
// guarded by the golden files in testdata. For ever the same are the head, and that a welcome's refusal follows it.
// Nodes speak the newest version that both windows have, which both compute from the heads, and refuse each other when
// there is none. A later version that still speaks an earlier one adds to the end of a hello and of a welcome only: the
// earlier one ignores it. What can be left out is an optional feature, used when both have it; whoever does not know a
// required one is refused. Nodes up to version 3 had one version and no head.
//
// # Ownership
//
//  1. [Encoder.Frame] refers to the Encoded bytes of the spans and to the data of the chunks that it was given, and to
//     the encoder's own buffer: it is valid until the next Reset, and they must not change until it was written.
//  2. A payload that [Reader.Next] returned is valid until the next call, unless [Reader.Retain] was called, after
//     which it is immutable for ever.
//  3. [DecodeMessage] aliases its input: the entries' data, Span.Encoded, and Chunk.Data.
//
// Nothing is allocated on the word of a peer: lengths are checked against caps and against what has arrived.
package wire
