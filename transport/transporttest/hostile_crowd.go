package transporttest

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// attackReplay records what a node of the cluster says to the victim, and says it again on new connections.
func attackReplay(h *hostile) string {
	proxy := h.config.Proxy(h, h.victim.addr)
	honest := h.open(h.options(3))
	honest.start(map[raft.NodeID]string{victimID: proxy.Addr})
	h.eventually("the honest node's messages arrive", func() bool {
		honest.Send(heartbeat(3, victimID, 1))
		return h.load.strange() > 0
	})
	if err := honest.Close(); err != nil {
		h.Fatal(err)
	}
	h.eventually("its connections end", func() bool { return h.victim.connected(3) <= 0 })
	h.load.forgive()
	times := h.pick(1, 10)
	connections, bytes := 0, 0
	for range times {
		c, b := proxy.Replay(h, h.victim.addr)
		connections, bytes = connections+c, bytes+b
	}
	if connections == 0 || bytes == 0 {
		h.Error("nothing was recorded")
	}
	return fmt.Sprintf("%d connections, %d KiB replayed, 0 delivered", connections, bytes>>10)
}

// forgive forgets what others than the two nodes have sent so far.
func (l *load) forgive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strangeN = 0
}

func attackCrowd(h *hostile) string { return crowd(h, func(int) net.IP { return loopback(9) }) }

func attackCrowds(h *hostile) string {
	if runtime.GOOS != "linux" {
		h.Skip("this machine has one loopback address")
	}
	return crowd(h, func(i int) net.IP { return loopback(1000 + i%4000) })
}

// crowd opens connections that never greet, and meanwhile has a node of the cluster connect.
func crowd(h *hostile, from func(i int) net.IP) string {
	const programs, held = 8, 512 // connections that this side keeps open
	total := h.pick(300, 10_000)
	honest := h.open(h.options(3))
	h.heap = heapNow()
	kept := make(chan io.Closer, held)
	keep := func(c io.Closer) {
		for {
			select {
			case kept <- c:
				return
			default:
			}
			select {
			case oldest := <-kept:
				_ = oldest.Close()
			default:
			}
		}
	}
	h.Cleanup(func() {
		for len(kept) > 0 {
			_ = (<-kept).Close()
		}
	})
	var mu sync.Mutex
	next, failed := 0, 0
	var work sync.WaitGroup
	for range programs {
		work.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= total {
					return
				}
				c, err := h.tools.Idle(h.victim.addr, from(i))
				if err != nil {
					mu.Lock()
					failed++
					mu.Unlock()
					continue
				}
				keep(c)
			}
		})
	}
	h.eventually("the crowd is there", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return next > total/2
	})
	honest.start(map[raft.NodeID]string{victimID: h.victim.addr})
	h.eventually("a node of the cluster connects in spite of the crowd", func() bool {
		return honest.connected(victimID) >= 2
	})
	work.Wait()
	growth := h.bounded(16 << 20)
	m := h.victim.Metrics()
	shed := h.refusals(transport.RefusedCrowd) + h.refusals(transport.RefusedAddressCrowd)
	return fmt.Sprintf("%d opened, %d shed, %d greetings at most, heap + %d KiB with the crowd's own",
		total-failed, shed, m.GreetingsMost, growth)
}
