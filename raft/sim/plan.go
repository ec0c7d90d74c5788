package sim

import (
	"math/rand/v2"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// plan is what a seed has drawn for a whole run. What is drawn for one class does not depend on whether another one is
// on, so that taking one away changes as little as can be.
type plan struct {
	classes  Class
	duration time.Duration

	servers, learners int
	core              raft.Config // of every server, but for its name
	tick              time.Duration

	network networkPlan
	disk    diskPlan

	applyMean time.Duration // of one batch
	turnMean  time.Duration // from an input to a look at what is owed; 0 is at once

	opsPerSecond  float64
	sessions      bool // so that clients may ask again without harm
	clients, keys int
	readsLog      int // of ten reads, how many go through the log
	readsFollower int // of ten others, how many ask a follower

	logEntriesMax int // the log is compacted when it has so many applied entries
	persistMean   time.Duration

	every map[Class]time.Duration // the mean time between two of a class; looked up only
}

type networkPlan struct {
	datagrams bool // messages overtake each other, and get lost one by one
	delayMin  time.Duration
	delayMean time.Duration // beyond the minimum
	loss      float64
	duplicate float64
	replay    float64
	queueMax  int // messages under way on one lane of one link
}

type diskPlan struct {
	syncMin, syncMean time.Duration
	slow              float64 // how many syncs take fifty times as long
}

// purpose tells the streams of chance apart.
type purpose uint64

const (
	purposePlan purpose = iota + 1
	purposeNetwork
	purposeDisk
	purposeServer
	purposeClient
	purposeMembers
	purposeTrouble // one for each class: the classes are added to it
)

func newRand(seed uint64, p purpose) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(p)*0x9e3779b97f4a7c15))
}

func pick[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }

// between draws from [low, high).
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

// expDuration draws with a mean, at most twenty times it.
func expDuration(rng *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(min(rng.ExpFloat64(), 20) * float64(mean))
}

// drawPlan draws the plan of a run.
func drawPlan(o Options) *plan {
	rng := newRand(o.Seed, purposePlan)
	p := &plan{duration: o.Duration}
	p.classes = drawClasses(rng) &^ o.Without
	if o.Only != 0 {
		p.classes &= o.Only
	}
	p.servers = pick(rng, 1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 5, 7)
	p.learners = pick(rng, 0, 0, 0, 1, 2)
	p.tick = 10 * time.Millisecond
	p.core = drawConfig(rng, o.Seed)
	if p.classes.has(Lease) {
		p.core.NoCheckQuorum = false
		// A follower's timeout may begin just before a tick, and its clock be as much too fast as the leader's too slow.
		least := float64(p.core.ElectionTicksMin-1) * float64(p.tick)
		p.core.LeaseNanos = int64(0.98 * least * (1 - driftMax) / (1 + driftMax))
	}
	p.network = networkPlan{
		datagrams: rng.IntN(2) == 0,
		delayMin:  between(rng, 20*time.Microsecond, 500*time.Microsecond),
		delayMean: pick(rng, 50*time.Microsecond, 500*time.Microsecond, 3*time.Millisecond),
		loss:      pick(rng, 0.002, 0.02, 0.1, 0.3), duplicate: pick(rng, 0.01, 0.05, 0.2),
		replay: pick(rng, 0.01, 0.1), queueMax: pick(rng, 16, 256, 4096),
	}
	p.disk = diskPlan{
		syncMin:  between(rng, 20*time.Microsecond, 300*time.Microsecond),
		syncMean: pick(rng, 100*time.Microsecond, time.Millisecond, 8*time.Millisecond),
		slow:     pick(rng, 0, 0.001, 0.02),
	}
	p.applyMean = pick(rng, 20*time.Microsecond, 200*time.Microsecond, 2*time.Millisecond)
	p.turnMean = pick(rng, 0, 0, 50*time.Microsecond, 500*time.Microsecond)
	p.opsPerSecond, p.sessions = 200, rng.IntN(4) > 0
	p.clients, p.keys = pick(rng, 4, 8, 16), 40
	p.readsLog, p.readsFollower = pick(rng, 0, 2, 10), pick(rng, 0, 5, 10)
	p.logEntriesMax = pick(rng, 20, 100, 1000)
	p.persistMean = pick(rng, 200*time.Millisecond, 2*time.Second)
	p.every = map[Class]time.Duration{}
	for _, c := range (Damage - 1).List() {
		p.every[c] = pick(rng, 2*time.Second, 6*time.Second, 20*time.Second)
	}
	p.every[Members] = pick(rng, 300*time.Millisecond, time.Second, 5*time.Second)
	p.every[Damage] = pick(rng, time.Second, 4*time.Second, 10*time.Second)
	p.every[Hint] = pick(rng, 300*time.Millisecond, 2*time.Second, 10*time.Second)
	p.core.DisconnectHints = p.classes.has(Hint) && p.core.LeaseNanos == 0 && !p.core.NoPreVote && !p.core.NoCheckQuorum
	return p
}

// drawClasses draws which classes a run has: rarely none or all.
func drawClasses(rng *rand.Rand) Class {
	all, some := rng.IntN(20), Class(rng.Uint64())&classesAll
	more := Class(rng.Uint64()) & classesAll
	switch all {
	case 0:
		return 0
	case 1:
		return classesAll
	case 2, 3, 4, 5, 6, 7:
		return some | more
	default:
		return some
	}
}

// drawConfig draws limits that are often as small as they can be, and the optional parts of the protocol.
func drawConfig(rng *rand.Rand, seed uint64) raft.Config {
	small := rng.IntN(3) == 0
	limit := func(values ...int) int {
		v := pick(rng, values...)
		if small {
			return v
		}
		return 0
	}
	cfg := raft.Config{
		ElectionTicksMin: pick(rng, 5, 10, 20, 30), Seed: seed,
		NoPreVote: rng.IntN(5) == 0, NoCheckQuorum: rng.IntN(5) == 0,
		MessageEntriesMax: limit(1, 2, 5, 0, 0), MessageBytesMax: limit(1, 100, 0, 0),
		InflightMessagesMax: limit(1, 2, 4, 0), InflightBytesMax: limit(1, 100, 0, 0),
		UncommittedEntriesMax: limit(1, 8, 100, 0), UncommittedBytesMax: limit(1, 1000, 0, 0),
		TailEntriesMax: limit(1, 2, 8, 0), TailBytesMax: limit(1, 100, 0),
		ApplyBytesMax:      limit(1, 100, 0),
		SnapshotChunkBytes: pick(rng, 64, 1000, 0), SnapshotInflightBytes: pick(rng, 1, 2000, 0),
		PromoteLagMax: pick(rng, 1, 100, 0), ReadsMax: pick(rng, 1, 10, 0), AdaptiveWindow: rng.IntN(3) == 0,
	}
	cfg.ElectionTicksMax = cfg.ElectionTicksMin*2 + rng.IntN(cfg.ElectionTicksMin)
	return cfg
}
