package sim

import "time"

// eventKind says what an event is about.
type eventKind uint8

const (
	eventTick    eventKind = iota // a server's clock ticks
	eventDeliver                  // a message arrives
	eventSynced                   // a disk has done what it was doing
	eventApplied                  // a state machine has done what it was doing
	eventTurn                     // a server looks at what its core owes
	eventDo                       // anything rare
)

// event is something that will happen. Events of a server are void when its life ended before.
type event struct {
	at   time.Duration // virtual time
	seq  uint64        // among events of the same instant: the order in which they were made
	kind eventKind
	life uint32 // of the server; 0 is any
	node *node  // nil: not of a server
	pack *packet
	do   func()
}

func (e *event) before(o *event) bool { return e.at < o.at || (e.at == o.at && e.seq < o.seq) }

// schedule is the one heap of all that will happen: four children a node, by time and order.
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
	if n == 0 {
		return top
	}
	i := 0
	for {
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
	s.events[i] = last
	return top
}
