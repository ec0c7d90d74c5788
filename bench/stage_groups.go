package bench

import (
	"cmp"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
)

// stageGroupLeast is how many proposals a group needs for its means to be published: the least for an interval of a
// median (rule R9).
const stageGroupLeast = 6

// stageGroup is a range of ranks: of n proposals those in [from*n, to*n).
type stageGroup struct {
	name     string
	from, to float64
}

func stageGroupsWanted() []stageGroup {
	return []stageGroup{
		{"all", 0, 1}, {"p49 to p51", .49, .51}, {"p90 to p95", .90, .95}, {"p99 and above", .99, 1},
	}
}

// stageGroupsOf says where the time of the proposals of a phase went, by how long they took. Ranks are within each run:
// a run that was slow as a whole does not fill the group of the slowest.
func stageGroupsOf(rows []result.StageRow, followers []result.FollowerStageRow, phase string) []result.StageGroup {
	type entry struct {
		run         int
		term, index uint64
	}
	decisive := map[entry]*result.FollowerStageRow{}
	wanted := map[entry]uint64{}
	runs := map[int][]*result.StageRow{}
	for i := range rows {
		r := &rows[i]
		if r.Phase != phase || r.AnsweredUs < 0 || r.CommitUs < 0 || r.AppliedUs < 0 || r.AppendedUs < 0 {
			continue
		}
		runs[r.Run] = append(runs[r.Run], r)
		wanted[entry{r.Run, r.Term, r.Index}] = r.QuorumBy
	}
	for i := range followers {
		f := &followers[i]
		if by, ok := wanted[entry{f.Run, f.Term, f.Index}]; ok && by == f.Node {
			decisive[entry{f.Run, f.Term, f.Index}] = f
		}
	}
	var groups []result.StageGroup
	for _, want := range stageGroupsWanted() {
		g := result.StageGroup{Group: want.name}
		sums := newStageSums()
		for _, run := range runs {
			slices.SortFunc(run, func(a, b *result.StageRow) int {
				return cmp.Or(cmp.Compare(a.AnsweredUs, b.AnsweredUs), cmp.Compare(a.Index, b.Index))
			})
			n := float64(len(run))
			for _, r := range run[min(len(run), int(want.from*n)):min(len(run), int(want.to*n))] {
				sums.add(r, decisive[entry{r.Run, r.Term, r.Index}])
			}
		}
		sums.into(&g)
		if g.N > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// stageSums adds up where the time of proposals went.
type stageSums struct {
	n, byLeader              int
	total                    int64
	parts                    map[string]int64
	batch, written, inFlight int
	withFlight               int
}

func newStageSums() *stageSums { return &stageSums{parts: map[string]int64{}} }

// add divides the time of one proposal; f is what is known of the follower that completed its majority, nil when that
// was the leader, or is not known. The parts of each proposal add up to its time exactly: each begins where another
// ends.
func (s *stageSums) add(r *result.StageRow, f *result.FollowerStageRow) {
	s.n++
	s.total += r.AnsweredUs
	s.batch += r.Batch
	s.written += r.Written
	if f != nil {
		s.inFlight += f.InFlight
		s.withFlight++
	}
	s.parts[result.PartQueue] += r.BatchedUs
	s.parts[result.PartAppend] += r.AppendedUs - r.BatchedUs
	quorum := r.QuorumUs
	switch {
	case quorum < 0 || quorum > r.CommitUs: // somebody else's entries were counted: a change of the membership
		quorum = r.CommitUs
		s.parts[result.PartNotDivided] += quorum - r.AppendedUs
	case r.QuorumBy == r.Node && r.WritingUs >= 0:
		s.byLeader++
		s.parts[result.PartLeaderWait] += r.WritingUs - r.AppendedUs
		s.parts[result.PartLeaderSync] += quorum - r.WritingUs
	case f != nil && f.SentUs >= 0 && f.ReceivedUs >= 0 && f.WritingUs >= 0 && f.DurableUs >= 0:
		s.parts[result.PartSend] += f.SentUs - r.AppendedUs
		s.parts[result.PartToFollower] += f.ReceivedUs - f.SentUs
		s.parts[result.PartFollowerWait] += f.WritingUs - f.ReceivedUs
		s.parts[result.PartFollowerSync] += f.DurableUs - f.WritingUs
		s.parts[result.PartAck] += quorum - f.DurableUs
	default:
		s.parts[result.PartNotDivided] += quorum - r.AppendedUs
	}
	s.parts[result.PartCommit] += r.CommitUs - quorum
	own := int64(0) // the machine applies only what the own disk has
	if r.DurableUs >= 0 {
		own = max(0, min(r.DurableUs, r.AppliedUs)-r.CommitUs)
	}
	s.parts[result.PartOwnDisk] += own
	s.parts[result.PartApply] += r.AppliedUs - r.CommitUs - own
	s.parts[result.PartAnswer] += r.AnsweredUs - r.AppliedUs
}

func (s *stageSums) into(g *result.StageGroup) {
	g.N = s.n
	if s.n < stageGroupLeast {
		return
	}
	n := float64(s.n)
	mean := func(sum int64) float64 { return float64(sum) / n }
	g.TotalUs = mean(s.total)
	for _, name := range result.StageParts() {
		g.Parts = append(g.Parts, result.StagePart{Name: name, MeanUs: mean(s.parts[name])})
	}
	g.ByLeader, g.Batch, g.Written = float64(s.byLeader)/n, float64(s.batch)/n, float64(s.written)/n
	if s.withFlight > 0 {
		g.InFlight = float64(s.inFlight) / float64(s.withFlight)
	}
}

// stageQuantiles returns the distribution of each step's instant in a phase, microseconds since the proposal. Those of
// followers are of the one of each proposal whose acknowledgement came first.
func stageQuantiles(
	rows []result.StageRow, followers []result.FollowerStageRow, phase string,
) map[string]result.Quantiles {
	values := map[string][]float64{}
	add := func(name string, us int64) {
		if us >= 0 {
			values[name] = append(values[name], float64(us))
		}
	}
	type entry struct {
		run         int
		term, index uint64
	}
	first := map[entry]*result.FollowerStageRow{}
	for i := range followers {
		f := &followers[i]
		at := entry{f.Run, f.Term, f.Index}
		if was := first[at]; f.Phase == phase && f.AckedUs >= 0 && (was == nil || f.AckedUs < was.AckedUs) {
			first[at] = f
		}
	}
	for i := range rows {
		r := &rows[i]
		if r.Phase != phase {
			continue
		}
		add("batched", r.BatchedUs)
		add("appended", r.AppendedUs)
		add("writing", r.WritingUs)
		add("durable", r.DurableUs)
		add("quorum", r.QuorumUs)
		add("committed", r.CommitUs)
		add("applied", r.AppliedUs)
		add("answered", r.AnsweredUs)
		if f := first[entry{r.Run, r.Term, r.Index}]; f != nil {
			add("sent", f.SentUs)
			add("received", f.ReceivedUs)
			add("follower_writing", f.WritingUs)
			add("follower_durable", f.DurableUs)
			add("acknowledged", f.AckedUs)
		}
	}
	quantiles := map[string]result.Quantiles{}
	for name, sample := range values {
		quantiles[name] = quantilesOf(sample)
	}
	return quantiles
}
