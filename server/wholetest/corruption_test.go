package wholetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/sweep"
)

// The outcomes of a damage that are right.
const (
	refused  = "refused"        // at the start, with an error that names what
	stops    = "stops later"    // by itself, with such an error
	repaired = "repaired"       // it differed, and is equal to the others at the end
	equal    = "no difference"  // the bytes are not in use
	lostEnd  = "lost its end"   // repaired, and it did not vote before
	dropped  = "drops the file" // a received snapshot that is made again
)

func panicOn(err error) { invariant.Check(err == nil, "file system in memory: %v", err) }

// state is what a node holds before it runs.
type state struct {
	log      raft.LogState
	entries  []raft.Entry // (log.First, log.Last]
	applied  raft.Index
	hash     kv.Hash
	received string // the snapshot that is to be installed, and whether it can be read
}

// state reads all of it.
func (p *parts) state() (s state, err error) {
	s.log = p.loaded
	for at := s.log.First.Index; at < s.log.Last.Index; {
		span, err := p.log.Read(at, s.log.Last.Index, 1<<20)
		if err != nil {
			return s, err
		}
		s.entries = append(s.entries, span.Entries...)
		at = span.LastIndex()
	}
	if s.applied, s.hash, err = p.machine.Hash(); err != nil {
		return s, err
	}
	name, stream, ok, err := p.snapshots.Received()
	if err != nil {
		s.received = "unreadable"
		return s, nil //nolint:nilerr // the replica is to say what it makes of it
	}
	if ok {
		s.received = name.Last.String()
		if _, err := io.Copy(io.Discard, stream); err != nil {
			s.received = "damaged"
		}
		err = stream.Close()
	}
	return s, err
}

// compare returns how s differs from what it was before the damage, "" when it does not, or an error when it differs
// and nothing says so.
func (s *state) compare(before *state) (difference string, err error) {
	now, then := s.log.HardState, before.log.HardState
	lost := now.Recover != (raft.EntryID{})
	switch {
	case now.Term < then.Term || now.Term == then.Term && now.Vote != then.Vote && then.Vote != raft.None:
		return "", fmt.Errorf("silent: a vote is forgotten: %+v, was %+v", now, then)
	case !lost && (s.log.First != before.log.First || s.log.ConfigurationIndex != before.log.ConfigurationIndex ||
		!s.log.Configuration.Equal(before.log.Configuration)):
		return "", fmt.Errorf("silent: the log begins with %+v, did with %+v", s.log, before.log)
	case s.log.Last != before.log.Last && !lost:
		return "", fmt.Errorf("silent: the log ends at %v, did at %v", s.log.Last, before.log.Last)
	case lost && !now.Recover.UpToDate(before.log.Last):
		return "", fmt.Errorf("silent: the log says that it ended at %v, did at %v", now.Recover, before.log.Last)
	case s.applied > before.applied:
		return "", fmt.Errorf("silent: applied %d, was %d", s.applied, before.applied)
	case s.applied == before.applied && s.hash != before.hash:
		return "", fmt.Errorf("silent: the state as of %d is %v, was %v", s.applied, s.hash, before.hash)
	}
	if at, ok := sameAt(s.log.First.Index, s.entries, before.log.First.Index, before.entries, lost); !ok {
		return "", fmt.Errorf("silent: entry %d differs", at)
	}
	switch {
	case lost:
		return lostEnd, nil
	case s.received != before.received:
		return dropped, nil
	case s.applied < before.applied:
		return repaired, nil
	}
	return "", nil
}

// sameAt compares entries that come after an index each, where they overlap; otherwise it returns where they differ.
// With lost those of another term may: they had been truncated when the end was lost that replaced them.
func sameAt(
	aAfter raft.Index, a []raft.Entry, bAfter raft.Index, b []raft.Entry, lost bool,
) (at raft.Index, ok bool) {
	for at := max(aAfter, bAfter) + 1; at <= aAfter+raft.Index(len(a)) && at <= bAfter+raft.Index(len(b)); at++ {
		x, y := &a[at-aAfter-1], &b[at-bAfter-1]
		if !sameEntry(x, y) && (!lost || x.Term == y.Term) {
			return at, false
		}
	}
	return 0, true
}

func sameEntry(a, b *raft.Entry) bool {
	return a.Term == b.Term && a.Kind == b.Kind && bytes.Equal(a.Data, b.Data)
}

// named is what an error must have in it, to say what is damaged.
var named = regexp.MustCompile(`raft log|load the log|load log|the log |state machine|snapshot|WATERMARK|watermark`)

func checkNamed(err error) error {
	if !named.MatchString(err.Error()) {
		return fmt.Errorf("an error that does not say what is damaged: %w", err)
	}
	return nil
}

// TestSweepCorruption damages the folder of a node, one thing at a time.
func TestSweepCorruption(t *testing.T) {
	table := &table{counts: map[string]map[string]int{}}
	s := sweep.Start(t, "node: damaged files of a stopped or killed node")
	type one struct {
		base *baseline
		damage
	}
	var all []one
	for _, killed := range []bool{false, true} {
		var b baseline
		err := inBubble(t, func() (err error) { b, err = newBaseline(killed); return err })
		if err != nil {
			t.Fatal(err)
		}
		list := damages(b.files)
		t.Logf("%s: %s, %d kinds of damage", b.name, b.describe(), len(list))
		for _, d := range list {
			all = append(all, one{&b, d})
		}
	}
	stride := 1
	if !s.Long() {
		stride = 37
	}
	s.Each((len(all)+stride-1)/stride, func(i int) error {
		o := all[i*stride]
		outcome, err := o.base.try(t, i, o.damage)
		if err != nil {
			return fmt.Errorf("%s node, %s %s: %w", o.base.name, o.what, o.text, err)
		}
		s.Fault(o.what)
		s.Outcome(outcome)
		table.add(o.kind, outcome)
		return nil
	})
	table.publish(t, s.Long(), "corruption.md")
}

// rejoinOneIn says how many of the nodes that show no difference run with the others: each costs a cluster.
const rejoinOneIn = 4

// describe says what is in the victim's folder.
func (b *baseline) describe() string {
	bytes, count := 0, 0
	for name, data := range b.files {
		if strings.HasPrefix(name, folder(victim)) && !strings.HasSuffix(name, "/") {
			bytes += len(data)
			count++
		}
	}
	return fmt.Sprintf("%d files, %d bytes, log (%v, %v], applied %d, term %d, vote %d, received %q", count, bytes,
		b.state.log.First, b.state.log.Last, b.state.applied, b.state.log.HardState.Term, b.state.log.HardState.Vote,
		b.state.received)
}

// try damages the victim's folder, and says how that ends.
func (b *baseline) try(t *testing.T, number int, d damage) (outcome string, err error) {
	all := maps.Clone(b.files)
	d.do(all)
	// Not in a bubble at first: an engine that refuses to open leaves goroutines behind.
	difference, outcome, err := b.look(all.load())
	if outcome != "" || err != nil {
		return outcome, err
	}
	if difference == "" && number%rejoinOneIn != 0 {
		return equal, nil // all was read
	}
	err = inBubble(t, func() (err error) {
		c := newCluster(3, baselineOptions(), newDisk(vfs.NewCrashableMem(), 0, 2))
		c.starts = 1000
		c.disk.fs = all.load()
		outcome, err = b.rejoin(c, difference)
		return errors.Join(err, c.faults.err())
	})
	return outcome, err
}

// look opens the victim's folder, and compares what it holds with what it held.
func (b *baseline) look(fs vfs.FS) (difference, outcome string, err error) {
	p, err := openParts(victim, fs)
	if err != nil {
		return "", refused, checkNamed(err)
	}
	now, err := p.state()
	closeErr := p.close()
	if err != nil {
		return "", refused, checkNamed(err)
	}
	difference, err = now.compare(&b.state)
	return difference, "", errors.Join(err, closeErr)
}

// rejoin runs the damaged node with the others.
func (b *baseline) rejoin(c *cluster, difference string) (outcome string, err error) {
	if err := c.start(victim); err != nil {
		return refused, checkNamed(err)
	}
	v := c.node(victim)
	defer func() {
		for _, n := range c.running() {
			if n != v {
				err = errors.Join(err, n.Halt())
			}
		}
		if haltErr := v.Halt(); v.Err() == nil {
			err = errors.Join(err, haltErr)
		}
	}()
	for _, id := range []raft.NodeID{1, 3} {
		if err := c.start(id); err != nil {
			return "", err
		}
	}
	err = c.converge()
	if failed := v.Err(); failed != nil {
		return stops, checkNamed(failed)
	}
	if err != nil {
		return "", err
	}
	if s := v.Status(); s.Recover != (raft.EntryID{}) {
		return "", fmt.Errorf("equal to the others, and does not vote yet: %+v", s)
	}
	if err := errors.Join(sameEntries(c), b.checkKeys(v)); err != nil {
		return "", err
	}
	if difference == "" {
		return equal, nil
	}
	return difference, nil
}

// checkKeys compares all acknowledged writes with what n holds.
func (b *baseline) checkKeys(n *node) error {
	for _, key := range slices.Sorted(maps.Keys(b.want)) {
		reply, err := n.machine.Read(kv.AppendGet(nil, []byte(key)))
		if err != nil {
			return err
		}
		r, err := kv.DecodeReply(reply)
		if err != nil {
			return err
		}
		if got := idOf(r.Bulk); got != b.want[key] {
			return fmt.Errorf("silent: %s is %q, acknowledged was %q", key, got, b.want[key])
		}
	}
	return nil
}

// sameEntries compares the logs of all nodes, where they overlap.
func sameEntries(c *cluster) error {
	logs := map[raft.Index]raft.Entry{}
	for _, n := range c.running() {
		s := n.Status()
		for at := s.FirstIndex; at < s.LastIndex; {
			span, err := n.log.Read(at, s.LastIndex, 1<<20)
			if errors.Is(err, raft.ErrCompacted) { // meanwhile
				at++
				continue
			}
			if err != nil {
				return err
			}
			for _, e := range span.Entries {
				at++
				other, ok := logs[at]
				if ok && !sameEntry(&other, &e) {
					return fmt.Errorf("silent: entry %d of node %d differs from that of another", at, n.id)
				}
				logs[at] = e
			}
		}
	}
	return nil
}
