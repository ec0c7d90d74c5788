package bench

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server"
)

const micro = time.Microsecond

func threeVoters() []raft.NodeID { return []raft.NodeID{1, 2, 3} }

// threeAnswers is one proposal as three nodes saw it, whose clocks began at different instants: the leader's disk took
// 900 µs, that of node 2 300 µs and that of node 3 400 µs.
func threeAnswers() (leader server.StagesAnswer, followers []server.StagesAnswer) {
	id := raft.EntryID{Term: 4, Index: 70}
	at := func(d time.Duration) time.Duration { return 5*time.Second + d }
	leader = server.StagesAnswer{Node: 1, StartedNs: 1e9, ClockErrorNs: 300, Voters: threeVoters()}
	leader.Traces = []replica.Trace{{
		ID: id, Proposed: at(0), Batched: at(10 * micro), Appended: at(30 * micro), Received: replica.NotSeen,
		Writing: at(50 * micro), Durable: at(950 * micro), Committed: at(620 * micro), Applied: at(1000 * micro),
		Answered: at(1010 * micro), Batch: 7, Written: 9,
		Peers: []replica.TracePeer{
			{ID: 2, Sent: at(40 * micro), Acked: at(500 * micro), Inflight: 3},
			{ID: 3, Sent: at(45 * micro), Acked: at(610 * micro), Inflight: 1},
		},
	}}
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
	sample := joinStages(leader, followers)
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
	if got := sample.followers[0]; got.FollowerStageRow != wantFollower || got.compared != 4 || got.disordered != 0 {
		t.Errorf("got %+v, want %+v with four steps in order", got, wantFollower)
	}
	if sample.clockErrorUs != .5 {
		t.Errorf("got an error of %v µs", sample.clockErrorUs)
	}
}

// A follower whose clock is off by more than it says is found out, however much it is, and what it says of time is left
// out; the other's stays.
func TestStepsBeforeTheirCauseAreCounted(t *testing.T) {
	for _, off := range []time.Duration{
		61 * micro, 70 * micro, time.Millisecond, 100 * time.Millisecond, time.Second, time.Hour,
		-81 * micro, -130 * micro, -time.Millisecond, -time.Second, -time.Hour,
	} {
		leader, followers := threeAnswers()
		followers[0].StartedNs -= off.Nanoseconds()
		var record stageRecord
		record.take(joinStages(leader, followers), 1, phaseSteady)
		if record.disordered != 1 || record.steps != 8 || len(record.warnings) != 1 {
			t.Errorf("off by %v: got %d of %d steps out of order, and %q; want 1 of 8, and a warning",
				off, record.disordered, record.steps, record.warnings)
		}
		wrong, right := record.followers[0], record.followers[1]
		its := [...]int64{wrong.ReceivedUs, wrong.WritingUs, wrong.DurableUs, wrong.SentUs, wrong.AckedUs}
		if its != [...]int64{-1, -1, -1, 40, 500} {
			t.Errorf("off by %v: got %+v, want only what the leader saw of it", off, wrong)
		}
		if right.ReceivedUs != 130 || right.DurableUs != 550 {
			t.Errorf("off by %v: got %+v, want what node 3 saw", off, right)
		}
	}
	for _, off := range []time.Duration{60 * micro, -80 * micro} { // up to the leader's own instants
		leader, followers := threeAnswers()
		followers[0].StartedNs -= off.Nanoseconds()
		var record stageRecord
		record.take(joinStages(leader, followers), 1, phaseSteady)
		if record.disordered != 0 || len(record.warnings) != 0 || record.followers[0].ReceivedUs < 0 {
			t.Errorf("off by %v: got %+v, which nothing tells", off, record)
		}
	}
}

// Steps that are not in the files are counted nowhere, and those that are once.
func TestOnlyStepsThatAreKeptAreCompared(t *testing.T) {
	leader, followers := threeAnswers()
	before := leader.Traces[0]
	before.ID.Index--
	leader.Traces = append([]replica.Trace{before}, leader.Traces...)
	early := followers[0].Traces[0]
	early.ID.Index--
	early.Received -= time.Second
	followers[0].Traces = append(followers[0].Traces, early)
	sample := joinStages(leader, followers)
	var record stageRecord
	record.takeSteady(sample, 1, uint64(before.ID.Index), uint64(before.ID.Index)+1)
	record.take(sample.of(1).between(uint64(before.ID.Index)+1, 0), 1, "leader-disk-slow")
	record.take(sample.of(2), 1, "leader-disk-slow")
	if len(record.rows) != 1 || len(record.followers) != 2 || record.steps != 8 || record.disordered != 0 {
		t.Errorf("got %+v, want the last proposal, and the eight steps of two followers", record)
	}
}

// What a node has no room for is not guessed from the others, and the result says what is missing.
func TestStagesOfTheEndOfAPhaseSaySo(t *testing.T) {
	leader, followers := threeAnswers()
	followers[1].KeptAfter = 60
	var record stageRecord
	record.takeSteady(joinStages(leader, followers), 1, 50, 90)
	if len(record.rows) != 1 || len(record.warnings) != 1 || !strings.Contains(record.warnings[0], "last 75 %") {
		t.Errorf("got %+v, want a proposal of the last three quarters", record)
	}
	record = stageRecord{}
	record.takeSteady(joinStages(leader, followers), 1, 60, 90)
	if len(record.rows) != 1 || len(record.warnings) != 0 {
		t.Errorf("got %+v, want a proposal of the whole phase", record)
	}
	leader.KeptAfter = 70
	record = stageRecord{}
	record.takeSteady(joinStages(leader, followers), 1, 50, 90)
	if len(record.rows) != 0 || len(record.warnings) != 1 || !strings.Contains(record.warnings[0], "last 50 %") {
		t.Errorf("got %+v, want no proposal that the leader does not have, and a warning", record)
	}
}

// Entries that other voters may have decided about have no majority.
func TestStagesBeforeTheConfigurationHaveNoQuorum(t *testing.T) {
	leader, followers := threeAnswers()
	leader.VotersFrom = 69
	if got := joinStages(leader, followers).rows[0]; got.QuorumUs != 610 {
		t.Errorf("got %+v, want a majority after 610 µs", got)
	}
	leader.VotersFrom = 70
	if got := joinStages(leader, followers).rows[0]; got.QuorumUs != -1 || got.QuorumBy != 0 {
		t.Errorf("got %+v, want no majority of voters that were none", got)
	}
}

func TestQuorumIsTheMajority(t *testing.T) {
	first := func(n int) (voters []raft.NodeID) {
		for id := range raft.NodeID(n) {
			voters = append(voters, id+1)
		}
		return voters
	}
	for _, c := range []struct {
		durable []replicaDurable
		voters  []raft.NodeID
		us      int64
		by      uint64
	}{
		{[]replicaDurable{{1, 900}, {2, 300}, {3, 400}}, first(3), 400, 3},
		{[]replicaDurable{{1, 350}, {2, 300}, {3, 400}}, first(3), 350, 1},
		{[]replicaDurable{{1, 900}, {2, 300}, {3, -1}}, first(3), 900, 1},
		{[]replicaDurable{{1, 900}, {2, -1}, {3, -1}}, first(3), -1, 0},
		{[]replicaDurable{{1, 900}}, first(1), 900, 1},
		{[]replicaDurable{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}, first(5), 3, 3},
		{[]replicaDurable{{1, 1}, {2, 2}, {3, 3}, {4, 4}}, first(4), 3, 3},
		{[]replicaDurable{{1, 900}, {2, 700}, {3, 800}, {4, 100}}, first(3), 800, 3}, // 4 is a learner
		{[]replicaDurable{{1, 900}, {2, 300}}, nil, -1, 0},
	} {
		if us, by := quorumOf(c.durable, c.voters); us != c.us || by != c.by {
			t.Errorf("%+v of %v: got %d by %d, want %d by %d", c.durable, c.voters, us, by, c.us, c.by)
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
		r.QuorumUs, r.QuorumBy = quorumOf([]replicaDurable{{1, r.DurableUs}, {2, f.AckedUs}}, threeVoters())
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
