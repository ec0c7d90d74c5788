package tcp_test

import (
	"testing"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/tcp"
	"github.com/raftmark/raftmark/transport/transporttest"
)

func newNetwork() transporttest.New {
	return func(o transport.Options) (transporttest.Transport, error) { return tcp.New(o) }
}

func TestConformance(t *testing.T) {
	transporttest.Run(t, newNetwork, transporttest.Config{Proxy: transporttest.ProxyTCP})
}

func TestConformanceTLS(t *testing.T) {
	transporttest.Run(t, newNetwork, transporttest.Config{Secure: true, Proxy: transporttest.ProxyTCP})
}

func BenchmarkRoundTrip(b *testing.B) {
	b.Run("tcp", func(b *testing.B) { transporttest.RoundTrip(b, newNetwork(), transporttest.Config{}) })
	b.Run("tls", func(b *testing.B) { transporttest.RoundTrip(b, newNetwork(), transporttest.Config{Secure: true}) })
}

func BenchmarkThroughput(b *testing.B) {
	b.Run("tcp", func(b *testing.B) { transporttest.Throughput(b, newNetwork(), transporttest.Config{}) })
	b.Run("tls", func(b *testing.B) { transporttest.Throughput(b, newNetwork(), transporttest.Config{Secure: true}) })
}
