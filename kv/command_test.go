package kv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/internal/allocation"
)

// samples are one command of each form, with its encoding, which is part of the log's format.
var samples = []struct {
	command Command
	encoded []byte
	golden  string
}{
	{Command{Op: OpGet, Key: []byte("k")}, AppendGet(nil, []byte("k")), "0101016b"},
	{Command{Op: OpSet, Key: []byte("k"), Value: []byte("vv")},
		AppendSet(nil, []byte("k"), []byte("vv"), 0), "010200016b027676"},
	{Command{Op: OpSet, Flags: FlagNX | FlagGet, Key: []byte("k"), Value: []byte{}},
		AppendSet(nil, []byte("k"), nil, FlagNX|FlagGet), "010205016b00"},
	{Command{Op: OpDel, Keys: [][]byte{[]byte("a"), []byte("b")}},
		AppendDel(nil, []byte("a"), []byte("b")), "01030201610162"},
	{Command{Op: OpExists, Keys: [][]byte{{}}}, AppendExists(nil, []byte{}), "01040100"},
	{Command{Op: OpIncr, Key: []byte("n")}, AppendIncr(nil, []byte("n")), "0105016e"},
	{Command{Op: OpMGet, Keys: [][]byte{[]byte("a")}}, AppendMGet(nil, []byte("a")), "0106010161"},
	{Command{Op: OpCAS, Key: []byte("k"), Old: []byte("o"), Value: []byte("n")},
		AppendCAS(nil, []byte("k"), []byte("o"), []byte("n")), "0107016b016f016e"},
	{Command{Op: OpOpenSession}, AppendOpenSession(nil), "0108"},
	{Command{Op: OpGet, Session: 300, Seq: 7, Ack: 5, Key: []byte("k")},
		AppendSession(nil, 300, 7, 5, AppendGet(nil, []byte("k"))), "0109ac0207050101016b"},
	{Command{Op: OpDel, Session: 1, Keys: [][]byte{[]byte("a")}},
		AppendSession(nil, 1, 0, 0, AppendDel(nil, []byte("a"))), "010901000001030101" + "61"},
}

func TestCommandEncodingIsStable(t *testing.T) {
	for _, s := range samples {
		if got := hex.EncodeToString(s.encoded); got != s.golden {
			t.Errorf("%v encodes to %s, want %s", s.command.Op, got, s.golden)
		}
		var got Command
		if err := got.Decode(s.encoded); err != nil {
			t.Errorf("%v: %v", s.command.Op, err)
			continue
		}
		if !reflect.DeepEqual(got, s.command) {
			t.Errorf("decoded %+v, want %+v", got, s.command)
		}
		if again := AppendCommand(nil, got); !bytes.Equal(again, s.encoded) {
			t.Errorf("%v encodes again to %x, want %x", s.command.Op, again, s.encoded)
		}
	}
}

func TestCommandDecodeRefuses(t *testing.T) {
	key := bytes.Repeat([]byte("k"), KeyBytesMax+1)
	cases := map[string][]byte{
		"0 bytes":                   {},
		"version 2":                 {2, 1, 0},
		"operation 99":              {1, 99},
		"key of 65537 bytes":        AppendGet(nil, key),
		"value of":                  AppendSet(nil, nil, make([]byte, ValueBytesMax+1), 0),
		"key cut short":             {1, 1, 5, 'a'},
		"value cut short":           {1, 2, 0, 1, 'a', 9},
		"flags cut short":           {1, 2},
		"flags 0x80":                {1, 2, 0x80, 0, 0},
		"NX with XX":                AppendSet(nil, nil, nil, FlagNX|FlagXX),
		"no keys":                   AppendDel(nil),
		"keys, at most":             {1, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"1 bytes after":             append(AppendGet(nil, nil), 0),
		"count cut short":           {1, 6, 0x80},
		"session cut short":         {1, 9},
		"acknowledgement cut short": {1, 9, 1, 1},
		"acknowledgement 2 above":   AppendSession(nil, 1, 1, 2, AppendGet(nil, nil)),
		"session 0":                 AppendSession(nil, 0, 1, 1, AppendGet(nil, nil)),
		"SESSION in a session":      AppendSession(nil, 1, 1, 1, AppendSession(nil, 1, 1, 1, nil)),
		"OPENSESSION in a session":  AppendSession(nil, 1, 1, 1, AppendOpenSession(nil)),
		"1 bytes":                   AppendSession(nil, 1, 1, 1, []byte{1}),
		"operation 99 ":             AppendSession(nil, 1, 1, 1, []byte{1, 99}),
	}
	for says, src := range cases {
		var c Command
		if err := c.Decode(src); !errors.Is(err, ErrCommand) || !strings.Contains(err.Error(), strings.TrimSpace(says)) {
			t.Errorf("Decode(%.20x) = %v, want ErrCommand saying %q", src, err, says)
		}
	}
}

func TestReplyRoundTrip(t *testing.T) {
	replies := []Reply{
		{Kind: ReplyNil}, {Kind: ReplyOK}, {Kind: ReplyInt, Int: -5}, {Kind: ReplyInt, Int: 1 << 62},
		{Kind: ReplyBulk, Bulk: []byte{}}, {Kind: ReplyBulk, Bulk: []byte("value")}, {Kind: ReplyError, Text: "ERR no"},
		{Kind: ReplyArray, Array: []Reply{}},
		{Kind: ReplyArray, Array: []Reply{{Kind: ReplyNil}, {Kind: ReplyBulk, Bulk: []byte("a")}, {Kind: ReplyNil}}},
	}
	for _, want := range replies {
		got, err := DecodeReply(AppendReply(nil, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("decoded %+v, %v, want %+v", got, err, want)
		}
	}
	malformed := [][]byte{
		{}, {0}, {9}, {1, 1}, {3}, {4, 5, 'a'}, {5, 2, 1}, {5, 1, 2}, {5, 1, 5, 0}, {6, 1}, {5, 0xff},
	}
	for _, src := range malformed {
		if r, err := DecodeReply(src); !errors.Is(err, ErrReply) {
			t.Errorf("DecodeReply(%x) = %+v, %v, want ErrReply", src, r, err)
		}
	}
}

func FuzzCommandDecode(f *testing.F) {
	for _, s := range samples {
		f.Add(s.encoded)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var c, again Command
		var err error
		allocation.AtMost(t, keysLimit(src), func() {
			c = Command{}
			err = c.Decode(src)
		})
		if err != nil {
			if !errors.Is(err, ErrCommand) {
				t.Fatalf("error %v does not wrap ErrCommand", err)
			}
			return
		}
		// Lengths may have longer forms than the encoder's, so the commands are compared, not the bytes.
		if err := again.Decode(AppendCommand(nil, c)); err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("decoded %+v, again %+v, %v", c, again, err)
		}
	})
}

// keysLimit bounds what decoding allocates: a key takes a slice's header beside its bytes, which are shared, and the
// list of keys grows by doubling. There are at most KeysMax.
func keysLimit(src []byte) int {
	const headerBytes = 24
	return 4*headerBytes*min(len(src), KeysMax) + allocation.Slack
}

func FuzzReplyDecode(f *testing.F) {
	array := []Reply{{Kind: ReplyNil}, {Kind: ReplyBulk, Bulk: []byte("a")}}
	f.Add(AppendReply(nil, Reply{Kind: ReplyArray, Array: array}))
	f.Add(AppendReply(nil, Reply{Kind: ReplyInt, Int: -1}))
	f.Add(AppendReply(nil, Reply{Kind: ReplyError, Text: "ERR"}))
	f.Fuzz(func(t *testing.T, src []byte) {
		var r Reply
		var err error
		allocation.AtMost(t, elementsLimit(src), func() { r, err = DecodeReply(src) })
		if err != nil {
			return
		}
		if again, err := DecodeReply(AppendReply(nil, r)); err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("decoded %+v, again %+v, %v", r, again, err)
		}
	})
}

// elementsLimit bounds what decoding a reply allocates: an element of an array, one byte on the wire, takes as much as
// a reply, and the array grows by doubling. There are at most KeysMax.
func elementsLimit(src []byte) int {
	const replyBytes = 88
	return 4*replyBytes*min(len(src), KeysMax) + 2*len(src) + 2*allocation.Slack
}

// FuzzApply applies arbitrary bytes as commands: no panic, no error, a reply that decodes, and the same on
// both machines.
func FuzzApply(f *testing.F) {
	for _, s := range samples {
		f.Add(s.encoded, AppendSet(nil, []byte("k"), []byte("7"), 0))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		onDisk, inMemory := newMachine(t, "pebble"), newMachine(t, "mem")
		got, want := mustApply(t, onDisk, a, b, a), mustApply(t, inMemory, a, b, a)
		for i := range got {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Errorf("reply %d: pebble %+v, mem %+v", i, got[i], want[i])
			}
		}
		sameHash(t, onDisk, inMemory)
	})
}
