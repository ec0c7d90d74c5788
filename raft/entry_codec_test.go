package raft_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/internal/allocation"
	"github.com/raftmark/raftmark/raft"
)

// TestEntryEncodingIsFixed: logs on disk and servers of other versions depend on these bytes.
func TestEntryEncodingIsFixed(t *testing.T) {
	entries := []raft.Entry{
		{Term: 1, Kind: raft.EntryNoop},
		{Term: 300, Kind: raft.EntryCommand, Data: []byte("hi")},
		{Term: math.MaxUint64, Kind: raft.EntryConfig, Data: []byte{0xff}},
	}
	const want = "020100" + "01ac02026869" + "03ffffffffffffffffff0101ff"
	if got := hex.EncodeToString(raft.AppendEntries(nil, entries)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEntriesRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		entries := make([]raft.Entry, rng.IntN(8))
		for i := range entries {
			entries[i] = raft.Entry{Term: raft.Term(rng.Uint64() >> rng.IntN(64)), Kind: raft.EntryKind(1 + rng.IntN(3))}
			if n := rng.IntN(300); n > 0 {
				entries[i].Data = make([]byte, n)
				entries[i].Data[rng.IntN(n)] = byte(rng.Uint32())
			}
		}
		prefix := []byte("before")
		encoded := raft.AppendEntries(prefix, entries)
		if !bytes.HasPrefix(encoded, prefix) {
			t.Fatal("AppendEntries wrote over what was there")
		}
		got, err := raft.DecodeEntries(encoded[len(prefix):], len(entries))
		if err != nil {
			t.Fatal(err)
		}
		sameEntries(t, got, entries)
	}
}

func sameEntries(t *testing.T, got, want []raft.Entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d entries, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Term != want[i].Term || got[i].Kind != want[i].Kind || !bytes.Equal(got[i].Data, want[i].Data) {
			t.Fatalf("entry %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestDecodeEntriesRefusesWhatIsMalformed(t *testing.T) {
	good := raft.AppendEntries(nil, []raft.Entry{
		{Term: 7, Kind: raft.EntryCommand, Data: []byte("abc")}, {Term: 7, Kind: raft.EntryNoop},
	})
	for _, c := range []struct {
		name, hex string
		count     int
		want      string
	}{
		{"a negative count", "020100", -1, "count -1"},
		{"more entries than could fit", "020100", 2, "count 2 in 3 bytes"},
		{"a count that would be a huge allocation", "020100", math.MaxInt, "count"},
		{"bytes and no entries", "020100", 0, "3 bytes after the last entry"},
		{"bytes after the last entry", "020100ff", 1, "1 bytes after the last entry"},
		{"kind 0", "000100", 1, "kind 0"},
		{"kind 4", "040100", 1, "kind 4"},
		{"a term without an end", "02ffffff", 1, "term"},
		{"a term of more than 64 bits", "02ffffffffffffffffff7f00", 1, "term"},
		{"data longer than the rest", "01010261", 1, "data length 2"},
		{"data longer than allowed", "0101818080047f7f7f", 1, "data length 8388609"},
		{"a length of 64 bits", "0101ffffffffffffffffff01", 1, "data length 18446744073709551615"},
		{"no length", "010101", 1, "data length 1"},
	} {
		src, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		_, err = raft.DecodeEntries(src, c.count)
		if !errors.Is(err, raft.ErrEntryEncoding) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want ErrEntryEncoding with %q", c.name, err, c.want)
		}
	}
	for n := range good {
		if _, err := raft.DecodeEntries(good[:n], 2); !errors.Is(err, raft.ErrEntryEncoding) {
			t.Errorf("the first %d of %d bytes: got %v, want ErrEntryEncoding", n, len(good), err)
		}
	}
}

// TestDecodedDataEndsWithItsEntry: appending to one entry's data must not overwrite the next entry.
func TestDecodedDataEndsWithItsEntry(t *testing.T) {
	src := raft.AppendEntries(nil, []raft.Entry{
		{Term: 1, Kind: raft.EntryCommand, Data: []byte("abc")}, {Term: 1, Kind: raft.EntryCommand, Data: []byte("def")},
	})
	entries, err := raft.DecodeEntries(src, 2)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(entries[0].Data, "overflow"...)
	if got, want := string(entries[1].Data), "def"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzDecodeEntries(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add(raft.AppendEntries(nil, []raft.Entry{{Term: 1, Kind: raft.EntryNoop}}), 1)
	f.Add(raft.AppendEntries(nil, []raft.Entry{
		{Term: 1 << 40, Kind: raft.EntryCommand, Data: []byte("data")}, {Term: 1 << 40, Kind: raft.EntryConfig},
	}), 2)
	f.Add([]byte{1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}, 1)
	f.Add([]byte{1, 1, 1}, math.MaxInt)
	f.Fuzz(func(t *testing.T, src []byte, count int) {
		var entries []raft.Entry
		var err error
		most := 2*(len(src)+min(max(count, 0), len(src)/3)*raft.EntryOverheadBytes) + allocation.Slack // as caps count
		allocation.AtMost(t, most, func() { entries, err = raft.DecodeEntries(src, count) })
		if err != nil {
			if !errors.Is(err, raft.ErrEntryEncoding) || entries != nil {
				t.Fatalf("got %v and %d entries, want ErrEntryEncoding and none", err, len(entries))
			}
			return
		}
		if len(entries) != count {
			t.Fatalf("got %d entries, want %d", len(entries), count)
		}
		// A varint has longer forms, so src need not come back; what it says must.
		again, err := raft.DecodeEntries(raft.AppendEntries(nil, entries), count)
		if err != nil {
			t.Fatal(err)
		}
		sameEntries(t, again, entries)
	})
}
