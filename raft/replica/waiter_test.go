package replica_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// TestWhoGivesUpLeavesNobodyElsesAnswer: proposals of ProposeWait are used again. One that its caller gave up is still
// the replica's, and used again too early it would answer the next caller, or carry the command of another.
func TestWhoGivesUpLeavesNobodyElsesAnswer(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		const callers, rounds = 8, 50
		var work sync.WaitGroup
		var mu sync.Mutex
		given := 0
		for caller := range callers {
			work.Go(func() {
				for round := range rounds {
					data := binary.BigEndian.AppendUint32(nil, uint32(caller*rounds+round))
					ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
					if round%2 == 0 {
						cancel() // the answer comes when nobody waits any more
					}
					result, err := leader.ProposeWait(ctx, data)
					cancel()
					switch {
					case errors.Is(err, replica.ErrUnknown):
						mu.Lock()
						given++
						mu.Unlock()
					case err != nil:
						t.Errorf("command %x: %v", data, err)
					case !bytes.Equal(result, data):
						t.Errorf("command %x has the result %x", data, result)
					}
				}
			})
		}
		work.Wait()
		if given == 0 {
			t.Error("nobody gave up: nothing was tested")
		}
		seen := map[string]int{}
		c.mustPropose(leader, "the last") // by then all others were applied
		for _, command := range c.awaitLedgers(1) {
			seen[string(command)]++
		}
		for id := range uint32(callers * rounds) {
			if n := seen[string(binary.BigEndian.AppendUint32(nil, id))]; n != 1 {
				t.Errorf("command %d was applied %d times, want once", id, n)
			}
		}
	})
}
