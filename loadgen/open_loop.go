package loadgen

import (
	"runtime"
	"time"
)

// sleepMax bounds one sleep so that a stop is noticed.
const sleepMax = 20 * time.Millisecond

// sleepMin is the shortest sleep. At more than 20,000 operations a second several are sent at each wake-up, up to
// sleepMin late: one for each would take from the cluster's processors more than it gives. The send lag shows it.
const sleepMin = 50 * time.Microsecond

// overrun is how long after its end the open loop still sends what was due before; the rest is shed.
const overrun = time.Second

// runOpen paces the warm-up and the measured phase on a thread of its own.
func (g *Generator) runOpen(start time.Duration) {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		sleepUntil, release := g.sleeper(g.clock)
		defer release()
		p := pacer{g: g, sleepUntil: sleepUntil}
		p.schedule = NewSchedule(g.opts, start)
		p.schedule.Warm(start)

		from := start + g.opts.Warmup
		p.run(from, from) // what is late at the end of the warm-up is left out
		g.watch.begin()
		from = max(from, g.clock.Now())
		if g.opts.Warmup == 0 {
			from = start
		}
		p.schedule.Reanchor(from)
		to := g.end(from)
		g.setWindow(from, to)
		shedFrom := Forever
		if to != Forever {
			shedFrom = to + overrun
		}
		p.run(to, shedFrom)
	}()
	<-finished
}

// pacer sends the operations of a schedule when they are due.
type pacer struct {
	g          *Generator
	schedule   *Schedule
	sleepUntil func(time.Duration)
	now        time.Duration // the last reading of the clock
}

// run starts every operation due before end, the late ones at once. It returns when they are started, when the
// generator was stopped, and in the warm-up (giveUp = end) when the end has come. From giveUp on, in the measured
// phase, what is still due is shed.
func (p *pacer) run(end, giveUp time.Duration) {
	for {
		due := p.schedule.Next()
		if due >= end {
			p.waitUntil(end)
			return
		}
		if !p.waitUntil(due) {
			return
		}
		switch {
		case p.now < giveUp:
			p.g.begin(due, p.now)
		case giveUp == end:
			return
		default:
			p.g.shed(due, p.now)
		}
	}
}

// waitUntil sleeps until the clock reads due, without spinning. It returns false when the generator was stopped before
// due.
//
// Note: spinning the last microseconds was rejected: the core it burns is the cluster's. The lateness is measured as
// send lag instead, and belongs to the response time.
func (p *pacer) waitUntil(due time.Duration) bool {
	for {
		if p.g.stopped.Load() && due >= p.g.stopAt() {
			return false
		}
		if p.now >= due {
			return true
		}
		p.now = p.g.clock.Now()
		if p.now < due {
			p.sleepUntil(min(max(due, p.now+sleepMin), p.now+sleepMax))
			p.now = p.g.clock.Now()
		}
	}
}

// begin hands one operation to the target, or sheds it when too many are in flight.
func (g *Generator) begin(due, now time.Duration) {
	if g.live.inflight.Load() >= int64(g.opts.InflightMax) {
		g.shed(due, now)
		return
	}
	g.live.offered.Add(1)
	g.live.inflight.Add(1)
	g.submit(g.newOp(g.source, g.seq.Add(1)-1, due), g.done)
}

// shed records an operation that is due and cannot be sent.
func (g *Generator) shed(due, now time.Duration) {
	g.live.offered.Add(1)
	g.live.inflight.Add(1)
	op := g.newOp(g.source, g.seq.Add(1)-1, due)
	op.Outcome, op.Done = Shed, now
	g.finish(op)
}
