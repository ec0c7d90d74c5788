package sim

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// disk is a server's log on stable storage: what is durable, and the writes that were handed over and are not. It is
// the model of a write-ahead log: writes become durable in order, each whole or not at all.
type disk struct {
	hard   raft.HardState
	log    chainLog
	writes []write
	// syncing is how many of the writes the sync under way covers; 0: none is.
	syncing int
	stalled time.Duration // syncs that begin before this time end after it
	failing bool          // the next sync fails
	wiped   bool          // everything is gone, for ever
	had     []chainLog    // as the log was before each damage that the server still recovers from
}

// write is one batch and the messages that wait for it.
type write struct {
	id    raft.WriteID
	hard  *raft.HardState
	spans []raft.Span
	end   raft.Index // of the log once it is written
	sum   uint64     // of the log up to end, when it was handed over
	sends []raft.Message
	// replace, when not nil, is a snapshot or compaction that the log begins anew after: a step of its own.
	replace *raft.Snapshot
}

// persist makes the oldest write durable and returns it.
func (d *disk) persist() (write, error) {
	w := d.writes[0]
	d.writes = d.writes[:copy(d.writes, d.writes[1:])]
	if err := d.store(&w); err != nil {
		return w, fmt.Errorf("write %d: %w", w.id, err)
	}
	return w, nil
}

func (d *disk) store(w *write) error {
	if w.replace != nil {
		d.begin(w.replace, w.sum)
		return nil
	}
	for _, s := range w.spans {
		if len(s.Entries) > 0 && s.Prev.Index < d.hard.Commit {
			return fmt.Errorf("it removes entries after %v; commit index %d is durable", s.Prev, d.hard.Commit)
		}
		if err := d.log.store(s); err != nil {
			return err
		}
	}
	if len(w.spans) > 0 {
		if sum, ok := d.log.sum(w.end); !ok || sum != w.sum {
			return fmt.Errorf("entries up to %d changed after they were handed over", w.end)
		}
	}
	if w.hard == nil {
		return nil
	}
	return d.setHard(*w.hard)
}

// hadBefore reports whether the log held this prefix before it was damaged: the leader may have heard of it, and counts
// it until it hears of the damage. The server grants no vote meanwhile.
func (d *disk) hadBefore(index raft.Index, sum uint64) bool {
	for i := range d.had {
		if had, there := d.had[i].sum(index); there && had == sum {
			return true
		}
	}
	return false
}

// begin makes the log begin after a snapshot. When the log holds that entry, the ones after it stay; otherwise the
// snapshot takes the place of all.
func (d *disk) begin(s *raft.Snapshot, sum uint64) {
	switch has, there := d.log.sum(s.Last.Index); {
	case s.Last.Index <= d.log.first.Index:
	case there && has == sum:
		d.log.compact(s.Last.Index)
	default:
		d.log.replace(*s, sum)
	}
}

// setHard stores a hard state: terms never fall, a vote is never changed within a term, and the commit index is
// never ahead of the log beside it.
func (d *disk) setHard(next raft.HardState) error {
	switch {
	case next.Term < d.hard.Term:
		return fmt.Errorf("term from %d back to %d", d.hard.Term, next.Term)
	case next.Term == d.hard.Term && d.hard.Vote != raft.None && next.Vote != d.hard.Vote:
		return fmt.Errorf("vote of term %d from %d to %d", next.Term, d.hard.Vote, next.Vote)
	case next.Commit < d.hard.Commit:
		return fmt.Errorf("commit index from %d back to %d", d.hard.Commit, next.Commit)
	case next.Commit > d.log.lastIndex():
		return fmt.Errorf("commit index %d, but the log ends at %v", next.Commit, d.log.last())
	}
	d.hard = next
	if !d.recovering() {
		d.had = nil
	}
	return nil
}

// recovering reports whether the log has lost its end and the server has not caught up since.
func (d *disk) recovering() bool { return d.hard.Recover != raft.EntryID{} }

// boot returns what a core that starts from this disk must know.
func (d *disk) boot(applied raft.Index) raft.Boot {
	var base raft.ConfigurationAt
	if d.log.first.Index > 0 {
		base = d.log.configurations[0]
	}
	return raft.Boot{
		Log: raft.LogState{
			HardState: d.hard, First: d.log.first, Last: d.log.last(),
			Configuration: base.Configuration, ConfigurationIndex: base.Index,
		},
		Tail:           d.log.span(max(d.hard.Commit, applied, d.log.first.Index), d.log.lastIndex()),
		Configurations: d.log.configurations[1:len(d.log.configurations):len(d.log.configurations)],
		Applied:        applied,
	}
}

// startSync begins a sync of all that was handed over, if there is anything and none is under way.
func (w *world) startSync(n *node) {
	d := &n.disk
	if d.syncing > 0 || len(d.writes) == 0 {
		return
	}
	d.syncing = len(d.writes)
	if w.crashAt(n) {
		return
	}
	p := &w.plan.disk
	took := p.syncMin + expDuration(w.diskRand, p.syncMean)
	if w.diskRand.Float64() < p.slow && !w.healed {
		took *= 50
	}
	if w.healed {
		took = p.syncMin
	}
	w.later(n, max(took, d.stalled-w.now), event{kind: eventSynced})
}

// synced ends a sync: what it covered is durable, and what waited for that leaves.
func (w *world) synced(n *node) {
	d := &n.disk
	if d.failing {
		w.syncFailed(n)
		return
	}
	count := d.syncing
	d.syncing = 0
	for range count {
		recovering := d.recovering()
		done, err := d.persist()
		if err != nil {
			w.breach("promises of the driver", "server %d: %v", n.id, err)
			return
		}
		if recovering && !d.recovering() {
			w.cov.Recoveries++
		}
		w.check.persisted(n)
		for i := range done.sends {
			w.send(n, &done.sends[i])
		}
		if done.id == 0 {
			continue
		}
		if w.tracing() {
			w.tracef("%d  has write %d: term %d, vote %d, log up to %v", n.id, done.id, d.hard.Term, d.hard.Vote, d.log.last())
		}
		w.cov.Syncs++
		n.core.Synced(done.id)
	}
	if w.crashAt(n) {
		return
	}
	w.turn(n)
	w.startSync(n)
	w.startApply(n) // a snapshot may wait for its place in the log
}

// syncFailed is a sync that returns an error: the server stops at once (fail-stop), whatever a second try would say.
// What the sync should have made durable may be there or not.
func (w *world) syncFailed(n *node) {
	n.disk.failing = false
	w.cov.DiskErrors++
	w.tracef("%d  its disk fails", n.id)
	w.crash(n, w.diskRand.IntN(n.disk.syncing+1), false)
	w.restartLater(n)
}

// lose drops the writes that a crash takes with it: all but the first kept. What comes after them may be there in part:
// a torn write, which is found and dropped as a whole.
func (w *world) lose(n *node, kept int, torn bool) {
	d := &n.disk
	kept = min(kept, len(d.writes))
	if torn && kept < len(d.writes) {
		w.cov.TornWrites++
	}
	for range kept {
		if _, err := d.persist(); err != nil {
			w.breach("promises of the driver", "server %d: %v", n.id, err)
			return
		}
		w.check.persisted(n)
	}
	w.cov.LostWrites += uint64(len(d.writes))
	d.writes = nil
	d.syncing = 0
	d.stalled = 0
	d.failing = false
}
