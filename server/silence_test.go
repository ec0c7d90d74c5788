package server

import (
	"sync/atomic"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	transportmem "github.com/raftmark/raftmark/transport/mem"
)

// countedTransport counts how often it is asked.
type countedTransport struct {
	*transportmem.Transport
	metrics, refused atomic.Int64
}

func (c *countedTransport) Metrics() transport.Metrics {
	c.metrics.Add(1)
	return c.Transport.Metrics()
}

func (c *countedTransport) TimesRefused(reason transport.Refusal) uint64 {
	c.refused.Add(1)
	return c.Transport.TimesRefused(reason)
}

// A node looks for refusals at each heartbeat. It must not take the transport's metrics for that: with TCP they are a
// system call for each connection.
func TestNodeThatNobodyAsksTakesNoMetrics(t *testing.T) {
	var counted []*countedTransport
	startCluster(t, 3, func(c *Config) {
		link, ok := c.PeerTransport.(*transportmem.Transport)
		if !ok {
			t.Fatalf("the transport is a %T", c.PeerTransport)
		}
		one := &countedTransport{Transport: link}
		counted, c.PeerTransport = append(counted, one), one
	})
	before := make(map[*countedTransport]int64) // the wait for readiness asked for the status
	for _, c := range counted {
		before[c] = c.metrics.Load()
	}
	for id, c := range counted {
		looked := c.refused.Load()
		eventually(t, "the node has looked ten times", func() bool { return c.refused.Load() >= looked+10 })
		if n := c.metrics.Load() - before[c]; n > 0 {
			t.Errorf("node %d took the metrics %d times, want never", raft.NodeID(id+1), n)
		}
	}
}
