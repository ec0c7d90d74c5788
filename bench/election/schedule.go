package election

import (
	"time"

	"github.com/raftmark/raftmark/raft"
)

type eventKind uint8

const (
	eventDeliver eventKind = iota // a message arrives
	eventSynced                   // a disk has done what it was doing
	eventPropose                  // a command of the load is due
	eventPause                    // a server is paused
	eventResume                   // and goes on
)

// event is something that will happen.
type event struct {
	at      time.Duration
	seq     uint64 // among events of one instant: the order in which they were made
	kind    eventKind
	node    int
	message *raft.Message
}

func (e *event) before(o *event) bool { return e.at < o.at || (e.at == o.at && e.seq < o.seq) }

// schedule is a heap of what will happen, with four children a node.
type schedule struct {
	events []event
	seq    uint64
}

func (s *schedule) push(e event) {
	s.seq++
	e.seq = s.seq
	s.events = append(s.events, e)
	i := len(s.events) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&s.events[parent]) {
			break
		}
		s.events[i] = s.events[parent]
		i = parent
	}
	s.events[i] = e
}

// pop removes the next event. It needs a schedule that is not empty.
func (s *schedule) pop() event {
	top := s.events[0]
	n := len(s.events) - 1
	last := s.events[n]
	s.events[n] = event{}
	s.events = s.events[:n]
	i := 0
	for n > 0 {
		least := 4*i + 1
		if least >= n {
			break
		}
		for child := least + 1; child < min(4*i+5, n); child++ {
			if s.events[child].before(&s.events[least]) {
				least = child
			}
		}
		if !s.events[least].before(&last) {
			break
		}
		s.events[i] = s.events[least]
		i = least
	}
	if n > 0 {
		s.events[i] = last
	}
	return top
}
