package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server"
)

// stageSample is what the nodes saw of the sampled proposals of one leader, joined.
type stageSample struct {
	rows      []result.StageRow
	followers []followerSample
	// clockErrorUs bounds how far two nodes' clocks differ.
	clockErrorUs float64
	// keptAfter is the index after which all nodes that answered still had what they saw. What is before is left out.
	keptAfter uint64
}

// followerSample is a row, and how many of its steps had another one before, and how many of these seem to have
// happened before that by more than the clocks' error.
type followerSample struct {
	result.FollowerStageRow
	compared, disordered int
}

// stageRecord is what the samples of a run come to: what is in its files, and nothing that was left out of them.
type stageRecord struct {
	rows         []result.StageRow
	followers    []result.FollowerStageRow
	clockErrorUs float64
	// steps were compared in these rows, and disordered of them are out of order.
	steps, disordered int
	warnings          []string
}

// take adds the sample of a phase of a run. A follower of which one step is out of order has another clock than it
// says: none of its instants is taken, as no time between two nodes means anything then. What the leader's own clock
// says of it stays.
func (s *stageRecord) take(sample stageSample, run int, phase string) {
	for _, row := range sample.rows {
		row.Run, row.Phase = run, phase
		s.rows = append(s.rows, row)
	}
	disordered := map[uint64]int{}
	for _, f := range sample.followers {
		s.steps += f.compared
		disordered[f.Node] += f.disordered
	}
	for _, f := range sample.followers {
		row := f.FollowerStageRow
		row.Run, row.Phase = run, phase
		if disordered[row.Node] > 0 {
			row.ReceivedUs, row.WritingUs, row.DurableUs = notObservedUs, notObservedUs, notObservedUs
		}
		s.followers = append(s.followers, row)
	}
	for _, node := range slices.Sorted(maps.Keys(disordered)) {
		if n := disordered[node]; n > 0 {
			s.disordered += n
			s.warnings = append(s.warnings, fmt.Sprintf("note: run %d: %s: %d steps of node %d come before their cause by "+
				"more than the clocks' error of %.1f µs: its stages are left out", run, phase, n, node, sample.clockErrorUs))
		}
	}
	s.clockErrorUs = max(s.clockErrorUs, sample.clockErrorUs)
}

// takeSteady adds the sample of the steady phase, in which the log was committed from an index up to another, if these
// are known, and says so when the nodes do not have all of it any more.
func (s *stageRecord) takeSteady(sample stageSample, run int, from, upto uint64) {
	s.take(sample.between(from, upto), run, phaseSteady)
	if from < sample.keptAfter && from < upto {
		covered := float64(upto-min(upto, sample.keptAfter)) / float64(upto-from)
		s.warnings = append(s.warnings, fmt.Sprintf("note: run %d: the stages are of the last %.0f %% of the steady phase's "+
			"log, after index %d of %d to %d: the nodes keep no more", run, 100*covered, sample.keptAfter, from, upto))
	}
}

// between keeps what was appended to the log after the index from, and up to another, if these are known.
func (s stageSample) between(from, upto uint64) stageSample {
	if upto == 0 {
		upto = math.MaxUint64
	}
	s.rows = slices.DeleteFunc(slices.Clone(s.rows), func(r result.StageRow) bool {
		return r.Index <= from || r.Index > upto
	})
	s.followers = slices.DeleteFunc(slices.Clone(s.followers), func(r followerSample) bool {
		return r.Index <= from || r.Index > upto
	})
	return s
}

// of keeps what a node led.
func (s stageSample) of(node uint64) stageSample {
	if len(s.rows) > 0 && s.rows[0].Node != node { // a sample is of one leader
		return stageSample{}
	}
	return s
}

// stages asks all nodes; a cluster without a leader, or whose leader does not answer, has none. A follower that does
// not answer is left out.
func (p *processes) stages(ctx context.Context) stageSample {
	ctx, cancel := context.WithTimeout(ctx, stagesTimeout)
	defer cancel()
	leader, err := p.cluster.Leader(ctx)
	if err != nil {
		return stageSample{}
	}
	own, err := leader.Stages(ctx)
	if err != nil {
		return stageSample{}
	}
	var others []server.StagesAnswer
	for _, node := range p.cluster.Nodes() {
		if node.ID() == leader.ID() || !node.Running() {
			continue
		}
		if answer, err := node.Stages(ctx); err == nil {
			others = append(others, answer)
		}
	}
	return joinStages(own, others)
}

// joinStages puts the way of each proposal together: its leader's part, and by the entry's term and index what the
// followers saw of it. All instants are on the machine's clock, up to the error of each node's tie to it.
func joinStages(leader server.StagesAnswer, followers []server.StagesAnswer) stageSample {
	sample := stageSample{keptAfter: uint64(leader.KeptAfter)}
	seen := map[raft.NodeID]followerTraces{}
	for i := range followers {
		f := newFollowerTraces(&leader, &followers[i])
		seen[followers[i].Node] = f
		sample.clockErrorUs = max(sample.clockErrorUs, float64(f.clockError)/1e3)
		sample.keptAfter = max(sample.keptAfter, uint64(followers[i].KeptAfter))
	}
	for i := range leader.Traces {
		t := &leader.Traces[i]
		if t.Proposed == replica.NotSeen || uint64(t.ID.Index) <= sample.keptAfter {
			continue // of another leader; or somebody's part of it is gone
		}
		own := func(at time.Duration) int64 { return stageUs(at-t.Proposed, at != replica.NotSeen) }
		row := result.StageRow{
			Node: uint64(leader.Node), Term: uint64(t.ID.Term), Index: uint64(t.ID.Index),
			BatchedUs: own(t.Batched), AppendedUs: own(t.Appended),
			WritingUs: own(t.Writing), DurableUs: own(t.Durable),
			CommitUs: own(t.Committed), AppliedUs: own(t.Applied), AnsweredUs: own(t.Answered),
			QuorumUs: notObservedUs, Batch: t.Batch, Written: t.Written,
		}
		durable := []replicaDurable{{leader.Node, row.DurableUs}}
		for _, p := range t.Peers {
			f := seen[p.ID].sample(t, &p)
			sample.followers = append(sample.followers, f)
			durable = append(durable, replicaDurable{p.ID, f.AckedUs})
		}
		if t.ID.Index > leader.VotersFrom { // other voters may have decided about those before
			row.QuorumUs, row.QuorumBy = quorumOf(durable, leader.Voters)
		}
		sample.rows = append(sample.rows, row)
	}
	return sample
}

// followerTraces are what a follower saw. What is added to its instants makes them the leader's; the zero value saw
// nothing.
type followerTraces struct {
	byEntry    map[raft.EntryID]*replica.Trace
	shift      time.Duration
	clockError time.Duration // of the two nodes' together
}

func newFollowerTraces(leader, follower *server.StagesAnswer) followerTraces {
	f := followerTraces{
		byEntry:    make(map[raft.EntryID]*replica.Trace, len(follower.Traces)),
		shift:      time.Duration(follower.StartedNs - leader.StartedNs),
		clockError: time.Duration(leader.ClockErrorNs + follower.ClockErrorNs),
	}
	for i := range follower.Traces {
		f.byEntry[follower.Traces[i].ID] = &follower.Traces[i]
	}
	return f
}

// sample joins what the leader noted about this follower with what that saw.
func (f followerTraces) sample(t *replica.Trace, p *replica.TracePeer) followerSample {
	// An instant may come before the proposal when the clocks are wrong: what was not seen is marked, not negative.
	type step struct {
		at   time.Duration // since the proposal
		seen bool
	}
	own := func(at time.Duration) step { return step{at - t.Proposed, at != replica.NotSeen} }
	its := func(at time.Duration) step { return step{at + f.shift - t.Proposed, at != replica.NotSeen} }
	sent, acked := own(p.Sent), own(p.Acked)
	var received, writing, durable step
	if seen := f.byEntry[t.ID]; seen != nil {
		received, writing, durable = its(seen.Received), its(seen.Writing), its(seen.Durable)
	}
	us := func(s step) int64 { return stageUs(s.at, s.seen) }
	s := followerSample{FollowerStageRow: result.FollowerStageRow{
		Term: uint64(t.ID.Term), Index: uint64(t.ID.Index), Node: uint64(p.ID),
		SentUs: us(sent), AckedUs: us(acked),
		ReceivedUs: us(received), WritingUs: us(writing), DurableUs: us(durable), InFlight: p.Inflight,
	}}
	var before step
	for _, at := range []step{sent, received, writing, durable, acked} {
		if !at.seen {
			continue
		}
		if before.seen {
			s.compared++
			if before.at-at.at > f.clockError {
				s.disordered++
			}
		}
		before = at
	}
	return s
}

// notObservedUs is a step that no node has seen.
const notObservedUs = -1

// stageUs returns an instant since the proposal in microseconds. One before it, within the clocks' error, is at it;
// beyond that it is left out as a whole.
func stageUs(at time.Duration, seen bool) int64 {
	if !seen {
		return notObservedUs
	}
	return max(0, at.Microseconds())
}

// replicaDurable is when a leader knew an entry to be durable at a server; notObservedUs when it did not.
type replicaDurable struct {
	node raft.NodeID
	us   int64
}

// quorumOf returns when an entry was durable at a majority of the voters, as far as their leader knew, and at whom
// last. Without voters nobody is.
func quorumOf(durable []replicaDurable, voters []raft.NodeID) (us int64, by uint64) {
	durable = slices.DeleteFunc(durable, func(d replicaDurable) bool {
		return d.us == notObservedUs || !slices.Contains(voters, d.node)
	})
	slices.SortStableFunc(durable, func(a, b replicaDurable) int { return cmp.Compare(a.us, b.us) })
	if majority := len(voters)/2 + 1; len(durable) >= majority {
		return durable[majority-1].us, uint64(durable[majority-1].node)
	}
	return notObservedUs, 0
}
