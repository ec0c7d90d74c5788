package clock

import (
	"testing"
	"time"
)

func TestTwoClocksAgree(t *testing.T) {
	a, b := New(), New()
	now := time.Now()
	if diff := (a.At(now) - b.At(now)).Abs(); diff > a.Error()+b.Error() {
		t.Errorf("two clocks of one machine differ by %v, with errors of at most %v and %v", diff, a.Error(), b.Error())
	}
}

func TestNowIsTheMachinesClock(t *testing.T) {
	c := New()
	before := machineMonotonic()
	got := c.Now()
	after := machineMonotonic()
	const slack = 200 * time.Microsecond
	if got < before-slack || got > after+slack {
		t.Errorf("got %v, want a reading in [%v, %v]", got, before, after)
	}
}

func TestTimeInvertsAt(t *testing.T) {
	c := New()
	now := time.Now()
	if got := c.Time(c.At(now)); !got.Equal(now) {
		t.Errorf("got %v, want %v", got, now)
	}
}
