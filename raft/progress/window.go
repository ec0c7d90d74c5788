package progress

import "github.com/raftmark/raftmark/internal/invariant"

// Window bounds the messages in flight to one follower, in messages and in bytes. One message always fits,
// however large. The zero value has no room; see [NewWindow].
type Window struct {
	messagesMax int
	limit       int // of messages now: messagesMax, or adaptive between floor and it
	floor       int
	bytesMax    int
	bytes       int
	ring        []flight // capacity messagesMax, grown by need
	start, n    int
}

type flight struct {
	last  uint64
	bytes int
}

// NewWindow returns an empty window. Both limits are at least 1.
func NewWindow(messagesMax, bytesMax int) Window {
	invariant.Check1(messagesMax > 0, "window of %d messages", messagesMax)
	invariant.Check1(bytesMax > 0, "window of %d bytes", bytesMax)
	return Window{messagesMax: messagesMax, limit: messagesMax, floor: messagesMax, bytesMax: bytesMax}
}

// adaptiveFloor is the least that an adaptive window narrows to, in messages.
const adaptiveFloor = 4

// MakeAdaptive lets the limit of messages move between a floor and the maximum, by Widen and Narrow.
func (w *Window) MakeAdaptive() {
	w.floor = min(adaptiveFloor, w.messagesMax)
	w.limit = w.floor
}

// Widen doubles the limit of an adaptive window.
func (w *Window) Widen() { w.limit += min(w.limit, w.messagesMax-w.limit) }

// Narrow takes the limit of an adaptive window down to its floor.
func (w *Window) Narrow() { w.limit = w.floor }

func (w *Window) shrink() { w.limit = max(w.limit-1, w.floor) }

// Limit returns how many messages may be in flight now.
func (w *Window) Limit() int { return w.limit }

// Full reports whether nothing may be added.
func (w *Window) Full() bool { return w.n >= w.limit || (w.n > 0 && w.bytes >= w.bytesMax) }

// Empty reports whether nothing is in flight.
func (w *Window) Empty() bool { return w.n == 0 }

// Len and Bytes return how much is in flight.
func (w *Window) Len() int   { return w.n }
func (w *Window) Bytes() int { return w.bytes }

// Last returns the last entry in flight, or 0 when nothing is.
func (w *Window) Last() uint64 {
	if w.n == 0 {
		return 0
	}
	return w.ring[(w.start+w.n-1)%len(w.ring)].last
}

// Add records a message whose last entry is last. It needs !Full() and last > Last().
func (w *Window) Add(last uint64, bytes int) {
	invariant.Check2(!w.Full(), "window of %d messages and %d bytes is full", w.messagesMax, w.bytesMax)
	invariant.Check2(last > w.Last(), "entry %d sent after %d", last, w.Last())
	if w.n == len(w.ring) {
		w.grow()
	}
	w.ring[(w.start+w.n)%len(w.ring)] = flight{last: last, bytes: bytes}
	w.n++
	w.bytes += bytes
}

// FreeUpto removes the messages whose entries are all at or below index.
func (w *Window) FreeUpto(index uint64) {
	for w.n > 0 && w.ring[w.start].last <= index {
		w.bytes -= w.ring[w.start].bytes
		w.start = (w.start + 1) % len(w.ring)
		w.n--
	}
}

// Reset empties the window.
func (w *Window) Reset() { w.start, w.n, w.bytes = 0, 0, 0 }

func (w *Window) grow() {
	ring := make([]flight, min(max(4, 2*len(w.ring)), w.messagesMax))
	for i := range w.n {
		ring[i] = w.ring[(w.start+i)%len(w.ring)]
	}
	w.ring, w.start = ring, 0
}
