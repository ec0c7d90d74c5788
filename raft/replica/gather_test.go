package replica

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// gatherer is the loop of a lone leader that is turned by hand; its yields take as long as the test says.
type gatherer struct {
	loop
	takes  time.Duration
	yields int
}

func newGatherer(t *testing.T) *gatherer {
	t.Helper()
	core, err := raft.New(raft.Config{ID: 1, Voters: []raft.NodeID{1}}, raft.Boot{})
	if err != nil {
		t.Fatal(err)
	}
	g := &gatherer{loop: loop{Replica: &Replica{started: time.Now(), inbox: newInbox(1000, 1<<20)}, core: core}}
	g.gathering.yield = func() { g.yields++; time.Sleep(g.takes) }
	return g
}

func (g *gatherer) lead(t *testing.T) *gatherer {
	t.Helper()
	for range 1000 {
		if g.core.Role() == raft.Leader {
			return g
		}
		g.core.Tick()
		for g.core.Ready(&g.ready) {
			if g.ready.Write != 0 {
				g.core.Synced(g.ready.Write)
			}
		}
	}
	t.Fatal("a lone server does not lead")
	return nil
}

// turned lets the loop gather before one proposal and what add posts, and take both. It reports whether it yielded.
func (g *gatherer) turned(t *testing.T, add func(*work)) bool {
	t.Helper()
	before := g.yields
	if err := g.inbox.propose(&Proposal{}); err != nil {
		t.Fatal(err)
	}
	if add != nil {
		g.inbox.post(add)
	}
	g.gather()
	g.inbox.take(&g.work)
	return g.yields > before
}

// TestOnlyProposalsWaitForOthers: whatever else waits, the loop takes it at once.
func TestOnlyProposalsWaitForOthers(t *testing.T) {
	others := map[string]func(*work){
		"reads":        func(w *work) { w.reads = append(w.reads, &Read{}) },
		"messages":     func(w *work) { w.messages = append(w.messages, raft.Message{Kind: raft.MsgHeartbeat}) },
		"synced":       func(w *work) { w.synced = 1 },
		"applied":      func(w *work) { w.applied = 1 },
		"fetched":      func(w *work) { w.fetched = append(w.fetched, fetched{}) },
		"chunksRead":   func(w *work) { w.chunksRead = append(w.chunksRead, chunkRead{}) },
		"chunksStored": func(w *work) { w.chunksStored = append(w.chunksStored, chunkStored{}) },
		"installed":    func(w *work) { w.installed = append(w.installed, raft.EntryID{}) },
		"compactions":  func(w *work) { w.compactions = append(w.compactions, &compaction{}) },
		"peers":        func(w *work) { w.peers = append(w.peers, peerHint{}) },
		"disk":         func(w *work) { w.disk = &Disk{} },
		"commands":     func(w *work) { w.commands = append(w.commands, func(*loop) {}) },
		"inspect":      func(w *work) { w.inspect = append(w.inspect, func(*raft.Core) {}) },
	}
	g := newGatherer(t)
	if g.turned(t, nil) {
		t.Error("a follower yielded: it only refuses proposals")
	}
	g.lead(t)
	if !g.turned(t, nil) {
		t.Error("no yield before a proposal alone")
	}
	for i := range reflect.TypeFor[work]().NumField() {
		name := reflect.TypeFor[work]().Field(i).Name
		if add := others[name]; name != "proposals" && (add == nil || g.turned(t, add)) {
			t.Errorf("%s: waited behind a yield, or is not in this test", name)
		}
	}
	before := g.yields
	if g.gather(); g.yields > before {
		t.Error("yielded before nothing")
	}
}

// TestLongYieldsEnd: where others compute, a yield takes as long as their time slices, and there are next to none.
func TestLongYieldsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGatherer(t).lead(t)
		g.takes = 20 * time.Millisecond
		if !g.turned(t, nil) || g.turned(t, nil) {
			t.Error("want one yield, and no other after it was long")
		}
		time.Sleep(gatherPauseMin)
		if !g.turned(t, nil) {
			t.Errorf("no yield %v after a long one", gatherPauseMin)
		}
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
			g.turned(t, nil)
		}
		if most := 2 + 5 + int(time.Minute/gatherPauseMax); g.yields > most {
			t.Errorf("%d yields of %v in a minute, at most %d", g.yields, g.takes, most)
		}
	})
}

// TestRareLongYieldsCostLittle: once in 500 the machine is busy elsewhere; the loop goes on to gather.
func TestRareLongYieldsCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGatherer(t).lead(t)
		const turns = 20000
		for i := range turns {
			if g.takes = 100 * time.Microsecond; i%500 == 0 {
				g.takes = gatherLong + 1
			}
			g.turned(t, nil)
			time.Sleep(time.Millisecond)
		}
		if g.yields < turns*8/10 {
			t.Errorf("%d yields in %d turns, want four in five at least", g.yields, turns)
		}
	})
}
