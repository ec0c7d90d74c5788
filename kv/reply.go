package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ReplyKind tells replies apart. Its values are part of the encoding.
type ReplyKind uint8

// The kinds of replies.
const (
	ReplyNil   ReplyKind = 1
	ReplyOK    ReplyKind = 2
	ReplyInt   ReplyKind = 3
	ReplyBulk  ReplyKind = 4
	ReplyArray ReplyKind = 5
	ReplyError ReplyKind = 6
)

// String returns the kind's name.
func (k ReplyKind) String() string {
	names := [...]string{
		ReplyNil: "Nil", ReplyOK: "OK", ReplyInt: "Int", ReplyBulk: "Bulk", ReplyArray: "Array", ReplyError: "Error",
	}
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return fmt.Sprintf("ReplyKind(%d)", uint8(k))
}

// ErrReply is wrapped by every error of DecodeReply.
var ErrReply = errors.New("malformed reply")

// Reply is what a command led to.
type Reply struct {
	Kind ReplyKind
	// Int is the number of ReplyInt.
	Int int64
	// Bulk is the value of ReplyBulk. It aliases what the reply was decoded from.
	Bulk []byte
	// Array holds the elements of ReplyArray: each ReplyNil or ReplyBulk.
	Array []Reply
	// Text is the message of ReplyError, in the manner of Redis: a word in capitals, then a sentence.
	Text string
}

// AppendReply appends the encoding of r to dst and returns the extended slice.
func AppendReply(dst []byte, r Reply) []byte {
	switch r.Kind {
	case ReplyInt:
		return appendInt(dst, r.Int)
	case ReplyBulk:
		return appendBulk(dst, r.Bulk)
	case ReplyError:
		return appendError(dst, r.Text)
	case ReplyArray:
		dst = appendArray(dst, len(r.Array))
		for _, e := range r.Array {
			dst = AppendReply(dst, e)
		}
		return dst
	case ReplyNil, ReplyOK:
	}
	return append(dst, byte(r.Kind))
}

func appendNil(dst []byte) []byte { return append(dst, byte(ReplyNil)) }
func appendOK(dst []byte) []byte  { return append(dst, byte(ReplyOK)) }

func appendInt(dst []byte, n int64) []byte {
	return binary.AppendVarint(append(dst, byte(ReplyInt)), n)
}

func appendBulk(dst, value []byte) []byte {
	return appendBytes(append(dst, byte(ReplyBulk)), value)
}

func appendArray(dst []byte, count int) []byte {
	return binary.AppendUvarint(append(dst, byte(ReplyArray)), uint64(count))
}

func appendError(dst []byte, text string) []byte {
	dst = binary.AppendUvarint(append(dst, byte(ReplyError)), uint64(len(text)))
	return append(dst, text...)
}

// DecodeReply decodes src, which must be one reply and nothing more.
func DecodeReply(src []byte) (Reply, error) {
	r, rest, err := decodeReply(src, true)
	if err != nil {
		return Reply{}, err
	}
	if len(rest) > 0 {
		return Reply{}, fmt.Errorf("%w: %d bytes after its end", ErrReply, len(rest))
	}
	return r, nil
}

// decodeReply decodes one reply at the start of src: of any kind when outer, else an element of an array.
func decodeReply(src []byte, outer bool) (r Reply, rest []byte, err error) {
	if len(src) == 0 {
		return Reply{}, nil, fmt.Errorf("%w: empty", ErrReply)
	}
	r.Kind, rest = ReplyKind(src[0]), src[1:]
	if !outer && r.Kind != ReplyNil && r.Kind != ReplyBulk {
		return Reply{}, nil, fmt.Errorf("%w: %v in an array", ErrReply, r.Kind)
	}
	switch r.Kind {
	case ReplyNil, ReplyOK:
		return r, rest, nil
	case ReplyInt:
		v, n := binary.Varint(rest)
		if n <= 0 {
			return Reply{}, nil, fmt.Errorf("%w: number cut short", ErrReply)
		}
		r.Int = v
		return r, rest[n:], nil
	case ReplyBulk, ReplyError:
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return Reply{}, nil, fmt.Errorf("%w: %v cut short", ErrReply, r.Kind)
		}
		body := rest[n : n+int(size) : n+int(size)]
		if r.Kind == ReplyBulk {
			r.Bulk = body
		} else {
			r.Text = string(body)
		}
		return r, rest[n+int(size):], nil
	case ReplyArray:
		return decodeArray(rest)
	}
	return Reply{}, nil, fmt.Errorf("%w: kind %d", ErrReply, src[0])
}

func decodeArray(src []byte) (r Reply, rest []byte, err error) {
	count, n := binary.Uvarint(src)
	if n <= 0 || count > uint64(len(src)-n) || count > KeysMax {
		return Reply{}, nil, fmt.Errorf("%w: array cut short", ErrReply)
	}
	r, rest = Reply{Kind: ReplyArray, Array: make([]Reply, 0, min(count, 1024))}, src[n:]
	for range count {
		var element Reply
		if element, rest, err = decodeReply(rest, false); err != nil {
			return Reply{}, nil, err
		}
		r.Array = append(r.Array, element)
	}
	return r, rest, nil
}
