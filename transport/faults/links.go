package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Links are the faults of one node's links. A nil one has none. It is safe for concurrent use.
type Links struct {
	level Level
	seed  uint64

	// inForce is nil without rules.
	inForce atomic.Pointer[rules]

	mu       sync.Mutex
	closed   bool
	added    uint64 // rules, ever
	removals uint64
	parked   map[*Conn]struct{}
	flaps    sync.WaitGroup
}

// rules are those in force, in their order. They are replaced as a whole.
type rules struct {
	list []*active
	// changed is closed when these are no longer in force, or a cut of theirs has flapped.
	changed chan struct{}
	// removals counts how often rules were removed: what was held before the last time is held by none of their delays.
	removals uint64
}

// ErrClosed says that no rules are taken any more.
var ErrClosed = errors.New("link faults closed")

// New returns links without rules. Chance is drawn from the seed.
func New(level Level, seed uint64) *Links {
	return &Links{level: level, seed: seed, parked: map[*Conn]struct{}{}}
}

// Level returns what rules act upon.
func (l *Links) Level() Level { return l.level }

// Validate returns the faults of rules at a level, each with the number of its rule; they get their defaults first.
func Validate(level Level, rules []Rule) error {
	var errs []error
	if len(rules) > RulesMax {
		errs = append(errs, fmt.Errorf("rules: %d, want at most %d", len(rules), RulesMax))
	}
	for i, r := range rules {
		if err := r.WithDefaults(level).Validate(level); err != nil {
			errs = append(errs, fmt.Errorf("rules[%d].%w", i, err))
		}
	}
	return errors.Join(errs...)
}

// Add puts rules in force, after those that are: all of them at one instant or, with an error, none.
func (l *Links) Add(added ...Rule) error {
	if err := Validate(l.level, added); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	now := l.list()
	if n := len(now) + len(added); n > RulesMax {
		return fmt.Errorf("rules: %d with those in force, want at most %d", n, RulesMax)
	}
	next := slices.Clone(now)
	for _, r := range added {
		l.added++
		a := newActive(r.WithDefaults(l.level), l.seed, l.added)
		next = append(next, a)
		if r.FlapMax > 0 {
			l.flaps.Go(func() { l.flap(a) })
		}
	}
	l.replace(next)
	return nil
}

// Clear removes the rules of a name, all of them when it is empty, and returns how many. What is held goes on its way,
// unless another rule cuts it.
func (l *Links) Clear(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clear(name)
}

func (l *Links) clear(name string) int {
	now := l.list()
	next := slices.DeleteFunc(slices.Clone(now), func(a *active) bool { return name == "" || a.Name == name })
	for _, a := range now {
		if !slices.Contains(next, a) {
			close(a.removed)
		}
	}
	if len(next) != len(now) {
		l.removals++
		l.replace(next)
	}
	return len(now) - len(next)
}

// Close removes all rules, takes no others from then on, and returns when nothing of them is left.
func (l *Links) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	l.closed = true
	l.clear("")
	l.mu.Unlock()
	l.flaps.Wait()
	return nil
}

// Rules returns the rules in force and what became of them, in their order.
func (l *Links) Rules() []RuleState {
	states := []RuleState{}
	if l == nil {
		return states
	}
	if now := l.inForce.Load(); now != nil {
		for _, a := range now.list {
			states = append(states, RuleState{Rule: a.Rule, Level: l.level, Hits: a.hits.Load(), Healed: a.healed.Load()})
		}
	}
	return states
}

func (l *Links) list() []*active {
	if now := l.inForce.Load(); now != nil {
		return now.list
	}
	return nil
}

// replace puts other rules in force and tells those that wait. l.mu is held.
func (l *Links) replace(next []*active) {
	before := l.inForce.Load()
	if len(next) == 0 {
		l.inForce.Store(nil)
	} else {
		l.inForce.Store(&rules{list: next, changed: make(chan struct{}), removals: l.removals})
	}
	if before != nil {
		close(before.changed)
	}
	for c := range l.parked {
		if !l.isCut(c.link(Out)) {
			delete(l.parked, c)
			go func() { _ = c.end() }()
		}
	}
}

// park keeps a closed connection from telling its peer, for as long as its way out is cut; false says that it is not.
func (l *Links) park(c *Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.parked) >= parkedMax || !l.isCut(c.link(Out)) {
		return false
	}
	l.parked[c] = struct{}{}
	return true
}

// parkedMax bounds the closed connections of which the peer does not know yet.
const parkedMax = 1024

// Active reports whether there are rules.
func (l *Links) Active() bool { return l != nil && l.inForce.Load() != nil }

// Datagram says what happens to a datagram to a peer, or from it, that is at this end of the link now: it is lost
// unless pass, and is held for so long. The peer is raft.None where that is not known.
func (l *Links) Datagram(peer raft.NodeID, outgoing bool, size int) (hold time.Duration, pass bool) {
	rs := l.inForce.Load()
	if rs == nil {
		return 0, true
	}
	at := link{peer: peer, direction: In}
	if outgoing {
		at.direction = Out
	}
	return rs.fate(at, size, time.Now())
}

// isCut reports whether a link is cut now.
func (l *Links) isCut(at link) bool {
	now := l.inForce.Load()
	return now != nil && now.cut(at)
}

// flap heals and cuts in turns until the rule is removed.
func (l *Links) flap(a *active) {
	random := rand.New(rand.NewPCG(a.seed, 0))
	span := int64(a.FlapMax-a.FlapMin) + 1
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Duration(int64(a.FlapMin) + random.Int64N(span)))
		select {
		case <-a.removed:
			return
		case <-timer.C:
		}
		l.mu.Lock()
		if now := l.list(); slices.Contains(now, a) {
			a.healed.Store(!a.healed.Load())
			l.replace(now)
		}
		l.mu.Unlock()
	}
}
