package mem_test

import (
	"testing"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/mem"
	"github.com/raftmark/raftmark/transport/transporttest"
)

func newNetwork() transporttest.New {
	network := mem.NewNetwork()
	return func(o transport.Options) (transporttest.Transport, error) { return network.Transport(o) }
}

func TestConformance(t *testing.T) {
	transporttest.Run(t, newNetwork, transporttest.Config{ByID: true})
}

func TestConformanceWithIdentity(t *testing.T) {
	transporttest.Run(t, newNetwork, transporttest.Config{ByID: true, Secure: true})
}

func BenchmarkRoundTrip(b *testing.B) {
	transporttest.RoundTrip(b, newNetwork(), transporttest.Config{ByID: true})
}

func BenchmarkThroughput(b *testing.B) {
	transporttest.Throughput(b, newNetwork(), transporttest.Config{ByID: true})
}
