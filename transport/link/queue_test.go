package link

import (
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

func TestQueueKeepsItsCapsUntilReleased(t *testing.T) {
	q := NewQueue(3, 100)
	put := func(size int) bool {
		reason, ok := q.Put(&raft.Message{}, size)
		if !ok && reason != transport.DropQueueFull {
			t.Errorf("dropped for %v", reason)
		}
		return ok
	}
	if !put(60) || put(41) || !put(40) || put(1) {
		t.Error("the cap in bytes is not 100")
	}
	taken := q.Take(Batch{})
	if len(taken.Messages) != 2 || put(1) {
		t.Errorf("took %d messages, and taking them made room", len(taken.Messages))
	}
	q.Release(1, 60)
	if first, second, third := put(1), put(1), put(1); !first || !second || third {
		t.Error("the cap in messages is not 3")
	}
	if n := q.Drop(); n != 2 {
		t.Errorf("dropped %d, want 2", n)
	}
	q.Release(1, 40)
	if messages, bytes := q.Held(); messages != 0 || bytes != 0 {
		t.Errorf("holds %d messages of %d bytes after all were released", messages, bytes)
	}
	q.Close()
	if reason, ok := q.Put(&raft.Message{}, 1); ok || reason != transport.DropClosed {
		t.Errorf("closed queue: %v, %v", reason, ok)
	}
}

func TestQueueLosesNothingBetweenManyProducersAndOneConsumer(t *testing.T) {
	const producers, each = 4, 5000
	q := NewQueue(128, 1<<20)
	var work sync.WaitGroup
	for p := range producers {
		work.Go(func() {
			for seq := uint64(1); seq <= each; {
				if _, ok := q.Put(&raft.Message{From: raft.NodeID(p), Seq: seq}, 1); ok {
					seq++
				} else {
					time.Sleep(10 * time.Microsecond)
				}
			}
		})
	}
	var last [producers]uint64
	var batch Batch
	for total := 0; total < producers*each; {
		batch = q.Take(batch)
		if len(batch.Messages) == 0 {
			<-q.Wake()
			continue
		}
		for _, m := range batch.Messages {
			if m.Seq != last[m.From]+1 {
				t.Fatalf("producer %d: message %d after %d", m.From, m.Seq, last[m.From])
			}
			last[m.From] = m.Seq
		}
		total += len(batch.Messages)
		q.Release(len(batch.Messages), len(batch.Messages))
	}
	work.Wait()
}

func TestBackoffDoublesUpToItsMost(t *testing.T) {
	b := backoff{least: 10 * time.Millisecond, most: 100 * time.Millisecond}
	for _, nominal := range []time.Duration{10, 20, 40, 80, 100, 100} {
		nominal *= time.Millisecond
		if got := b.pause(); got > nominal || got < nominal*4/5 {
			t.Errorf("pause %v, want %v less up to a fifth", got, nominal)
		}
	}
	b.reset()
	if got := b.pause(); got > 10*time.Millisecond {
		t.Errorf("pause after reset %v, want at most 10ms", got)
	}
}
