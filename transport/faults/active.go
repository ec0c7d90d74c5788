package faults

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// packetBytes is what a packet of a connection carries, for counting its losses.
const packetBytes = 1448

// QueueDelayMax is how much a datagram waits for a bandwidth at most; what would wait longer is lost.
const QueueDelayMax = 100 * time.Millisecond

// burst is how much of an unused bandwidth may be made up for.
const burst = 5 * time.Millisecond

// lossesMax bounds how often one packet is lost in a row.
const lossesMax = 6

// link is one directed link of this node, and the lane where that is known.
type link struct {
	peer      raft.NodeID // raft.None is unknown
	direction Direction   // Out or In
	lane      string
}

// active is a rule in force.
type active struct {
	Rule
	seed    uint64
	removed chan struct{} // closed then

	hits   atomic.Int64
	healed atomic.Bool

	mu      sync.Mutex
	chances map[link]*rand.Rand
	free    map[link]time.Time // of links without a lane: when the bandwidth is free again
}

func newActive(r Rule, seed, number uint64) *active {
	a := &active{Rule: r, seed: r.Seed, removed: make(chan struct{})}
	if a.seed == 0 {
		a.seed = rand.NewPCG(seed, number).Uint64()
	}
	if r.Action != Cut {
		a.chances, a.free = map[link]*rand.Rand{}, map[link]time.Time{}
	}
	return a
}

func (a *active) covers(at link) bool {
	return (a.Peer == raft.None || a.Peer == at.peer) && (a.Direction == Both || a.Direction == at.direction) &&
		(a.Lane == "" || a.Lane == at.lane)
}

// chance returns the source of a link's chances. a.mu is held.
func (a *active) chance(at link) *rand.Rand {
	r := a.chances[at]
	if r == nil {
		way := uint64(1)
		if at.direction == In {
			way = 2
		}
		for _, b := range []byte(at.lane) {
			way = way<<8 ^ way>>56 ^ uint64(b)
		}
		r = rand.New(rand.NewPCG(a.seed, uint64(at.peer)<<3^way))
		a.chances[at] = r
	}
	return r
}

// delayed returns the rule's delay for one packet.
func (a *active) delayed(at link) time.Duration {
	if a.Jitter == 0 {
		return time.Duration(a.Delay)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Duration(a.Delay) + time.Duration((2*a.chance(at).Float64()-1)*float64(a.Jitter))
}

// lost reports whether a datagram is lost.
func (a *active) lost(at link) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.chance(at).Float64() < a.Probability
}

// lostOf draws which of the packets of n bytes are lost: some that others follow, and the last one so many times.
func (a *active) lostOf(at link, n int) (some bool, last int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	chance := a.chance(at)
	if followed := (n - 1) / packetBytes; followed > 0 {
		some = chance.Float64() < -math.Expm1(float64(followed)*math.Log1p(-a.Probability))
	}
	for last < lossesMax && chance.Float64() < a.Probability {
		last++
	}
	return some, last
}

// queued takes n bytes of the link's bandwidth and returns when the last of them is through; when that is not by the
// limit after now, nothing is taken.
func (a *active) queued(at link, n int, now time.Time, limit time.Duration) (through time.Time, ok bool) {
	at.lane = ""
	a.mu.Lock()
	defer a.mu.Unlock()
	free := a.free[at]
	if idle := now.Add(-burst); free.Before(idle) {
		free = idle
	}
	free = free.Add(time.Duration(float64(n) / float64(a.Bandwidth) * float64(time.Second)))
	if free.Sub(now) > limit {
		return free, false
	}
	a.free[at] = free
	if free.Before(now) {
		return now, true
	}
	return free, true
}

// fit reports whether a rule is for the link.
func (rs *rules) fit(at link) bool {
	for _, a := range rs.list {
		if a.covers(at) {
			return true
		}
	}
	return false
}

// cut reports whether the link is cut now.
func (rs *rules) cut(at link) bool {
	for _, a := range rs.list {
		if a.Action == Cut && !a.healed.Load() && a.covers(at) {
			return true
		}
	}
	return false
}

// passage is when bytes of a connection are through their link, cuts aside.
type passage struct {
	due time.Time
	// lost says that the last packet is lost, and that due is when it is sent again unless something follows: then a
	// round trip after that, unless it is lost again.
	lost, again bool
	roundTrip   time.Duration
	removals    uint64 // of the rules that say so
}

// schedule counts n bytes of a connection that go onto the link now, and says when they are through.
func (rs *rules) schedule(at link, n int, now time.Time) passage {
	p := passage{due: now, removals: rs.removals}
	late, some := time.Duration(0), false
	for _, a := range rs.list {
		if !a.covers(at) {
			continue
		}
		switch a.Action {
		case Cut:
			if a.healed.Load() {
				continue
			}
		case Delay:
			late += a.delayed(at)
			p.roundTrip += 2 * time.Duration(a.Delay)
		case Drop:
			followed, last := a.lostOf(at, n)
			if !followed && last == 0 {
				continue
			}
			some = some || followed
			p.lost, p.again = p.lost || last > 0, p.again || last > 1
			late += time.Duration(a.Retransmit) * (1<<last - 1)
		case Bandwidth:
			if through, _ := a.queued(at, n, now, math.MaxInt64); through.After(p.due) {
				p.due = through
			}
		}
		a.hits.Add(1)
	}
	if some {
		late += p.roundTrip
	}
	p.due = p.due.Add(late)
	return p
}

// fate counts a datagram of n bytes that goes onto the link now, and says how long it is held, or that it is lost.
func (rs *rules) fate(at link, n int, now time.Time) (hold time.Duration, pass bool) {
	queued := time.Duration(0)
	for _, a := range rs.list {
		if !a.covers(at) {
			continue
		}
		lost := false
		switch a.Action {
		case Cut:
			if a.healed.Load() {
				continue
			}
			lost = true
		case Delay:
			hold += a.delayed(at)
		case Drop:
			if !a.lost(at) {
				continue
			}
			lost = true
		case Bandwidth:
			through, ok := a.queued(at, n, now, QueueDelayMax)
			lost = !ok
			queued = max(queued, through.Sub(now))
		}
		a.hits.Add(1)
		if lost {
			return 0, false
		}
	}
	return hold + queued, true
}
