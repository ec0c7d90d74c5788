package loadgen

import (
	"context"
	"sync"
	"time"
)

// runClosed keeps Options.Clients operations under way until the end.
func (g *Generator) runClosed(ctx context.Context, from time.Duration) {
	g.watch.begin() // warm-up included: there is no moment between it and the measured phase
	to := g.end(from)
	abandon := make(chan struct{}) // closed when a client may not wait any longer
	var clients sync.WaitGroup
	for range g.opts.Clients {
		clients.Go(func() { g.client(to, abandon) })
	}
	ended := make(chan struct{})
	go func() { clients.Wait(); close(ended) }()
	g.awaitClients(ctx, to, ended)
	close(abandon)
	<-ended
}

// awaitClients returns when all clients have, or when the drain after the end is over (see Run).
func (g *Generator) awaitClients(ctx context.Context, to time.Duration, ended <-chan struct{}) {
	done := ctx.Done()
	var over <-chan time.Time
	if to != Forever {
		over = time.After(to - g.clock.Now() + g.opts.Drain)
	}
	for {
		select {
		case <-ended:
			return
		case <-done:
			limit := g.opts.Drain
			if g.opts.Duration > 0 {
				limit = min(limit, interruptedDrain)
			}
			done, over = nil, time.After(limit)
		case <-over:
			return
		}
	}
}

// client runs one operation after the other. An operation is intended when the client is free for it: there is no
// schedule, and so no waiting that could be seen.
func (g *Generator) client(to time.Duration, abandon <-chan struct{}) {
	source := g.source.clone()
	free := make(chan struct{}, 1)
	done := func(op *Op) {
		g.finish(op)
		free <- struct{}{}
	}
	for !g.stopped.Load() {
		now := g.clock.Now()
		if now >= to {
			return
		}
		g.live.offered.Add(1)
		g.live.inflight.Add(1)
		g.submit(g.newOp(source, g.seq.Add(1)-1, now), done)
		select {
		case <-free:
		case <-abandon:
			return
		}
	}
}
