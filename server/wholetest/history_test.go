package wholetest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/loadgen"
)

// history is what the clients of all lives saw. Its clock counts calls and returns: virtual time stands still while
// nodes work, and would make everything concurrent.
type history struct {
	mu     sync.Mutex
	clock  time.Duration
	ops    []check.Op
	values uint64
	acked  int
}

// call notes the beginning of an operation, and returns when that was.
func (h *history) call() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

// done notes the end of an operation. sure says whether it counts as acknowledged; it is asked inside, so that nothing
// that a power loss may have cut off is.
func (h *history) done(op check.Op, sure func() bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	op.Done, op.Seq = h.clock, uint64(len(h.ops))
	if op.Outcome == loadgen.OK && !sure() {
		if op.Kind == loadgen.Get {
			return // it may have seen what is lost
		}
		op.Outcome = loadgen.Unknown
	}
	if op.Outcome == loadgen.OK && op.Kind == loadgen.Set {
		h.acked++
	}
	h.ops = append(h.ops, op)
}

// newValue returns a value that nobody wrote, of about size bytes, and its id.
func (h *history) newValue(size int) (id, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.values++
	id = fmt.Sprintf("%d.%d", h.values, size)
	return id, valueOf(id, size)
}

// valueOf returns the value with an id. It says all of its bytes, so that a reader finds any other.
func valueOf(id string, size int) string { return id + ":" + strings.Repeat(id[:1], size) }

// idOf returns the id of a value that was read, "" for nothing, or foreign when nobody wrote it like this.
func idOf(value []byte) string {
	if value == nil {
		return ""
	}
	id, _, _ := strings.Cut(string(value), ":")
	_, digits, _ := strings.Cut(id, ".")
	if size, err := strconv.Atoi(digits); err == nil && valueOf(id, size) == string(value) {
		return id
	}
	return check.ForeignValue
}

// snapshot returns what there is so far.
func (h *history) snapshot() *check.History {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &check.History{Ops: append([]check.Op(nil), h.ops...)}
}

// writtenKeys returns the keys that may have a value.
func (h *history) writtenKeys() []string { return h.snapshot().WrittenKeys() }
