package wholetest

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// operator disturbs a cluster: links that break, nodes that are killed and come back, leaders that change, members that
// come and go, compactions.
type operator struct {
	c       *cluster
	rng     *rand.Rand
	members bool // it changes the membership too
	lastID  raft.NodeID

	changes, kills int
}

// run works until stop is closed.
func (o *operator) run(stop <-chan struct{}) {
	for {
		pause := time.NewTimer(time.Duration(5+o.rng.IntN(60)) * time.Millisecond)
		select {
		case <-stop:
			pause.Stop()
			return
		case <-pause.C:
		}
		switch o.rng.IntN(6) {
		case 0:
			o.isolate()
		case 1:
			o.transfer()
		case 2:
			o.kill()
		case 3:
			o.compact()
		default:
			if o.members {
				o.changeMembers()
			}
		}
	}
}

func (o *operator) any() *node {
	nodes := o.c.running()
	if len(nodes) == 0 {
		return nil
	}
	return nodes[o.rng.IntN(len(nodes))]
}

// isolate cuts a node off for a while; the leader, if there is one, every second time.
func (o *operator) isolate() {
	n := o.any()
	if leader := o.c.leader(); leader != nil && o.rng.IntN(2) == 0 {
		n = leader
	}
	if n == nil {
		return
	}
	o.c.link(n.id, false)
	time.Sleep(time.Duration(20+o.rng.IntN(400)) * time.Millisecond)
	o.c.link(n.id, true)
}

func (o *operator) within(do func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	defer cancel()
	do(ctx)
}

func (o *operator) transfer() {
	if n := o.c.leader(); n != nil {
		o.within(func(ctx context.Context) { _ = n.Transfer(ctx, raft.None) }) // where it goes does not matter
	}
}

// kill ends the process of a node, and starts it again: the disk has its power all the time.
func (o *operator) kill() {
	n := o.any()
	if n == nil {
		return
	}
	if err := o.c.halt(n.id); err != nil {
		o.c.faults.addf("kill node %d: %v", n.id, err)
	}
	time.Sleep(time.Duration(o.rng.IntN(100)) * time.Millisecond)
	if err := o.c.start(n.id); err != nil {
		o.c.faults.addf("after a kill: %v", err)
	}
	o.kills++
}

func (o *operator) compact() {
	if n := o.any(); n != nil {
		o.within(func(ctx context.Context) { _ = n.Compact(ctx) }) // it may have nothing to compact
	}
}

// changeMembers adds a learner, or promotes one and maybe removes a voter in the same change.
func (o *operator) changeMembers() {
	leader := o.c.leader()
	if leader == nil {
		return
	}
	var voters, learners []raft.NodeID
	s := leader.Status()
	for _, m := range s.Configuration.Members {
		if m.Learner {
			learners = append(learners, m.ID)
		} else {
			voters = append(voters, m.ID)
		}
	}
	o.lastID = max(o.lastID, s.Configuration.LastID)
	switch {
	case len(learners) == 0 && o.lastID < idMax:
		o.join(leader)
	case len(learners) > 0 && o.rng.IntN(4) == 0:
		o.remove(leader, []raft.Change{{Kind: raft.Remove, ID: learners[0]}}, learners[0])
	case len(learners) > 0 && len(voters) > 2:
		old := voters[o.rng.IntN(len(voters))]
		o.remove(leader, []raft.Change{
			{Kind: raft.Promote, ID: learners[0]}, {Kind: raft.Remove, ID: old},
		}, old)
	}
}

// join adds a learner and starts it.
func (o *operator) join(leader *node) {
	o.lastID++
	var err error
	o.within(func(ctx context.Context) {
		err = leader.ChangeConfig(ctx, []raft.Change{{Kind: raft.AddLearner, ID: o.lastID, Address: o.c.peers[o.lastID]}})
	})
	if err != nil {
		return // should it come to be a member later, it is one that never ran
	}
	o.changes++
	if err := o.c.start(o.lastID); err != nil {
		o.c.faults.addf("join: %v", err)
	}
}

// remove makes changes after which a node is no member, and ends that when they are sure to be committed.
func (o *operator) remove(leader *node, changes []raft.Change, id raft.NodeID) {
	var err error
	o.within(func(ctx context.Context) { err = leader.ChangeConfig(ctx, changes) })
	if err != nil || o.c.disk.dark.Load() {
		return
	}
	o.changes++
	if err := o.c.halt(id); err != nil {
		o.c.faults.addf("end removed node %d: %v", id, err)
	}
	o.c.mu.Lock()
	delete(o.c.known, id)
	o.c.mu.Unlock()
}
