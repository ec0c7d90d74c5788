package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Op is what a command does. Its values are part of the log's format.
type Op uint8

// The operations; the package comment says what each replies.
const (
	OpGet    Op = 1
	OpSet    Op = 2
	OpDel    Op = 3
	OpExists Op = 4
	OpIncr   Op = 5
	OpMGet   Op = 6
	OpCAS    Op = 7
	// OpOpenSession opens a session; OpSession is only in encodings: what wraps a command of a session.
	OpOpenSession Op = 8
	OpSession     Op = 9
)

// String returns the operation's name in the Redis protocol.
func (o Op) String() string {
	names := [...]string{
		OpGet: "GET", OpSet: "SET", OpDel: "DEL", OpExists: "EXISTS", OpIncr: "INCR", OpMGet: "MGET", OpCAS: "CAS",
		OpOpenSession: "OPENSESSION", OpSession: "SESSION",
	}
	if int(o) < len(names) && names[o] != "" {
		return names[o]
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// Flags change what Set does.
type Flags uint8

const (
	// FlagNX sets only when the key is not there.
	FlagNX Flags = 1 << 0
	// FlagXX sets only when the key is there.
	FlagXX Flags = 1 << 1
	// FlagGet replies with the old value.
	FlagGet Flags = 1 << 2

	flagsAll = FlagNX | FlagXX | FlagGet
)

// commandVersion is the first byte of every command.
const commandVersion = 1

// ErrCommand is wrapped by every error of Command.Decode.
var ErrCommand = errors.New("malformed command")

// Command is a decoded command. Which fields an operation uses is said by the encoders. It aliases what it was
// decoded from.
type Command struct {
	// Session is the id of the session that the command belongs to, 0 for none; Seq is its number there,
	// and Ack the lowest number whose reply the client has not seen. Invariant: Ack <= Seq.
	Session  uint64
	Seq, Ack uint64

	Op    Op
	Flags Flags
	Key   []byte
	Value []byte   // of Set, and the new one of CAS
	Old   []byte   // of CAS
	Keys  [][]byte // of Del, Exists, MGet
}

// framingBytes is what is around the keys and values of a command of one key, in nearly all cases: the header and three
// lengths. An encoder makes room for all at once, so that a command that is begun with nil is one allocation.
const framingBytes = 3 + 3*4

func appendHeader(dst []byte, op Op) []byte { return append(dst, commandVersion, byte(op)) }

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func appendKeys(dst []byte, op Op, keys [][]byte) []byte {
	dst = binary.AppendUvarint(appendHeader(dst, op), uint64(len(keys)))
	for _, key := range keys {
		dst = appendBytes(dst, key)
	}
	return dst
}

// The encoders append a command to dst and return the extended slice. They check nothing: what is too large
// has an Error reply when it is applied.

// AppendGet encodes: reply with the value of key.
func AppendGet(dst, key []byte) []byte { return appendBytes(appendHeader(dst, OpGet), key) }

// AppendSet encodes: make value the value of key, as flags say.
func AppendSet(dst, key, value []byte, flags Flags) []byte {
	dst = slices.Grow(dst, len(key)+len(value)+framingBytes)
	return appendBytes(appendBytes(append(appendHeader(dst, OpSet), byte(flags)), key), value)
}

// AppendDel encodes: remove the keys.
func AppendDel(dst []byte, keys ...[]byte) []byte { return appendKeys(dst, OpDel, keys) }

// AppendExists encodes: count the keys that are there.
func AppendExists(dst []byte, keys ...[]byte) []byte { return appendKeys(dst, OpExists, keys) }

// AppendIncr encodes: add one to the decimal number at key, which counts from 0.
func AppendIncr(dst, key []byte) []byte { return appendBytes(appendHeader(dst, OpIncr), key) }

// AppendMGet encodes: reply with the values of the keys.
func AppendMGet(dst []byte, keys ...[]byte) []byte { return appendKeys(dst, OpMGet, keys) }

// AppendCAS encodes: make value the value of key if that is old.
func AppendCAS(dst, key, old, value []byte) []byte {
	dst = slices.Grow(dst, len(key)+len(old)+len(value)+framingBytes)
	return appendBytes(appendBytes(appendBytes(appendHeader(dst, OpCAS), key), old), value)
}

// AppendOpenSession encodes: open a session and reply with its id.
func AppendOpenSession(dst []byte) []byte { return appendHeader(dst, OpOpenSession) }

// AppendSession encodes: execute inner, an encoded command, once for each seq of the session id, and give
// the same reply each time. The client has seen the replies to all numbers below ack, and will not ask for
// them again. Inner is no session's command itself; appending inner to AppendSession(dst, id, seq, ack,
// nil) gives the same.
func AppendSession(dst []byte, id, seq, ack uint64, inner []byte) []byte {
	dst = binary.AppendUvarint(appendHeader(dst, OpSession), id)
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, seq), ack)
	return append(dst, inner...)
}

// AppendCommand appends the encoding of c, by its operation.
func AppendCommand(dst []byte, c Command) []byte {
	if c.Session != 0 {
		dst = AppendSession(dst, c.Session, c.Seq, c.Ack, nil)
	}
	switch c.Op {
	case OpGet, OpIncr:
		return appendBytes(appendHeader(dst, c.Op), c.Key)
	case OpSet:
		return AppendSet(dst, c.Key, c.Value, c.Flags)
	case OpDel, OpExists, OpMGet:
		return appendKeys(dst, c.Op, c.Keys)
	case OpCAS:
		return AppendCAS(dst, c.Key, c.Old, c.Value)
	case OpOpenSession, OpSession:
	}
	return appendHeader(dst, c.Op)
}

// Decode decodes src, which must be one command and nothing more, into c. Keys is reused; the rest of c is
// overwritten.
func (c *Command) Decode(src []byte) error {
	op, err := decodeHeader(src)
	if err != nil {
		return err
	}
	if op == OpSession {
		return c.decodeSession(src[2:])
	}
	return c.decodeBody(op, src[2:])
}

func decodeHeader(src []byte) (Op, error) {
	if len(src) < 2 {
		return 0, fmt.Errorf("%w: %d bytes", ErrCommand, len(src))
	}
	if src[0] != commandVersion {
		return 0, fmt.Errorf("%w: version %d, want %d", ErrCommand, src[0], commandVersion)
	}
	return Op(src[1]), nil
}

// decodeSession decodes a session's command after its header.
func (c *Command) decodeSession(src []byte) error {
	d := decoder{rest: src}
	id, seq, ack := d.uvarint("session"), d.uvarint("sequence"), d.uvarint("acknowledgement")
	if d.err == nil && id == 0 {
		d.fail("session 0")
	}
	if d.err == nil && ack > seq {
		d.fail("acknowledgement %d above the sequence %d", ack, seq)
	}
	if d.err != nil {
		return d.err
	}
	op, err := decodeHeader(d.rest)
	if err != nil {
		return err
	}
	if op == OpSession || op == OpOpenSession {
		return fmt.Errorf("%w: %v in a session", ErrCommand, op)
	}
	err = c.decodeBody(op, d.rest[2:])
	c.Session, c.Seq, c.Ack = id, seq, ack
	return err
}

// decodeBody decodes a command of no session after its header.
func (c *Command) decodeBody(op Op, src []byte) error {
	*c = Command{Op: op, Keys: c.Keys[:0]}
	d := decoder{rest: src}
	switch op {
	case OpGet, OpIncr:
		c.Key = d.bytes("key", KeyBytesMax)
	case OpSet:
		c.Flags = d.flags()
		c.Key, c.Value = d.bytes("key", KeyBytesMax), d.bytes("value", ValueBytesMax)
	case OpDel, OpExists, OpMGet:
		c.Keys = d.keys(c.Keys)
	case OpCAS:
		c.Key = d.bytes("key", KeyBytesMax)
		c.Old, c.Value = d.bytes("value", ValueBytesMax), d.bytes("value", ValueBytesMax)
	case OpOpenSession:
	case OpSession:
		d.fail("session in a session")
	default:
		d.fail("operation %d", uint8(op))
	}
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes after its end", len(d.rest))
	}
	return d.err
}

// decoder reads fields until the first error.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrCommand}, args...)...)
	}
	d.rest = nil
}

func (d *decoder) uvarint(name string) uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("%s cut short", name)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes(name string, bytesMax int) []byte {
	size := d.uvarint(name)
	if d.err != nil {
		return nil
	}
	if size > uint64(bytesMax) {
		d.fail("%s of %d bytes, at most %d", name, size, bytesMax)
		return nil
	}
	if size > uint64(len(d.rest)) {
		d.fail("%s cut short", name)
		return nil
	}
	b := d.rest[:size:size]
	d.rest = d.rest[size:]
	return b
}

func (d *decoder) flags() Flags {
	if len(d.rest) == 0 {
		d.fail("flags cut short")
		return 0
	}
	flags := Flags(d.rest[0])
	d.rest = d.rest[1:]
	if flags&^flagsAll != 0 {
		d.fail("flags %#x", uint8(flags))
	}
	if flags&(FlagNX|FlagXX) == FlagNX|FlagXX {
		d.fail("NX with XX")
	}
	return flags
}

func (d *decoder) keys(keys [][]byte) [][]byte {
	count := d.uvarint("count")
	if count == 0 && d.err == nil {
		d.fail("no keys")
	}
	if count > KeysMax {
		d.fail("%d keys, at most %d", count, KeysMax)
	}
	for range count {
		key := d.bytes("key", KeyBytesMax)
		if d.err != nil {
			return keys
		}
		keys = append(keys, key)
	}
	return keys
}
