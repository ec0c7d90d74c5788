package transporttest

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/raftmark/raftmark/raft"
)

func testClose(e *env) {
	before := runtime.NumGoroutine()
	var closed [3]atomic.Bool
	nodes := make([]*node, 3)
	for i := range nodes {
		nodes[i] = e.open(e.options(raft.NodeID(i + 1)))
		nodes[i].onMessage = func(raft.Message) {
			if closed[i].Load() {
				e.Errorf("node %d: delivery after Close returned", i+1)
			}
		}
	}
	peers := addresses(nodes...)
	for _, n := range nodes {
		n.start(peers)
	}
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for _, n := range nodes {
		senders.Go(func() {
			for seq := uint64(1); ; seq++ {
				select {
				case <-stop:
					return
				default:
				}
				for to := range peers {
					n.Send(exampleOf(raft.MessageKind(1+seq%13), n.id, to))
				}
				runtime.Gosched()
			}
		})
	}
	e.eventually("every node receives", func() bool {
		for _, n := range nodes {
			if n.Metrics().Lanes[1].MessagesReceived < 100 {
				return false
			}
		}
		return true
	})
	for i, n := range nodes {
		if err := n.Close(); err != nil {
			e.Errorf("close node %d: %v", n.id, err)
		}
		closed[i].Store(true)
		if err := n.Close(); err != nil {
			e.Errorf("close node %d again: %v", n.id, err)
		}
	}
	close(stop)
	senders.Wait()
	if nodes[0].Send(heartbeat(1, 2, 1)) {
		e.Error("a closed transport took a message")
	}
	if err := nodes[0].Start(func(raft.Message) {}, func(raft.NodeID, bool) {}); err == nil {
		e.Error("a closed transport was started")
	}
	e.eventually("all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}
