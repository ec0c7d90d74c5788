package wholetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/sweep"
)

// tailBytes is how much of the end of a write-ahead log is zeroed.
const tailBytes = 4 << 10

// lostTail is a cluster of three whose power failed, and the victim's disk with zeros at the end of its log.
type lostTail struct {
	*story
	files files
	last  raft.EntryID // acknowledged, and on the victim and one other node only
	keep  raft.NodeID  // that one
	third raft.NodeID  // does not have it
}

// newLostTail writes acknowledged entries while a node is cut off, so that the victim's disk is one of two that have
// them, and cuts the power. The state machine has persisted nothing: it applies the log again.
func newLostTail(c *cluster) (l *lostTail, err error) {
	l = &lostTail{story: &story{cluster: c, want: map[string]string{}}, keep: 1, third: 3}
	err = inOrder(
		c.startAll,
		func() error { return l.lead(l.keep) },
		func() error { return l.write(90) },
		c.converge,
		// Fewer than the zeros will cost the victim: it ends before the third then.
		func() error { c.link(l.third, false); return l.write(8) },
		func() error {
			return c.await("the victim has all", func() bool {
				s := c.node(victim).Status()
				leader := c.node(l.keep).Status()
				return s.DurableIndex == leader.LastIndex && s.CommitIndex == leader.LastIndex
			})
		},
	)
	if err != nil {
		return l, errors.Join(err, c.haltAll())
	}
	time.Sleep(time.Second) // the watermark is synced in between
	l.last = raft.EntryID{Term: c.node(victim).Status().Term, Index: c.node(victim).Status().LastIndex}
	c.disk.powerLoss()
	c.mend()
	if err := c.haltAll(); err != nil {
		return l, err
	}
	if l.files, err = dump(c.disk.clone, "/"); err != nil {
		return l, err
	}
	return l, l.zeroTail()
}

// zeroTail zeroes the last bytes of the victim's newest write-ahead log.
func (l *lostTail) zeroTail() error {
	prefix := folder(victim) + "/log/"
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(l.files)), func(name string) bool {
		return !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, ".log") || len(l.files[name]) == 0
	})
	if len(names) == 0 {
		return errors.New("no write-ahead log")
	}
	data := slices.Clone(l.files[names[len(names)-1]])
	clear(data[max(0, len(data)-tailBytes):])
	l.files[names[len(names)-1]] = data
	return nil
}

// boot starts nodes on what is left.
func (l *lostTail) boot(ids ...raft.NodeID) error {
	if l.disk.clone != nil {
		l.disk = newDisk(vfs.NewCrashableMem(), 0, l.disk.seed)
		l.disk.fs = l.files.load()
	}
	for _, id := range ids {
		if err := l.start(id); err != nil {
			return err
		}
	}
	return nil
}

// recovers reports what the victim lost: zero when it votes.
func (l *lostTail) recovers() raft.EntryID { return l.node(victim).Status().Recover }

// comesBack boots all: the victim does not vote at first, and does in the end.
func (l *lostTail) comesBack() error {
	if err := l.boot(victim); err != nil {
		return err
	}
	if got := l.node(victim).loaded.HardState.Recover; got != l.last {
		return fmt.Errorf("the log lost its end and says %v, want %v", got, l.last)
	}
	time.Sleep(5 * time.Second)
	held := l.node(victim).loaded.HardState
	if s := l.node(victim).Status(); s.Recover != l.last || s.Role != raft.Follower || s.Term != held.Term {
		return fmt.Errorf("alone it is %+v, want a follower that recovers", s)
	}
	if err := l.boot(l.third, l.keep); err != nil {
		return err
	}
	if err := errors.Join(l.converge(), sameEntries(l.cluster)); err != nil {
		return err
	}
	if err := l.await("the victim votes again", func() bool { return l.recovers() == raft.EntryID{} }); err != nil {
		return err
	}
	b := baseline{want: l.want}
	if err := b.checkKeys(l.node(victim)); err != nil {
		return err
	}
	return l.lead(victim) // it may stand, too
}

// staysSilent boots the victim with the node that does not have what was acknowledged: together they are a majority,
// and must not elect.
func (l *lostTail) staysSilent() error {
	if err := l.boot(victim, l.third); err != nil {
		return err
	}
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		for _, n := range l.running() {
			if s := n.Status(); s.Role == raft.Leader || s.CommitIndex > l.last.Index {
				return fmt.Errorf("node %d is elected by a server that forgot: %+v", n.id, s)
			}
		}
	}
	if l.recovers() != l.last {
		return fmt.Errorf("it says that it lost %v, want %v", l.recovers(), l.last)
	}
	// The one that has everything comes back: they go on, and nothing is lost.
	if err := errors.Join(l.boot(l.keep), l.converge()); err != nil {
		return err
	}
	for _, n := range l.running() {
		if err := (&baseline{want: l.want}).checkKeys(n); err != nil {
			return err
		}
	}
	return l.await("the victim votes again", func() bool { return l.recovers() == raft.EntryID{} })
}

// crashesAgain loses power while it recovers: it still knows that it does.
func (l *lostTail) crashesAgain() error {
	if err := l.boot(victim); err != nil {
		return err
	}
	if err := l.halt(victim); err != nil {
		return err
	}
	if err := l.start(victim); err != nil {
		return err
	}
	if l.recovers() != l.last {
		return fmt.Errorf("after another start it says that it lost %v, want %v", l.recovers(), l.last)
	}
	if err := errors.Join(l.boot(l.third), l.boot(l.keep), l.converge()); err != nil {
		return err
	}
	return l.await("the victim votes again", func() bool { return l.recovers() == raft.EntryID{} })
}

// TestSweepLostTail zeroes the end of a live write-ahead log.
func TestSweepLostTail(t *testing.T) {
	s := sweep.Start(t, "cluster: the end of a live write-ahead log is zeroed")
	courses := []struct {
		name string
		run  func(*lostTail) error
	}{
		{"votes only after it caught up", (*lostTail).comesBack},
		{"elects nobody without the others", (*lostTail).staysSilent},
		{"remembers over another start", (*lostTail).crashesAgain},
	}
	s.Each(s.Pick(2*len(courses), 20*len(courses)), func(i int) error {
		course := courses[i%len(courses)]
		err := inBubble(t, func() error {
			o := baselineOptions()
			o.SnapshotLogEntries = 1 << 20 // the log keeps all
			o.Core.NoPreVote = i%2 == 1    // else nobody asks for the vote that matters
			l, err := newLostTail(newCluster(3, o, newDisk(vfs.NewCrashableMem(), i%5*25, uint64(i))))
			if err == nil {
				err = errors.Join(course.run(l), l.haltAll())
			}
			return errors.Join(err, l.faults.err())
		})
		if err != nil {
			return fmt.Errorf("%s: %w", course.name, err)
		}
		s.Clone()
		s.Fault("last 4 KiB zeroed")
		s.Outcome(course.name)
		return nil
	})
}
