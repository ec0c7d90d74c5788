package faultfs

import (
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// active is a rule in force.
type active struct {
	Rule
	errno    syscall.Errno
	released <-chan struct{} // closed when the rule is cleared

	matched atomic.Int64
	hits    atomic.Int64
	waiting atomic.Int64
}

func (a *active) state() RuleState {
	return RuleState{Rule: a.Rule, Matched: a.matched.Load(), Hits: a.hits.Load(), Waiting: a.waiting.Load()}
}

// takes counts an operation, and reports whether the rule acts upon it.
func (a *active) takes(op Op, path string) bool {
	if a.Op != Any && a.Op != op || !strings.Contains(path, a.Path) {
		return false
	}
	n := a.matched.Add(1)
	if n <= a.After || a.Count > 0 && n > a.After+a.Count {
		return false
	}
	a.hits.Add(1)
	return true
}

// hold waits until the rule is cleared, or for d when that is not 0.
func (a *active) hold(d time.Duration) {
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	if d == 0 {
		<-a.released
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.released:
	}
}

// rules are those in force, in their order.
type rules []*active

// before does to an operation what the rules say. With an error the operation must not be done, or only half of it when
// short. path is what rules see, name what the error names.
func (rs rules) before(op Op, path, name string) (short bool, err error) {
	for _, a := range rs {
		if !a.takes(op, path) {
			continue
		}
		switch a.Action {
		case Delay:
			a.hold(time.Duration(a.Delay))
		case Stall:
			a.hold(0)
		case Error, Short:
			return a.Action == Short, &fs.PathError{Op: string(op), Path: name, Err: a.errno}
		}
	}
	return false, nil
}
