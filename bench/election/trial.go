package election

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// never marks an instant that was not reached.
const never = time.Duration(-1)

// Trial is one leader that went. Times count from its crash, or from its order to hand over.
type Trial struct {
	Phase  time.Duration // since its last heartbeats were sent
	Detect time.Duration // the first server that asked for votes, or whether it would get them
	Elect  time.Duration // the victory
	Commit time.Duration // of the new leader's no-op
	Stands int           // candidacies until the victory
	Terms  int           // by how much the term rose
}

// Elected reports whether there was a new leader within Options.TrialMax.
func (t *Trial) Elected() bool { return t.Elect != never }

// beatsBefore is how many rounds of heartbeats a leader sends before the one that it crashes after.
const beatsBefore = 1

// prologueTicksMax bounds the ticks of the server that is to lead first.
const prologueTicksMax = 1 << 20

// trial is one crash under way.
type trial struct {
	*cluster
	arm    Arm
	out    Trial
	from   time.Duration
	base   raft.Term
	gone   bool // the leader was told to go
	ending bool // it has gone
}

// runTrial crashes one leader and waits for the next one.
func runTrial(a Arm, o Options, seed uint64) (Trial, error) {
	c, err := newCluster(a, o.Tick, seed)
	if err != nil {
		return Trial{}, err
	}
	chance := rand.New(rand.NewPCG(seed, 2))
	if err := c.prologue(); err != nil {
		return Trial{}, fmt.Errorf("%s: %w", a.Name, err)
	}
	if a.Load {
		c.ratePerS = o.RatePerS
	} else {
		c.unequalLogs(chance.Perm(servers - 1))
	}
	c.start()
	t := &trial{cluster: c, arm: a, out: Trial{Detect: never, Elect: never, Commit: never}}
	t.out.Phase = uniform(chance, 0, a.Timeouts.Heartbeat())
	return t.out, t.run(o.TrialMax)
}

// prologue makes the first server the leader, without time passing.
func (c *cluster) prologue() error {
	model := c.model
	c.model = Model{}
	defer func() { c.model = model }()
	leader := &c.nodes[0]
	for range prologueTicksMax {
		if leader.role == raft.Leader && leader.core.TermCommitted() {
			return c.err
		}
		leader.core.Tick()
		c.pay(0)
		c.drain()
	}
	return fmt.Errorf("%w: server 1 is not elected by %d ticks", errModel, prologueTicksMax)
}

// drain makes everything happen that is under way.
func (c *cluster) drain() {
	for len(c.queue.events) > 0 {
		c.step()
	}
}

// unequalLogs gives all servers logs of different lengths, the worst that Raft allows: the leader has an entry that
// nobody has, of the four others two have all that was committed, two do not. order says which.
func (c *cluster) unequalLogs(order []int) {
	model := c.model
	c.model = Model{}
	for i, follower := range order {
		c.logMax[follower+1] = raft.Index(2 + i) // the first entry is the no-op of the term
	}
	for range order {
		c.nodes[0].core.Propose([]raft.Entry{{Data: []byte("x")}})
		c.pay(0)
		c.drain()
	}
	c.nodes[0].core.Propose([]raft.Entry{{Data: []byte("x")}})
	c.pay(0)
	c.drain()
	c.model = model
}

// run lets the leader send heartbeats, makes it go at its phase, and waits for the next leader.
func (t *trial) run(most time.Duration) error {
	first := t.heartbeats
	t.watch = t.look
	for t.err == nil {
		due := never
		if t.heartbeats > first+beatsBefore {
			due = t.beatAt + t.out.Phase
		}
		next := t.next()
		if !t.gone && due != never && next >= due {
			t.now = due
			if err := t.leave(); err != nil {
				return err
			}
			continue
		}
		if t.gone && (t.out.Commit != never || next > t.from+most) {
			return t.err
		}
		t.advance()
		t.end()
	}
	return fmt.Errorf("%s: %w", t.arm.Name, t.err)
}

// leave makes the leader go.
func (t *trial) leave() error {
	leader := &t.nodes[0]
	if leader.role != raft.Leader {
		return fmt.Errorf("%s: %w: its leader lost the lead before it was to crash", t.arm.Name, errModel)
	}
	t.gone, t.from, t.base = true, t.now, leader.term
	t.logMax = [servers]raft.Index{} // the next leader's log may reach everybody
	if t.arm.Ending != Shutdown {
		t.ending = true
		t.crash(0)
		return nil
	}
	if err := leader.core.Transfer(raft.None); err != nil {
		return fmt.Errorf("%s: shut the leader down: %w", t.arm.Name, err)
	}
	t.pay(0)
	return nil
}

// end stops the process of a leader that was told to shut down: when it has handed over, or has given that up.
func (t *trial) end() {
	leader := &t.nodes[0]
	if t.gone && !t.ending && (leader.role != raft.Leader || leader.core.TransferTo() == raft.None) {
		t.ending = true
		t.crash(0)
	}
}

// look notes what happens after the leader went.
func (t *trial) look(i int) {
	n := &t.nodes[i]
	if !t.gone || i == 0 || t.out.Commit != never {
		return
	}
	since := t.now - t.from
	if t.out.Detect == never && n.role != raft.Follower {
		t.out.Detect = since
	}
	if n.role == raft.Candidate && n.campaign != n.term {
		n.campaign = n.term
		if t.out.Elect == never {
			t.out.Stands++
		}
	}
	if n.role != raft.Leader {
		return
	}
	if t.out.Elect == never {
		t.out.Elect, t.out.Terms = since, int(n.term-t.base)
	}
	if n.core.TermCommitted() {
		t.out.Commit = since
	}
}
