package replica_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// low is a disk with a little less than its reserve; nearly nothing is left of hollow.
func low() replica.Disk    { return replica.Disk{Low: true, FreeBytes: 900, ReserveBytes: 1000} }
func hollow() replica.Disk { return replica.Disk{Low: true, FreeBytes: 10, ReserveBytes: 1000} }
func roomy() replica.Disk  { return replica.Disk{FreeBytes: 5000, ReserveBytes: 1000} }

// refused checks that a node refuses a proposal for want of room, definitely, and appends nothing.
func (c *cluster) refused(n *node) {
	c.t.Helper()
	before := n.Status().LastIndex
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := n.ProposeWait(ctx, []byte("too much"))
	if !errors.Is(err, replica.ErrDiskFull) || !replica.Definite(err) {
		c.t.Fatalf("got %v, want ErrDiskFull, which is definite", err)
	}
	if after := n.Status().LastIndex; after != before {
		c.t.Fatalf("refused, and appended: the log ended at %d, now %d", before, after)
	}
}

// settle lets a few rounds of heartbeats pass.
func settle() { time.Sleep(200 * time.Millisecond) }

func TestLeaderWithoutRoomHandsOverAndIsBackWhenItHasSome(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, replica.Options{}, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "before")
		settle()
		leader.SetDisk(low())
		time.Sleep(2 * electionMin / 3)
		c.remove(id)
		next := c.leads()
		c.nodes[id] = leader
		if next == nil || len(leader.events.of(replica.EventDiskFull)) != 1 || leader.Room() == nil {
			t.Fatalf("no other leader two thirds of an election timeout later: %v", leader.events.list)
		}
		for i := range 50 {
			c.mustPropose(next, fmt.Sprint(i))
		}
		settle()
		if n := len(leader.ledger.list()); n > 5 || leader.Metrics().MessagesNoRoom == 0 {
			t.Errorf("took %d commands without room", n-1)
		}
		leader.SetDisk(roomy())
		if c.awaitLedgers(51); len(leader.events.of(replica.EventDiskRoom)) != 1 || leader.Room() != nil {
			t.Errorf("has room, and does not say so: %v", leader.events.list)
		}
	})
}

func TestClusterWithoutRoomRefusesWritesAndServesReads(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, replica.Options{}, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "before")
		c.awaitLedgers(1)
		for _, n := range c.nodes {
			n.SetDisk(hollow())
		}
		settle()
		if now, _ := c.leader(); now != id {
			t.Errorf("node %d gave leadership to %d, which has no room either", id, now)
		}
		c.refused(leader)
		log := c.crash(id)
		c.start(id, log).SetDisk(hollow())
		_, leader = c.leader() // the no-op of the new term is taken
		for id, n := range c.nodes {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if _, err := n.ReadIndex(ctx); err != nil {
				t.Errorf("read at node %d: %v; %+v", id, err, n.Status())
			}
			cancel()
		}
		settle()
		c.refused(leader)
		for _, n := range c.nodes {
			n.SetDisk(roomy())
		}
		settle()
		_, leader = c.leader()
		c.mustPropose(leader, "after")
		c.awaitLedgers(2)
	})
}

// The followers have room, but what the leader has appended does not become durable there.
func TestLeaderWithoutRoomStepsDownWhenItCannotHandOver(t *testing.T) {
	o := replica.Options{DiskStallMax: replica.DiskStallIgnored}
	inClusterOf(t, 3, logmem.Options{ManualSync: true}, o, func(c *cluster) {
		stop := c.syncAll()
		id, leader := c.leader()
		settle()
		stop()
		leader.Propose(&replica.Proposal{Data: []byte("x"), Done: func(*replica.Proposal) {}})
		time.Sleep(10 * time.Millisecond)
		leader.SetDisk(low())
		settle()
		settle()
		if leader.Status().Role == raft.Leader {
			t.Error("leads on without room, after the others could not take over in an election timeout")
		}
		stop = c.syncAll()
		if now, _ := c.leader(); now == id || len(leader.events.of(replica.EventLeader)) != 1 {
			t.Errorf("node %d leads again, before others could", id)
		}
		for _, n := range c.nodes {
			_ = n.stop()
		}
		stop()
	})
}

// A leader elsewhere could not commit anything either, and would not refuse at once.
func TestLeadershipIsNotHandedOverToAMinority(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, replica.Options{}, func(c *cluster) {
		id, leader := c.leader()
		_, follower := c.follower()
		follower.SetDisk(low())
		leader.SetDisk(low())
		settle()
		if now, _ := c.leader(); now != id {
			t.Errorf("node %d gave leadership to %d, the only one with room", id, now)
		}
		c.refused(leader)
		follower.SetDisk(roomy())
		settle()
		now, next := c.leader()
		if now == id {
			t.Errorf("node %d leads on, although two have room", id)
		}
		c.mustPropose(next, "after")
	})
}

func TestLeaderWhoseFollowersHaveNoRoomRefusesWrites(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, replica.Options{}, func(c *cluster) {
		id, leader := c.leader()
		for other, n := range c.nodes {
			if other != id {
				n.SetDisk(low())
			}
		}
		settle()
		c.refused(leader)
		if leader.Room() != nil {
			t.Errorf("has room, and says %v", leader.Room())
		}
		_, follower := c.follower()
		follower.SetDisk(roomy())
		settle()
		c.mustPropose(leader, "two of three have room")
	})
}

// The followers' room ends before the leader hears of it.
func TestWhatIsOnItsWayWhenTheRoomEndsIsCommitted(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, replica.Options{}, func(c *cluster) {
		id, leader := c.leader()
		settle()
		for other, n := range c.nodes {
			if other != id {
				n.SetDisk(low())
			}
		}
		time.Sleep(time.Millisecond)
		c.mustPropose(leader, "on its way")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := leader.ProposeWait(ctx, make([]byte, 200)); err == nil {
			t.Error("more than an eighth of the reserve was on its way, and taken")
		}
		for _, n := range c.nodes {
			n.SetDisk(roomy())
		}
		c.awaitLedgers(2)
	})
}

// The leader of two appended a command that the other does not have, and lost its leadership. Without room anywhere,
// only this entry of an older term can lead to a term that is committed.
func TestEntriesOfOlderTermsAreTakenFromTheLastOfTheRoom(t *testing.T) {
	inClusterOf(t, 2, logmem.Options{}, replica.Options{}, func(c *cluster) {
		id, leader := c.leader()
		otherID, other := c.follower()
		settle()
		c.network.SetLink(id, otherID, false)
		c.network.SetLink(otherID, id, false)
		go func() { _, _ = leader.ProposeWait(context.Background(), []byte("left over")) }()
		c.await("the leader gives up", func() bool { return c.leads() == nil })
		leader.SetDisk(hollow())
		other.SetDisk(hollow())
		c.network.SetLink(id, otherID, true)
		c.network.SetLink(otherID, id, true)
		time.Sleep(2 * time.Second)
		if n := len(other.ledger.list()); n > 0 {
			t.Errorf("took an older term's command, with less than half of the reserve left")
		}
		leader.SetDisk(low())
		other.SetDisk(low())
		c.leader()
		c.awaitLedgers(1)
	})
}

// A follower without room costs its leader a window of messages, once, and not one at each heartbeat.
func TestWhatIsNotTakenIsNotSentAgainAndAgain(t *testing.T) {
	o := replica.Options{Core: raft.Config{InflightMessagesMax: 16, InflightBytesMax: 1 << 20}}
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		_, follower := c.follower()
		follower.SetDisk(low())
		_, leader := c.leader()
		const rounds = 100
		for i := range 4 * rounds {
			c.mustPropose(leader, fmt.Sprint(i))
			time.Sleep(50 * time.Millisecond / 4)
		}
		dropped := follower.Metrics().MessagesNoRoom
		if dropped == 0 || dropped > rounds+32 {
			t.Errorf("%d messages for a follower without room in %d heartbeats, want one each, and a window", dropped, rounds)
		}
		follower.SetDisk(roomy())
		c.awaitLedgers(4 * rounds)
	})
}

func TestLeadershipIsNotHandedOnAgainAtOnce(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, replica.Options{}, func(c *cluster) {
		id, leader := c.leader()
		settle()
		leader.SetDisk(low())
		settle()
		next, other := c.leader()
		if next == id {
			t.Fatal("leads on without room")
		}
		c.await("leadership is given back", func() bool { return other.Transfer(context.Background(), id) == nil })
		time.Sleep(20 * time.Second)
		if now, _ := c.leader(); now != id {
			t.Errorf("handed over twice within 30 s")
		}
		time.Sleep(12 * time.Second)
		if now, _ := c.leader(); now == id {
			t.Errorf("still leads without room after 30 s")
		}
	})
}

func TestServerWithoutRoomCreatesNoSnapshots(t *testing.T) {
	inClusterOf(t, 2, logmem.Options{}, compacting(), func(c *cluster) {
		_, leader := c.leader()
		if err := leader.ChangeConfig(context.Background(), []raft.Change{{Kind: raft.AddLearner, ID: 3}}); err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			c.mustPropose(leader, fmt.Sprint(i))
		}
		for _, n := range c.nodes {
			n.SetDisk(low())
		}
		settle()
		learner := c.start(3, c.newLog())
		time.Sleep(3 * time.Second)
		if n := leader.Metrics().SnapshotsCreated; n > 0 {
			t.Errorf("%d snapshots were created without room", n)
		}
		for _, n := range c.nodes {
			n.SetDisk(roomy())
		}
		c.awaitLedgers(300)
		if leader.Metrics().SnapshotsCreated == 0 || learner.Metrics().SnapshotsInstalled == 0 {
			t.Error("no snapshot was sent when there was room again")
		}
	})
}

func TestServerWithoutRoomTakesNoSnapshot(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, compacting(), func(c *cluster) {
		id, _ := c.follower()
		left := c.crash(id)
		_, leader := c.leader()
		for i := range 300 {
			c.mustPropose(leader, fmt.Sprint(i))
		}
		back := c.start(id, left)
		back.SetDisk(low())
		time.Sleep(3 * time.Second)
		if m := back.Metrics(); m.SnapshotBytesReceived > 1000 || m.MessagesNoRoom == 0 {
			t.Errorf("stored %d bytes of a snapshot without room; dropped %d messages",
				m.SnapshotBytesReceived, m.MessagesNoRoom)
		}
		back.SetDisk(roomy())
		c.awaitLedgers(300)
	})
}
