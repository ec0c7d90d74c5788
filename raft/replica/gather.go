package replica

import (
	"runtime"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// gathering says when a leader lets those who can run go first. A proposer that wakes the loop is often the first of
// many that were answered together, and the scheduler runs what was woken last: the loop would take one proposal a
// turn. A yield is short when the others are proposers. When they compute, the loop stands behind their time slices:
// hence it yields before proposals only, and after a long yield not for a while.
type gathering struct {
	yield       func() // nil: runtime.Gosched
	pausedUntil time.Duration
	pause       time.Duration // after the next long yield; 0 is gatherPauseMin
}

const (
	// gatherLong is a yield for which others computed: it is under half of the runtime's time slice of 10 ms, and
	// far more than a thousand proposers take.
	gatherLong = 4 * time.Millisecond
	// The pause doubles with each long yield and shrinks by one part in gatherDecay with each other one: rare long
	// yields (the machine was busy elsewhere) cost little of what yields are for, and when more than about one in
	// gatherDecay is long there will soon be next to none.
	gatherPauseMin = 100 * time.Millisecond
	gatherPauseMax = 5 * time.Second
	gatherDecay    = 16
)

// gather lets other goroutines run before the loop takes what waits, when that is nothing but proposals to a leader.
// Ticks, messages, reads and completions do not wait for it, unless they come during it.
func (l *loop) gather() {
	if l.core.Role() != raft.Leader || !l.inbox.onlyProposals() {
		return
	}
	began := l.clock()
	if began < l.gathering.pausedUntil {
		return
	}
	if l.gathering.yield == nil {
		runtime.Gosched()
	} else {
		l.gathering.yield()
	}
	l.gathering.took(began, l.clock())
}

// took notes how long a yield was.
func (g *gathering) took(began, ended time.Duration) {
	g.pause = max(g.pause, gatherPauseMin)
	if ended-began <= gatherLong {
		g.pause -= g.pause / gatherDecay
		return
	}
	g.pausedUntil = ended + g.pause
	g.pause = min(2*g.pause, gatherPauseMax)
}
