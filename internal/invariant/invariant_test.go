package invariant

import (
	"bytes"
	"testing"
)

func TestCheckPanicsWithItsReason(t *testing.T) {
	cases := []struct {
		check func(ok bool)
		want  string
	}{
		{func(ok bool) { Check(ok, "commit %d > last %d", 3, 2) }, "invariant violated: commit 3 > last 2"},
		{func(ok bool) { Check1(ok, "no peer %d", 4) }, "invariant violated: no peer 4"},
		{func(ok bool) { Check2(ok, "%d > %s", 3, "two") }, "invariant violated: 3 > two"},
		{func(ok bool) { Check3(ok, "%d %d %d", 1, 2, 3) }, "invariant violated: 1 2 3"},
	}
	for _, c := range cases {
		if got := recovered(func() { c.check(true) }); got != nil {
			t.Errorf("%s: got a panic with %v although the condition holds", c.want, got)
		}
		if got := recovered(func() { c.check(false) }); got != c.want {
			t.Errorf("got %v, want %q", got, c.want)
		}
	}
}

func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

func TestCheckOfNumbersAllocatesNothingWhenItHolds(t *testing.T) {
	last := uint64(1 << 40) // too large for the runtime's table of small values
	allocations := testing.AllocsPerRun(100, func() {
		last++
		Check1(last > 0, "last %d", last)
		Check2(last > 1, "last %d <= %d", last, last-1)
		Check3(last > 2, "last %d <= %d <= %d", last, last-1, last-2)
	})
	if allocations != 0 {
		t.Errorf("got %v allocations, want 0", allocations)
	}
}

func TestMangleOverwritesInCheckedBuildsOnly(t *testing.T) {
	before := []byte("released")
	after := bytes.Clone(before)
	Mangle(after)
	if changed := !bytes.Equal(before, after); changed != Enabled {
		t.Errorf("mangled: got %v, want %v as Enabled", changed, Enabled)
	}
	if Enabled && bytes.ContainsAny(after, "released") {
		t.Errorf("got %q, want nothing of what was there", after)
	}
}
