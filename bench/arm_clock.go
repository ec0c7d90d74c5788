package bench

import "time"

// armClock turns the machine's clock into an arm's: microseconds since the arm's epoch. The runs of an arm are
// interleaved with those of others; the time between them is left out, so that each run begins where the last one
// ended. Within a run the arm's clock is the machine's clock minus a constant.
type armClock struct {
	name   string
	offset time.Duration // arm = machine - offset
}

// next returns the clock of a run that begins at from on the machine's clock and at armFrom on the arm's.
func (c armClock) next(from, armFrom time.Duration) armClock {
	c.offset = from - armFrom
	return c
}

// us converts an instant; never stays -1.
func (c armClock) us(at time.Duration) int64 {
	if at == never {
		return -1
	}
	return (at - c.offset).Microseconds()
}
