package sim

import (
	"math/rand/v2"
	"time"
)

// cutSome cuts links in one direction: one, all to a server, or all from it.
func (w *world) cutSome(rng *rand.Rand) {
	w.cov.Cuts++
	a, lasts := w.victim(rng), w.lasts(rng, 50*time.Millisecond, 10*time.Second)
	switch rng.IntN(3) {
	case 0:
		w.block([]*node{a}, []*node{w.anyNode(rng)}, lasts)
	case 1:
		w.block([]*node{a}, w.nodes, lasts)
	default:
		w.block(w.nodes, []*node{a}, lasts)
	}
}

// partition divides the network in one of five shapes.
func (w *world) partition(rng *rand.Rand) {
	w.cov.Partitions++
	if l := w.leader(); l != nil && rng.IntN(3) == 0 {
		w.overtake(rng, l)
		return
	}
	lasts := w.lasts(rng, 50*time.Millisecond, 15*time.Second)
	shuffled := append([]*node(nil), w.nodes...)
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	at := rng.IntN(len(shuffled))
	left, right := shuffled[:at], shuffled[at:]
	switch shape := rng.IntN(5); shape {
	case 0: // two parts
		w.blockBoth(left, right, lasts)
	case 1: // two parts and a bridge between them
		w.blockBoth(left, right[1:], lasts)
	case 2, 3: // a ring, or a chain: everybody hears the neighbours only
		for i, a := range shuffled {
			for k := i + 2; k < len(shuffled); k++ {
				if ring := shape == 2 && i == 0 && k == len(shuffled)-1; !ring {
					w.blockBoth([]*node{a}, shuffled[k:k+1], lasts)
				}
			}
		}
	default: // a lonely leader
		w.blockBoth([]*node{w.victim(rng)}, w.nodes, lasts)
	}
	w.tracef("the network is divided for %v", lasts)
	w.events.Note(0, "the network is divided")
}

// overtake lets the others elect another leader behind the back of this one: the answers to its last heartbeats are
// late, and then nothing goes from it or to it for a while. It finds out when it checks its quorum, but until then
// clients ask it, and late answers come: a read that any of them confirms is stale.
func (w *world) overtake(rng *rand.Rand, l *node) {
	timeout := time.Duration(w.config.ElectionTicksMin) * w.plan.tick
	round := time.Duration(w.config.HeartbeatTicks+1) * w.plan.tick
	late := min(w.now+round+between(rng, timeout, 5*timeout/2), w.plan.duration)
	for _, n := range w.nodes {
		if n != l {
			w.net.link(n.id, l.id).clogged = late
		}
	}
	w.after(round, func() {
		if !w.healed {
			w.blockBoth([]*node{l}, w.nodes, min(between(rng, 2*timeout, 8*timeout), w.plan.duration-w.now))
		}
	})
	w.tracef("leader %d is to be overtaken", l.id)
}

func (w *world) blockBoth(a, b []*node, lasts time.Duration) {
	w.block(a, b, lasts)
	w.block(b, a, lasts)
}

// flap takes a link down and up, down and up.
func (w *world) flap(rng *rand.Rand) {
	w.cov.Flaps++
	a, b := []*node{w.victim(rng)}, []*node{w.anyNode(rng)}
	period, times := between(rng, 50*time.Millisecond, 2*time.Second), 2+rng.IntN(8)
	var down func()
	down = func() {
		if times--; times < 0 || w.healed {
			return
		}
		w.blockBoth(a, b, period/2)
		w.after(period, down)
	}
	down()
}
