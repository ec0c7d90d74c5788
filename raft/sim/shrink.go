package sim

import (
	"context"
	"time"
)

// Shrink makes a failing run smaller as long as it still fails: without one class of trouble after the other, then for
// half the time, again and again. It returns the smallest with its violation and the end of its trace, and how many
// runs that took.
func Shrink(ctx context.Context, failing Result) (Result, int, error) {
	best, runs := failing, 0
	best.Options.Trace, best.Options.Chronicle = nil, nil
	try := func(o Options) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		runs++
		r, err := Run(o)
		if err == nil && r.Violation != nil {
			best = r
			return true, nil
		}
		return false, err
	}
	if err := shrinkTime(&best, try); err != nil {
		return best, runs, err
	}
	if err := shrinkClasses(&best, try); err != nil {
		return best, runs, err
	}
	if err := shrinkTime(&best, try); err != nil {
		return best, runs, err
	}
	tail, err := Traced(best.Options)
	best.Tail = tail
	return best, runs + 1, err
}

func shrinkClasses(best *Result, try func(Options) (bool, error)) error {
	for _, one := range classesOf(best.Options).List() {
		o := best.Options
		o.Without |= one
		if _, err := try(o); err != nil {
			return err
		}
	}
	return nil
}

func shrinkTime(best *Result, try func(Options) (bool, error)) error {
	for best.Options.Duration/2 >= durationMin {
		o := best.Options
		o.Duration = (o.Duration / 2).Truncate(time.Millisecond)
		if smaller, err := try(o); err != nil || !smaller {
			return err
		}
	}
	return nil
}

// classesOf returns the classes that a run has.
func classesOf(o Options) Class { return drawPlan(o).classes }

// Traced makes a run again and returns the end of its trace.
func Traced(o Options) ([]string, error) {
	var t tail
	o.Trace = t.add
	_, err := Run(o)
	return t.all(), err
}
