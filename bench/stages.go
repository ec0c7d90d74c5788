package bench

import (
	"cmp"
	"context"
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
	followers []result.FollowerStageRow
	// clockErrorUs bounds how far two nodes' clocks differ, and disordered counts the steps of followers that seem to
	// have happened before their causes or after their effects by more than that.
	clockErrorUs float64
	disordered   int
}

// followerSteps is how many steps of a follower are compared with the one before.
const followerSteps = 4

// take adds the sample of a phase of a run.
func (s *stageSample) take(other stageSample, run int, phase string) {
	for _, row := range other.rows {
		row.Run, row.Phase = run, phase
		s.rows = append(s.rows, row)
	}
	for _, row := range other.followers {
		row.Run, row.Phase = run, phase
		s.followers = append(s.followers, row)
	}
	s.clockErrorUs = max(s.clockErrorUs, other.clockErrorUs)
	s.disordered += other.disordered
}

// between keeps what was appended to the log after the index from, and up to another, if these are known.
func (s stageSample) between(from, upto uint64) stageSample {
	if upto == 0 {
		upto = math.MaxUint64
	}
	s.rows = slices.DeleteFunc(s.rows, func(r result.StageRow) bool { return r.Index <= from || r.Index > upto })
	s.followers = slices.DeleteFunc(s.followers, func(r result.FollowerStageRow) bool {
		return r.Index <= from || r.Index > upto
	})
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
	voters := 0
	for _, node := range p.cluster.Nodes() {
		voters++
		if node.ID() == leader.ID() || !node.Running() {
			continue
		}
		if answer, err := node.Stages(ctx); err == nil {
			others = append(others, answer)
		}
	}
	return joinStages(own, others, voters)
}

// joinStages puts the way of each proposal together: its leader's part, and by the entry's term and index what the
// followers saw of it. All instants are on the machine's clock, up to the error of each node's tie to it.
func joinStages(leader server.StagesAnswer, followers []server.StagesAnswer, voters int) stageSample {
	type seen struct {
		trace *replica.Trace
		from  *server.StagesAnswer
	}
	byEntry := map[raft.EntryID][]seen{}
	var sample stageSample
	for i := range followers {
		f := &followers[i]
		sample.clockErrorUs = max(sample.clockErrorUs, float64(leader.ClockErrorNs+f.ClockErrorNs)/1e3)
		for j := range f.Traces {
			byEntry[f.Traces[j].ID] = append(byEntry[f.Traces[j].ID], seen{&f.Traces[j], f})
		}
	}
	for i := range leader.Traces {
		t := &leader.Traces[i]
		if t.Proposed == replica.NotSeen {
			continue // no proposal, or of another leader
		}
		since := func(at time.Duration, startedNs int64) int64 {
			if at == replica.NotSeen {
				return -1
			}
			return (at + time.Duration(startedNs-leader.StartedNs) - t.Proposed).Microseconds()
		}
		own := func(at time.Duration) int64 { return since(at, leader.StartedNs) }
		row := result.StageRow{
			Node: uint64(leader.Node), Term: uint64(t.ID.Term), Index: uint64(t.ID.Index),
			BatchedUs: own(t.Batched), AppendedUs: own(t.Appended),
			WritingUs: own(t.Writing), DurableUs: own(t.Durable),
			CommitUs: own(t.Committed), AppliedUs: own(t.Applied), AnsweredUs: own(t.Answered),
			Batch: t.Batch, Written: t.Written,
		}
		durable := []replicaDurable{{row.Node, row.DurableUs}}
		for _, p := range t.Peers {
			f := result.FollowerStageRow{
				Term: row.Term, Index: row.Index, Node: uint64(p.ID),
				SentUs: own(p.Sent), AckedUs: own(p.Acked),
				ReceivedUs: -1, WritingUs: -1, DurableUs: -1, InFlight: p.Inflight,
			}
			for _, s := range byEntry[t.ID] {
				if started := s.from.StartedNs; s.from.Node == p.ID {
					f.ReceivedUs, f.WritingUs = since(s.trace.Received, started), since(s.trace.Writing, started)
					f.DurableUs = since(s.trace.Durable, started)
				}
			}
			sample.disordered += disorder(&f, sample.clockErrorUs)
			sample.followers = append(sample.followers, f)
			durable = append(durable, replicaDurable{f.Node, f.AckedUs})
		}
		row.QuorumUs, row.QuorumBy = quorumOf(durable, voters)
		sample.rows = append(sample.rows, row)
	}
	return sample
}

// replicaDurable is when a leader knew an entry to be durable at a server; -1 when it did not.
type replicaDurable struct {
	node uint64
	us   int64
}

// quorumOf returns when an entry was durable at a majority of the voters, as far as their leader knew, and at whom
// last.
func quorumOf(durable []replicaDurable, voters int) (us int64, by uint64) {
	durable = slices.DeleteFunc(durable, func(d replicaDurable) bool { return d.us < 0 })
	slices.SortStableFunc(durable, func(a, b replicaDurable) int { return cmp.Compare(a.us, b.us) })
	if majority := voters/2 + 1; len(durable) >= majority {
		return durable[majority-1].us, durable[majority-1].node
	}
	return -1, 0
}

// disorder counts the steps of a follower that are out of order by more than what clocks and rounding explain.
func disorder(f *result.FollowerStageRow, clockErrorUs float64) int {
	const rounding = 1
	steps, count := []int64{f.SentUs, f.ReceivedUs, f.WritingUs, f.DurableUs, f.AckedUs}, 0
	before := int64(-1)
	for _, at := range steps {
		if at < 0 {
			continue
		}
		if float64(before-at) > clockErrorUs+rounding {
			count++
		}
		before = at
	}
	return count
}
