package quic

import (
	"container/heap"
	"net"
	"sync"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/raftmark/raftmark/transport/faults"
)

// Bounds of what a gate holds in one socket, both directions together; more is lost, as in a router.
const (
	lateDatagramsMax = 8192
	lateBytesMax     = 8 << 20
)

// writeGated asks the gate about each datagram of a send.
func (s *socket) writeGated(b, oob []byte, size int, to *net.UDPAddr) (n, oobn int, err error) {
	peer := s.owner(to.AddrPort())
	if size == 0 {
		size = len(b)
	}
	plainOOB := oob
	if len(b) > size {
		plainOOB = nil // of one datagram; the mark for ECN is lost too
	}
	for begin := 0; begin < len(b); begin += size {
		datagram := b[begin:min(begin+size, len(b))]
		hold, pass := s.gate.Datagram(peer, true, len(datagram))
		switch {
		case !pass:
		case hold > 0:
			s.late.hold(held{due: time.Now().Add(hold), to: to, data: append([]byte(nil), datagram...)})
		default:
			if _, _, err := s.write(datagram, plainOOB, 0, to); err != nil {
				return begin, 0, err
			}
		}
	}
	return len(b), len(oob), nil
}

// filter asks the gate about each datagram that arrived, moves those that pass to the front and returns how many.
// quic-go knows the buffers by their place, so that their content is moved and not they.
func (s *socket) filter(ms []ipv4.Message) int {
	kept := 0
	for i := range ms {
		from, ok := ms[i].Addr.(*net.UDPAddr)
		if !ok {
			continue
		}
		hold, pass := s.gate.Datagram(s.owner(from.AddrPort()), false, ms[i].N)
		if !pass {
			continue
		}
		if hold > 0 {
			data := append([]byte(nil), ms[i].Buffers[0][:ms[i].N]...)
			s.late.hold(held{due: time.Now().Add(hold), from: from, data: data})
			continue
		}
		if kept < i {
			fill(&ms[kept], ms[i].Buffers[0][:ms[i].N], ms[i].OOB[:ms[i].NN], from)
		}
		kept++
	}
	return kept
}

func fill(m *ipv4.Message, data, oob []byte, from net.Addr) {
	m.N, m.NN, m.Addr = copy(m.Buffers[0], data), copy(m.OOB, oob), from
}

// held is a datagram that waits: to be sent to an address, or to be received from one.
type held struct {
	due      time.Time
	to, from *net.UDPAddr
	data     []byte
}

// late holds datagrams until they are due. Its goroutine runs only while there are some.
type late struct {
	socket *socket

	mu      sync.Mutex
	waiting heldHeap
	bytes   int
	ready   []held // to be received
	timer   *time.Timer
	stopped bool
}

func (l *late) hold(h held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || len(l.waiting)+len(l.ready) >= lateDatagramsMax || l.bytes+len(h.data) > lateBytesMax {
		return
	}
	l.bytes += len(h.data)
	heap.Push(&l.waiting, h)
	if l.waiting[0].due.Equal(h.due) {
		l.schedule()
	}
}

// schedule sets the timer to the first that is due. l.mu is held.
func (l *late) schedule() {
	if len(l.waiting) == 0 || l.stopped {
		return
	}
	pause := max(0, time.Until(l.waiting[0].due)-faults.SleepMax)
	if l.timer == nil {
		l.timer = time.AfterFunc(pause, l.release)
		return
	}
	l.timer.Reset(pause)
}

// release sends what is due and hands the reader what arrived.
func (l *late) release() {
	l.mu.Lock()
	if len(l.waiting) > 0 { // the timer ends early, and may be late by as much
		due := l.waiting[0].due
		l.mu.Unlock()
		faults.SleepUntil(due)
		l.mu.Lock()
	}
	now := time.Now()
	var out []held
	arrived := false
	for len(l.waiting) > 0 && !l.waiting[0].due.After(now) {
		h, ok := heap.Pop(&l.waiting).(held)
		if !ok {
			break
		}
		if h.to == nil {
			l.ready = append(l.ready, h)
			arrived = true
			continue
		}
		l.bytes -= len(h.data)
		out = append(out, h)
	}
	l.schedule()
	l.mu.Unlock()
	for i := range out {
		_, _, _ = l.socket.write(out[i].data, nil, 0, out[i].to) // lost when it cannot be sent
	}
	if arrived {
		l.socket.wake()
	}
}

// arrived fills in what was held and is due to be received.
func (l *late) arrived(ms []ipv4.Message) int {
	if l.socket.gate == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.ready), len(ms))
	for i := range n {
		fill(&ms[i], l.ready[i].data, nil, l.ready[i].from)
		l.bytes -= len(l.ready[i].data)
	}
	clear(l.ready[:n])
	l.ready = l.ready[n:]
	if len(l.ready) == 0 {
		l.ready = nil
	}
	return n
}

func (l *late) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.waiting, l.ready, l.bytes = nil, nil, 0
	if l.timer != nil {
		l.timer.Stop()
	}
}

// heldHeap is ordered by due.
type heldHeap []held

func (h heldHeap) Len() int           { return len(h) }
func (h heldHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h heldHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is called by package heap.
func (h *heldHeap) Push(x any) {
	if held, ok := x.(held); ok {
		*h = append(*h, held)
	}
}

// Pop is called by package heap.
func (h *heldHeap) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = held{}
	*h = (*h)[:len(*h)-1]
	return last
}
