package snapshot

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

func nameAt(term raft.Term, index raft.Index) raft.Snapshot {
	c := raft.NewConfiguration(1, 2, raft.NodeID(index))
	c.Members[0].Address = "localhost:1"
	return raft.Snapshot{
		Last: raft.EntryID{Term: term, Index: index}, Configuration: c, ConfigurationIndex: index / 2,
	}
}

// stateOf returns n bytes that look like nothing else.
func stateOf(n int) []byte {
	state := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	_, _ = rng.Read(state)
	return state
}

// streamOf gives state in pieces of uneven sizes.
func streamOf(state []byte) func(write func([]byte) error) error {
	return func(write func([]byte) error) error {
		for size := 1; len(state) > 0; size = size*3 + 1 {
			n := min(size%200_000, len(state))
			if err := write(state[:n]); err != nil {
				return err
			}
			state = state[n:]
		}
		return nil
	}
}

func mustOpen(t *testing.T, o Options) *Folder {
	t.Helper()
	f, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// fileOf returns the file of a snapshot.
func fileOf(t *testing.T, s raft.Snapshot, state []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, _, err := newWriter(&out, s, BytesMaxDefault)
	if err == nil {
		err = streamOf(state)(w.write)
	}
	if err == nil {
		_, err = w.finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// chunksOf cuts a file.
func chunksOf(s raft.Snapshot, file []byte, size int) []raft.Chunk {
	var chunks []raft.Chunk
	for at := 0; at < len(file); at += size {
		end := min(at+size, len(file))
		chunks = append(chunks, raft.Chunk{Snapshot: s, Offset: uint64(at), Data: file[at:end], Done: end == len(file)})
	}
	return chunks
}

func storeAll(f *Folder, chunks []raft.Chunk) error {
	for _, c := range chunks {
		if err := f.Store(c); err != nil {
			return err
		}
	}
	return nil
}

func wantReceived(t *testing.T, f *Folder, s raft.Snapshot, state []byte) {
	t.Helper()
	got, r, ok, err := f.Received()
	if err != nil || !ok {
		t.Fatalf("Received() = %v, %t, %v, want %v", got.Last, ok, err, s.Last)
	}
	defer r.Close()
	if got.Last != s.Last || got.ConfigurationIndex != s.ConfigurationIndex || !got.Configuration.Equal(s.Configuration) {
		t.Errorf("Received() = %+v, want %+v", got, s)
	}
	if read, err := io.ReadAll(r); err != nil || !bytes.Equal(read, state) {
		t.Errorf("received state has %d bytes, %v, want the %d sent", len(read), err, len(state))
	}
}

func wantNothingReceived(t *testing.T, f *Folder) {
	t.Helper()
	if s, r, ok, err := f.Received(); ok || err != nil || r != nil {
		t.Errorf("Received() = %v, %t, %v, want nothing", s.Last, ok, err)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files %v, want %v", got, want)
	}
}

// TestFromServerToServer sends snapshots of many sizes in chunks of many sizes, and opens the receiver again.
func TestFromServerToServer(t *testing.T) {
	from := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "a", "b")})
	if _, ok := from.Created(); ok {
		t.Error("a new folder has a created snapshot")
	}
	o := Options{Dir: t.TempDir()}
	for i, size := range []int{0, 1, blockDataBytes - 1, blockDataBytes, blockDataBytes + 1, 3 * blockDataBytes, 1 << 20} {
		s, state := nameAt(3, raft.Index(10+i)), stateOf(size)
		if err := from.Create(s, streamOf(state)); err != nil {
			t.Fatal(err)
		}
		if got, ok := from.Created(); !ok || got.Last != s.Last {
			t.Fatalf("Created() = %v, %t, want %v", got.Last, ok, s.Last)
		}
		to := mustOpen(t, o)
		chunkBytes := []int{1 << 30, 7_777, blockDataBytes, 256 << 10}[i%4]
		for offset, done := uint64(0), false; !done; {
			c, err := from.Read(s.Last, offset, chunkBytes)
			if err != nil || len(c.Data) == 0 || len(c.Data) > chunkBytes || c.Offset != offset {
				t.Fatalf("Read(%d, %d) = %d bytes at %d, %v", offset, chunkBytes, len(c.Data), c.Offset, err)
			}
			if err := to.Store(c); err != nil {
				t.Fatal(err)
			}
			offset, done = offset+uint64(len(c.Data)), c.Done
		}
		wantReceived(t, to, s, state)
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, o.Dir, receivedName)
		to = mustOpen(t, o)
		wantReceived(t, to, s, state)
		if err := to.Discard(); err != nil {
			t.Fatal(err)
		}
		wantNothingReceived(t, to)
		wantFiles(t, o.Dir)
		if err := errors.Join(to.Discard(), to.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadOfReplacedSnapshot(t *testing.T) {
	f := mustOpen(t, Options{Dir: t.TempDir()})
	old, state := nameAt(1, 10), stateOf(300_000)
	if _, err := f.Read(old.Last, 0, 10); !errors.Is(err, raft.ErrOutOfRange) {
		t.Errorf("Read before Create = %v, want ErrOutOfRange", err)
	}
	if err := f.Create(old, streamOf(state)); err != nil {
		t.Fatal(err)
	}
	first, err := f.Read(old.Last, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	kept := bytes.Clone(first.Data)
	if c, err := f.Read(old.Last, 0, 0); err != nil || len(c.Data) != 1 {
		t.Errorf("Read of at most 0 bytes = %d bytes, %v, want 1", len(c.Data), err)
	}
	for _, offset := range []uint64{f.created.size(), 1 << 40, 1<<64 - 1} {
		if _, err := f.Read(old.Last, offset, 10); !errors.Is(err, raft.ErrOutOfRange) {
			t.Errorf("Read at %d = %v, want ErrOutOfRange", offset, err)
		}
	}
	if err := f.Create(nameAt(1, 20), streamOf(state)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(old.Last, 1000, 1000); !errors.Is(err, raft.ErrOutOfRange) {
		t.Errorf("Read of the replaced snapshot = %v, want ErrOutOfRange", err)
	}
	if !bytes.Equal(first.Data, kept) {
		t.Error("a chunk that was read changed")
	}
}

func TestFailedCreateLeavesTheOldOne(t *testing.T) {
	o := Options{Dir: t.TempDir(), BytesMax: 200_000}
	f := mustOpen(t, o)
	old := nameAt(1, 10)
	if err := f.Create(old, streamOf(stateOf(100_000))); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("machine broken")
	bad := nameAt(1, 12)
	bad.Configuration.Members = append(bad.Configuration.Members, raft.Member{ID: 1})
	for name, c := range map[string]struct {
		s      raft.Snapshot
		stream func(write func([]byte) error) error
		want   error
	}{
		"stream fails": {nameAt(1, 11), func(write func([]byte) error) error {
			return errors.Join(write(stateOf(10)), cause)
		}, cause},
		"stream never ends": {nameAt(1, 11), func(write func([]byte) error) error {
			for {
				if err := write(stateOf(1000)); err != nil {
					return err
				}
			}
		}, ErrTooLarge},
		"stream hides the error": {nameAt(1, 11), func(write func([]byte) error) error {
			for range 1000 {
				_ = write(stateOf(1000))
			}
			return nil
		}, ErrTooLarge},
		"bad configuration": {bad, streamOf(nil), nil},
	} {
		if err := f.Create(c.s, c.stream); err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: Create() = %v, want %v", name, err, c.want)
		}
		wantFiles(t, o.Dir, createdName)
		if got, ok := f.Created(); !ok || got.Last != old.Last {
			t.Errorf("%s: Created() = %v, %t, want %v", name, got.Last, ok, old.Last)
		}
		if _, err := f.Read(old.Last, 0, 1<<20); err != nil {
			t.Errorf("%s: Read of the old one: %v", name, err)
		}
	}
}

// TestRotOfCreatedIsFound flips bits of the created file while it is read.
func TestRotOfCreatedIsFound(t *testing.T) {
	dir := t.TempDir()
	f := mustOpen(t, Options{Dir: dir})
	s, state := nameAt(1, 10), stateOf(150_000)
	for offset := int64(100); offset < 150_000; offset += 20_011 {
		if err := f.Create(s, streamOf(state)); err != nil {
			t.Fatal(err)
		}
		good, err := f.Read(s.Last, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, createdName)
		raw, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(raw, good.Data) {
			t.Fatalf("file has %d bytes, %v, Read gave %d", len(raw), err, len(good.Data))
		}
		raw[offset] ^= 0x20
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = f.Read(s.Last, uint64(offset)-50, 100)
		if !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("Read over a flipped bit at %d = %v, want ErrCorrupt", offset, err)
		}
		if _, ok := f.Created(); ok {
			t.Fatal("a damaged snapshot is still offered")
		}
		wantFiles(t, dir)
	}
}

func TestStoreTakesOnlyTheNextChunk(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	f := mustOpen(t, o)
	a, stateA := nameAt(1, 10), stateOf(100_000)
	b := nameAt(2, 10)
	chunks := chunksOf(a, fileOf(t, a, stateA), 30_000)
	refuse := func(c raft.Chunk) {
		t.Helper()
		if err := f.Store(c); !errors.Is(err, raft.ErrOutOfRange) {
			t.Errorf("Store at %d of %v = %v, want ErrOutOfRange", c.Offset, c.Snapshot.Last, err)
		}
	}
	refuse(chunks[1])
	for i, c := range chunks {
		if i > 0 {
			if again := chunks[i-1]; again.Offset > 0 {
				refuse(again)
			}
		}
		if i+1 < len(chunks) && i > 0 {
			refuse(chunks[i+1])
		}
		if i > 0 {
			other := c
			other.Snapshot = b
			refuse(other)
		}
		if err := f.Store(c); err != nil {
			t.Fatal(err)
		}
	}
	wantReceived(t, f, a, stateA)
	// Another one, begun twice, takes its place, but not before it is complete.
	fileB := fileOf(t, b, stateA[:50_000])
	for range 2 {
		if err := storeAll(f, chunksOf(b, fileB, 10_000)[:2]); err != nil {
			t.Fatal(err)
		}
		wantReceived(t, f, a, stateA)
	}
	if err := storeAll(f, chunksOf(b, fileB, 10_000)); err != nil {
		t.Fatal(err)
	}
	wantReceived(t, f, b, stateA[:50_000])
	wantFiles(t, o.Dir, receivedName)
}

func TestHalfFilesDoNotOutliveOpen(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	f := mustOpen(t, o)
	s := nameAt(1, 10)
	if err := f.Create(s, streamOf(stateOf(10))); err != nil {
		t.Fatal(err)
	}
	if err := f.Store(chunksOf(s, fileOf(t, s, stateOf(100_000)), 1000)[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, createName), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, o) // as after a crash
	wantFiles(t, o.Dir)
	wantNothingReceived(t, again)
	if _, ok := again.Created(); ok {
		t.Error("a created snapshot outlived its process")
	}
}

func TestClosed(t *testing.T) {
	f := mustOpen(t, Options{Dir: t.TempDir()})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, readErr := f.Read(raft.EntryID{}, 0, 1)
	_, _, _, receivedErr := f.Received()
	for i, err := range []error{
		f.Create(nameAt(1, 1), streamOf(nil)), readErr, f.Store(raft.Chunk{}), receivedErr, f.Discard(), f.Close(),
	} {
		if !errors.Is(err, raft.ErrClosed) {
			t.Errorf("call %d after Close = %v, want ErrClosed", i, err)
		}
	}
}

func TestOptionsValidate(t *testing.T) {
	err := Options{BytesMax: 1}.WithDefaults().Validate()
	for _, field := range []string{"snapshot.Dir: ", "snapshot.BytesMax: "} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("Validate() = %v, want it to name %s", err, field)
		}
	}
	if _, err := Open(Options{}); err == nil {
		t.Error("Open without a folder succeeded")
	}
}
