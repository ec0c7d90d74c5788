package raft_test

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/internal/allocation"
	"github.com/raftmark/raftmark/raft"
)

// TestConfigurationEncodingIsFixed: logs on disk, snapshots and servers of other versions depend on these
// bytes.
func TestConfigurationEncodingIsFixed(t *testing.T) {
	c := raft.Configuration{LastID: 300, Members: []raft.Member{
		{ID: 1, Voter: true, Outgoing: true, Priority: 2, Address: "a:1"}, {ID: 200, Learner: true, Outgoing: true},
	}}
	const want = "01ac0202" + "01030203613a31" + "c801060000"
	if got := hex.EncodeToString(c.AppendTo(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// drawConfiguration draws a valid one.
func drawConfiguration(rng *rand.Rand) raft.Configuration {
	var c raft.Configuration
	id := raft.NodeID(0)
	for range 1 + rng.IntN(9) {
		id += 1 + raft.NodeID(rng.Uint64N(1<<rng.IntN(50)))
		m := raft.Member{ID: id, Priority: uint8(rng.IntN(256)), Address: strings.Repeat("x", rng.IntN(40))}
		switch kind := rng.IntN(4); {
		case kind < 2 || len(c.Members) == 0:
			m.Voter, m.Outgoing = true, kind == 1
		case kind == 2:
			m.Learner, m.Outgoing = true, rng.IntN(2) == 0
		default:
			m.Outgoing = true
		}
		c.Members = append(c.Members, m)
	}
	c.LastID = id + raft.NodeID(rng.Uint64N(3))
	return c
}

func TestConfigurationsRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for range 5000 {
		want := drawConfiguration(rng)
		got, err := raft.DecodeConfiguration(want.AppendTo([]byte("before"))[len("before"):])
		if err != nil || !got.Equal(want) {
			t.Fatalf("got %+v (%v), want %+v", got, err, want)
		}
	}
}

func TestDecodeConfigurationRefusesWhatIsMalformed(t *testing.T) {
	good := raft.NewConfiguration(1, 2, 3).AppendTo(nil)
	for _, c := range []struct{ name, hex, want string }{
		{"nothing", "", "cut off"},
		{"version 0", "000000", "version 0, want 1"},
		{"version 2", "020000", "version 2, want 1"},
		{"too many members", "014141", "65 members, at most 64"},
		{"a count of 64 bits", "0101ffffffffffffffffff01", "members, at most 64"},
		{"a count of more than 64 bits", "0101ffffffffffffffffff7f", "cut off"},
		{"members that are not there", "010303010100", "cut off"},
		{"an unknown flag", "010101" + "01080000", "flags 0x8"},
		{"an address longer than the rest", "010101" + "01010002" + "61", "cut off"},
		{"an address of 64 bits", "010101" + "010100" + "ffffffffffffffffff01", "cut off"},
		{"bytes after the last member", "010101" + "01010000" + "ff", "1 bytes after the last member"},
		{"out of order", "010202" + "02010000" + "01010000", "1 after 2"},
		{"no voter", "010101" + "01040000", "none of the 1 is a voter"},
		{"an ID above the last", "010101" + "02010000", "LastID: 1 is below the member 2"},
	} {
		src, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		got, err := raft.DecodeConfiguration(src)
		if !errors.Is(err, raft.ErrConfigurationEncoding) || !strings.Contains(err.Error(), c.want) || len(got.Members) > 0 {
			t.Errorf("%s: got %v and %v, want ErrConfigurationEncoding with %q", c.name, got, err, c.want)
		}
	}
	for n := range good {
		if _, err := raft.DecodeConfiguration(good[:n]); !errors.Is(err, raft.ErrConfigurationEncoding) {
			t.Errorf("the first %d of %d bytes: got %v, want ErrConfigurationEncoding", n, len(good), err)
		}
	}
}

func FuzzDecodeConfiguration(f *testing.F) {
	rng := rand.New(rand.NewPCG(15, 16))
	for range 20 {
		f.Add(drawConfiguration(rng).AppendTo(nil))
	}
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0})
	f.Add([]byte{1, 1, 1, 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, src []byte) {
		var c raft.Configuration
		var err error
		allocation.AtMost(t, 2*len(src)+allocation.Slack, func() { c, err = raft.DecodeConfiguration(src) })
		if err != nil {
			if !errors.Is(err, raft.ErrConfigurationEncoding) || len(c.Members) > 0 {
				t.Fatalf("got %v and %v, want ErrConfigurationEncoding and nothing", c, err)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("decoded %+v, which is invalid: %v", c, err)
		}
		// A varint has longer forms, so src need not come back; what it says must.
		encoded := c.AppendTo(nil)
		if again, err := raft.DecodeConfiguration(encoded); err != nil || !again.Equal(c) || len(encoded) > len(src) {
			t.Fatalf("%+v came back as %+v (%v)", c, again, err)
		}
		if c.IsVoter(math.MaxUint64) && c.LastID != math.MaxUint64 {
			t.Fatalf("%+v has a member above its last ID", c)
		}
	})
}
