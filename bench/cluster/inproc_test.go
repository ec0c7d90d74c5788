package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/server"
)

func TestInprocCommitsOnEveryTransport(t *testing.T) {
	for _, transport := range []string{
		server.TransportMem, server.TransportTCP, server.TransportTLS, server.TransportQUIC,
	} {
		t.Run(transport, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c, err := cluster.StartInproc(ctx, cluster.InprocOptions{
				Dir: t.TempDir(), Transport: transport, LogStorage: server.StorageMem, Machine: server.MachineMem,
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 100 {
				if err := c.Propose(ctx, kv.AppendSet(nil, []byte("k"), []byte("v"), 0)); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
