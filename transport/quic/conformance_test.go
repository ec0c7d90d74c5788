package quic_test

import (
	"testing"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/quic"
	"github.com/raftmark/raftmark/transport/transporttest"
)

func newNetwork() transporttest.New {
	return func(o transport.Options) (transporttest.Transport, error) { return quic.New(o) }
}

func TestConformance(t *testing.T) {
	transporttest.Run(t, newNetwork, transporttest.Config{Secure: true, Proxy: transporttest.ProxyUDP})
}

func TestConformanceWithStreams(t *testing.T) {
	transporttest.Run(t, newNetwork, transporttest.Config{
		Secure: true, Proxy: transporttest.ProxyUDP, Unordered: true,
		Change: func(o *transport.Options) { o.AppendStreams = 4 },
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	transporttest.RoundTrip(b, newNetwork(), transporttest.Config{Secure: true})
}

func BenchmarkThroughput(b *testing.B) {
	transporttest.Throughput(b, newNetwork(), transporttest.Config{Secure: true})
}
