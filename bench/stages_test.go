package bench

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server"
)

const micro = time.Microsecond

// threeAnswers is one proposal as three nodes saw it, whose clocks began at different instants: the leader's disk took
// 900 µs, that of node 2 300 µs and that of node 3 400 µs.
func threeAnswers() (leader server.StagesAnswer, followers []server.StagesAnswer) {
	id := raft.EntryID{Term: 4, Index: 70}
	at := func(d time.Duration) time.Duration { return 5*time.Second + d }
	leader = server.StagesAnswer{Node: 1, StartedNs: 1e9, ClockErrorNs: 300, Traces: []replica.Trace{{
		ID: id, Proposed: at(0), Batched: at(10 * micro), Appended: at(30 * micro), Received: replica.NotSeen,
		Writing: at(50 * micro), Durable: at(950 * micro), Committed: at(620 * micro), Applied: at(1000 * micro),
		Answered: at(1010 * micro), Batch: 7, Written: 9,
		Peers: []replica.TracePeer{
			{ID: 2, Sent: at(40 * micro), Acked: at(500 * micro), Inflight: 3},
			{ID: 3, Sent: at(45 * micro), Acked: at(610 * micro), Inflight: 1},
		},
	}}}
	follower := func(node raft.NodeID, startedNs int64, received, writing, durable time.Duration) server.StagesAnswer {
		base := 5*time.Second + time.Second - time.Duration(startedNs) // the leader's proposal, on this node's clock
		return server.StagesAnswer{Node: node, StartedNs: startedNs, ClockErrorNs: 200, Traces: []replica.Trace{{
			ID: id, Proposed: replica.NotSeen, Received: base + received, Writing: base + writing, Durable: base + durable,
		}}}
	}
	return leader, []server.StagesAnswer{
		follower(2, 7e8, 100*micro, 120*micro, 420*micro), follower(3, 2e9, 130*micro, 150*micro, 550*micro),
	}
}

func TestStagesOfAllNodesAreJoined(t *testing.T) {
	leader, followers := threeAnswers()
	sample := joinStages(leader, followers, 3)
	if len(sample.rows) != 1 || len(sample.followers) != 2 {
		t.Fatalf("got %+v, want one proposal at two followers", sample)
	}
	want := result.StageRow{
		Node: 1, Term: 4, Index: 70, BatchedUs: 10, AppendedUs: 30, WritingUs: 50, DurableUs: 950, QuorumUs: 610,
		QuorumBy: 3, CommitUs: 620, AppliedUs: 1000, AnsweredUs: 1010, Batch: 7, Written: 9,
	}
	if got := sample.rows[0]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantFollower := result.FollowerStageRow{
		Term: 4, Index: 70, Node: 2, SentUs: 40, ReceivedUs: 100, WritingUs: 120, DurableUs: 420, AckedUs: 500, InFlight: 3,
	}
	if got := sample.followers[0]; got != wantFollower {
		t.Errorf("got %+v, want %+v", got, wantFollower)
	}
	if sample.clockErrorUs != .5 || sample.disordered != 0 {
		t.Errorf("got an error of %v µs and %d steps out of order", sample.clockErrorUs, sample.disordered)
	}
}

// A follower whose clock is off by more than it says is found out.
func TestStepsBeforeTheirCauseAreCounted(t *testing.T) {
	leader, followers := threeAnswers()
	followers[0].StartedNs -= 70_000 // it received 30 µs after the proposal, which was sent 40 µs after it
	if got := joinStages(leader, followers, 3).disordered; got != 1 {
		t.Errorf("got %d steps out of order, want 1", got)
	}
	followers[0].StartedNs += 2 * 100_000 // it is durable after its acknowledgement
	if got := joinStages(leader, followers, 3).disordered; got != 1 {
		t.Errorf("got %d steps out of order, want 1", got)
	}
}

func TestQuorumIsTheMajority(t *testing.T) {
	for _, c := range []struct {
		durable []replicaDurable
		voters  int
		us      int64
		by      uint64
	}{
		{[]replicaDurable{{1, 900}, {2, 300}, {3, 400}}, 3, 400, 3},
		{[]replicaDurable{{1, 350}, {2, 300}, {3, 400}}, 3, 350, 1},
		{[]replicaDurable{{1, 900}, {2, 300}, {3, -1}}, 3, 900, 1},
		{[]replicaDurable{{1, 900}, {2, -1}, {3, -1}}, 3, -1, 0},
		{[]replicaDurable{{1, 900}}, 1, 900, 1},
		{[]replicaDurable{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}, 5, 3, 3},
		{[]replicaDurable{{1, 1}, {2, 2}, {3, 3}, {4, 4}}, 4, 3, 3},
	} {
		if us, by := quorumOf(c.durable, c.voters); us != c.us || by != c.by {
			t.Errorf("%+v of %d: got %d by %d, want %d by %d", c.durable, c.voters, us, by, c.us, c.by)
		}
	}
}

// Whatever is missing of a proposal's way, its parts add up to the whole of its time.
func TestPartsOfAProposalAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var rows []result.StageRow
	var followers []result.FollowerStageRow
	for i := range 3000 {
		step := func() int64 { return random.Int64N(300) }
		r := result.StageRow{Run: i % 3, Term: 1, Index: uint64(i), Node: 1, Phase: phaseSteady, BatchedUs: step(), Batch: 4}
		r.AppendedUs = r.BatchedUs + step()
		r.WritingUs = r.AppendedUs + step()
		r.DurableUs = r.WritingUs + step()
		f := result.FollowerStageRow{Run: r.Run, Term: 1, Index: r.Index, Node: 2, Phase: phaseSteady, InFlight: 2}
		f.SentUs = r.AppendedUs + step()
		f.ReceivedUs = f.SentUs + step()
		f.WritingUs = f.ReceivedUs + step()
		f.DurableUs = f.WritingUs + step()
		f.AckedUs = f.DurableUs + step()
		r.QuorumUs, r.QuorumBy = quorumOf([]replicaDurable{{1, r.DurableUs}, {2, f.AckedUs}}, 3)
		switch i % 10 {
		case 3:
			f.ReceivedUs = -1
		case 5:
			r.QuorumUs, r.QuorumBy = -1, 0
		}
		r.CommitUs = max(r.QuorumUs, r.AppendedUs) + step()
		r.AppliedUs = max(r.CommitUs, r.DurableUs) + step()
		r.AnsweredUs = r.AppliedUs + step()
		rows, followers = append(rows, r), append(followers, f)
	}
	groups := stageGroupsOf(rows, followers, phaseSteady)
	if len(groups) != len(stageGroupsWanted()) || groups[0].N != len(rows) {
		t.Fatalf("got %+v, want all groups, of all proposals", groups)
	}
	before := 0.0
	for _, g := range groups {
		sum := 0.0
		for _, p := range g.Parts {
			sum += p.MeanUs
			if p.MeanUs < 0 {
				t.Errorf("%s: %s takes %v µs", g.Group, p.Name, p.MeanUs)
			}
		}
		if math.Abs(sum-g.TotalUs) > 1e-6 || g.Parts[9].Name != result.PartNotDivided || g.Parts[9].MeanUs == 0 {
			t.Errorf("%s: the parts %+v are %v µs together, want %v", g.Group, g.Parts, sum, g.TotalUs)
		}
		if g.Group != "all" {
			if g.TotalUs <= before {
				t.Errorf("%s takes %v µs, the group before %v", g.Group, g.TotalUs, before)
			}
			before = g.TotalUs
		}
		if g.Batch != 4 {
			t.Errorf("%s: got batches of %v, want 4", g.Group, g.Batch)
		}
	}
	if few := stageGroupsOf(rows[:100], followers, phaseSteady); few[3].N != 3 || few[3].Parts != nil {
		t.Errorf("got %+v of three proposals, want their number and nothing else", few[3])
	}
}
