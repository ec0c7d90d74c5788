package etcdclient

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// leaderBoard knows which server leads, from what each says of itself.
type leaderBoard struct {
	leader atomic.Pointer[server]

	mu    sync.Mutex
	terms map[*server]uint64 // of those that say that they lead
}

func newLeaderBoard() *leaderBoard { return &leaderBoard{terms: map[*server]uint64{}} }

// told takes one answer. Of two servers that say that they lead the one of the later term does.
func (b *leaderBoard) told(s *server, leads bool, term uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.terms, s)
	if leads {
		b.terms[s] = term
	}
	var best *server
	for one, its := range b.terms {
		if best == nil || its > b.terms[best] {
			best = one
		}
	}
	b.leader.Store(best)
}

// mind asks s whether it leads, again and again, until ctx ends.
func (b *leaderBoard) mind(ctx context.Context, s *server, pause, timeout time.Duration) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		leads, term := s.leads(ctx, timeout)
		b.told(s, leads, term)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
