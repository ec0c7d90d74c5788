package sim

import (
	"strings"
	"testing"
	"time"
)

// at makes an operation on key 1, a register, or on key 0, a counter, from and to some seconds.
func at(kind opKind, from, to int, result outcome) *op {
	return &op{
		kind: kind, key: 1, call: time.Duration(from) * time.Second, back: time.Duration(to) * time.Second,
		result: result, done: true,
	}
}

func set(value int64, from, to int, result outcome) *op {
	o := at(opSet, from, to, result)
	o.value = value
	return o
}

func get(value int64, from, to int) *op {
	o := at(opGet, from, to, ok)
	o.got = value
	return o
}

func cas(old, value, wrote int64, from, to int, result outcome) *op {
	o := at(opCAS, from, to, result)
	o.old, o.value, o.got = old, value, wrote
	return o
}

func incr(count int64, from, to int, result outcome) *op {
	o := at(opIncr, from, to, result)
	o.key, o.got = 0, count
	return o
}

func count(value int64, from, to int) *op {
	o := get(value, from, to)
	o.key = 0
	return o
}

// TestHistories feeds the checkers histories whose answer is known: they must refuse the broken ones, or the simulator
// proves nothing, and accept the others, or it cries wolf.
func TestHistories(t *testing.T) {
	for _, c := range []struct {
		name   string
		ops    []*op
		broken bool
	}{
		{"nothing", nil, false},
		{"a write and its read", []*op{set(1, 0, 1, ok), get(1, 2, 3)}, false},
		{"a stale read", []*op{set(1, 0, 1, ok), set(2, 2, 3, ok), get(1, 4, 5)}, true},
		{"a read that overlaps the write", []*op{set(1, 0, 1, ok), set(2, 2, 6, ok), get(1, 4, 5)}, false},
		{"new, then old", []*op{set(1, 0, 1, ok), set(2, 2, 9, ok), get(2, 3, 4), get(1, 5, 6)}, true},
		{"a lost write", []*op{set(1, 0, 1, ok), get(missing, 2, 3)}, true},
		{"a value from nowhere", []*op{get(5, 2, 3)}, true},
		{"an unknown write that took effect late", []*op{set(1, 0, 1, unknown), get(missing, 2, 3), get(1, 4, 5)}, false},
		{"an unknown write that never did", []*op{set(1, 0, 1, unknown), get(missing, 2, 3)}, false},
		{"an unknown write that took effect twice",
			[]*op{set(1, 0, 1, unknown), get(1, 2, 3), set(2, 4, 5, ok), get(2, 6, 7), get(1, 8, 9)}, true},
		{"a failed write that took effect", []*op{set(1, 0, 1, failed), get(1, 2, 3)}, true},
		{"an effect before its cause", []*op{get(1, 0, 1), set(1, 2, 3, ok)}, true},
		{"compared and set", []*op{set(1, 0, 1, ok), cas(1, 2, 1, 2, 3, ok), get(2, 4, 5)}, false},
		{"compared with what was not there", []*op{set(1, 0, 1, ok), cas(7, 2, 1, 2, 3, ok)}, true},
		{"refused although it was there", []*op{set(1, 0, 1, ok), cas(1, 2, 0, 2, 3, ok)}, true},
		{"two that compared with one value",
			[]*op{set(1, 0, 1, ok), cas(1, 2, 1, 2, 5, ok), cas(1, 3, 1, 2, 5, ok)}, true},
		{"an unknown comparison that shows an unknown write",
			[]*op{set(1, 0, 1, unknown), cas(1, 2, 0, 2, 3, unknown), get(2, 4, 5)}, false},
		{"a refused comparison that an unseen write explains",
			[]*op{set(1, 0, 1, ok), set(2, 2, 3, unknown), cas(1, 3, 0, 4, 5, ok), set(4, 6, 7, ok), get(4, 8, 9)}, false},

		{"counts in order", []*op{incr(1, 0, 1, ok), incr(2, 2, 3, ok), count(2, 4, 5)}, false},
		{"one count twice", []*op{incr(1, 0, 1, ok), incr(1, 0, 1, ok)}, true},
		{"counted twice for once", []*op{incr(1, 0, 1, ok), incr(3, 2, 3, ok)}, true},
		{"an unknown one fills the gap", []*op{incr(1, 0, 1, ok), incr(0, 1, 2, unknown), incr(3, 4, 5, ok)}, false},
		{"an unknown one comes too late", []*op{incr(1, 0, 1, ok), incr(3, 2, 3, ok), incr(0, 4, 5, unknown)}, true},
		{"a failed one fills the gap", []*op{incr(1, 0, 1, ok), incr(0, 1, 2, failed), incr(3, 4, 5, ok)}, true},
		{"counts against time", []*op{incr(2, 0, 1, ok), incr(1, 2, 3, ok)}, true},
		{"a stale count", []*op{incr(1, 0, 1, ok), incr(2, 2, 3, ok), count(1, 4, 5)}, true},
		{"a count before its increment", []*op{count(1, 0, 1), incr(1, 2, 3, ok)}, true},
		{"a lost count", []*op{incr(1, 0, 1, ok), count(missing, 2, 3)}, true},
	} {
		_, err := checkHistory(c.ops)
		if (err != nil) != c.broken {
			t.Errorf("%s: got %v, want broken %v", c.name, err, c.broken)
		}
	}
}

// TestUndecidedIsNoPass gives porcupine no time.
func TestUndecidedIsNoPass(t *testing.T) {
	var ops []*op
	for i := range int64(40) {
		ops = append(ops, set(i+1, 0, 100, ok), get(i+1, 0, 100))
	}
	ops = append(ops, get(1, 101, 102), get(2, 103, 104))
	if err := checkRegister(ops, time.Nanosecond); err == nil || !strings.Contains(err.Error(), "not be decided") {
		t.Errorf("got %v, want that it could not be decided", err)
	}
}
