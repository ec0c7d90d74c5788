package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// TestReadRepliesAsApply compares a read beside the log with one in it.
func TestReadRepliesAsApply(t *testing.T) {
	for _, kind := range machines {
		rng := rand.New(rand.NewPCG(21, 22))
		m := filled(t, kind, rng, 50)
		reads := 0
		for range 300 {
			c := randomCommand(rng)
			if len(c) == 0 {
				continue
			}
			got, err := m.Read(c)
			if err != nil {
				t.Fatal(err)
			}
			_, before, _ := m.Hash()
			want := mustApply(t, m, c)[0]
			_, after, _ := m.Hash()
			reply, err := DecodeReply(got)
			if err != nil {
				t.Fatal(err)
			}
			if !ReadOnly(c) {
				if !isError(reply, "ERR") {
					t.Errorf("%s: Read of %x = %+v, want an error", kind, c, reply)
				}
				continue
			}
			reads++
			if before != after || !reflect.DeepEqual(reply, want) {
				t.Errorf("%s: Read of %x = %+v, want %+v", kind, c, reply, want)
			}
		}
		if reads == 0 {
			t.Error("no reads were drawn")
		}
		inSession := AppendSession(nil, 2, 1, 1, AppendGet(nil, nil))
		for _, c := range [][]byte{nil, {1}, {2, 1}, inSession, AppendOpenSession(nil)} {
			if ReadOnly(c) {
				t.Errorf("ReadOnly(%x)", c)
			}
		}
		if got, err := m.Read([]byte{1, byte(OpGet)}); err != nil || ReplyKind(got[0]) != ReplyError {
			t.Errorf("%s: Read of half a command = %x, %v", kind, got, err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Read(AppendGet(nil, nil)); !errors.Is(err, raft.ErrClosed) {
			t.Errorf("%s: Read after Close = %v", kind, err)
		}
	}
	if got, err := NewNull().Read(AppendGet(nil, nil)); err != nil || !bytes.Equal(got, appendOK(nil)) {
		t.Errorf("null: Read = %x, %v", got, err)
	}
}

// TestReadBesideApply reads from other goroutines while pairs of keys change together, views are taken and
// states restored: each read sees one state, and none older than what was applied before it.
func TestReadBesideApply(t *testing.T) {
	a, b := []byte("a"), []byte("b")
	for _, kind := range machines {
		m := newMachine(t, kind)
		mustApply(t, m, AppendSet(nil, a, make([]byte, 8), 0), AppendSet(nil, b, make([]byte, 8), 0))
		var mu sync.Mutex
		applied := uint64(0) // the pair that is there at least
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				command := AppendMGet(nil, a, b)
				for {
					select {
					case <-stop:
						return
					default:
					}
					mu.Lock()
					least := applied
					mu.Unlock()
					raw, err := m.Read(command)
					if err != nil {
						t.Error(err)
						return
					}
					got, err := DecodeReply(raw)
					if err != nil || len(got.Array) != 2 || !bytes.Equal(got.Array[0].Bulk, got.Array[1].Bulk) ||
						binary.BigEndian.Uint64(got.Array[0].Bulk) < least {
						t.Errorf("%s: read %+v, %v, want a pair of at least %d", kind, got, err, least)
						return
					}
				}
			})
		}
		var views sync.WaitGroup
		for i := uint64(1); i <= 600; i++ {
			n := binary.BigEndian.AppendUint64(nil, i)
			mustApply(t, m, AppendSet(nil, a, n, 0), AppendSet(nil, b, n, 0))
			mu.Lock()
			applied = i
			mu.Unlock()
			switch i % 60 {
			case 20:
				v := mustSnapshot(t, m)
				views.Go(func() {
					stream := streamOfView(t, v)
					other := NewMem()
					mustRestore(t, other, v.Index(), stream)
					if err := errors.Join(v.Persist(), v.Close()); err != nil {
						t.Error(err)
					}
				})
			case 40:
				index, _ := m.Applied()
				mustRestore(t, m, index, streamOf(t, m))
			}
		}
		close(stop)
		readers.Wait()
		views.Wait()
	}
}
