package cluster

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/raftmark/raftmark/server"
)

// The range that ports are taken from: below what systems hand out to outgoing connections.
const (
	portMin = 20000
	portMax = 32000
	// portTriesMax bounds the ports tried for one that is free.
	portTriesMax = 1000
)

// ports are the three ports of one node.
type ports struct{ peer, client, admin int }

func (p ports) addresses() server.Peer {
	return server.Peer{Peer: local(p.peer), Client: local(p.client), Admin: local(p.admin)}
}

// local returns the loopback address with a port.
func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts returns ports for n nodes that were free, for TCP and UDP, a moment ago. Another process may be
// faster: who cannot bind them asks again.
func freePorts(n int) (all []ports, err error) {
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(os.Getpid())))
	var held []io.Closer // until all are found, so that none is found twice
	defer func() {
		for _, h := range held {
			err = errors.Join(err, h.Close())
		}
	}()
	next := func() (int, error) {
		for range portTriesMax {
			port := portMin + rng.IntN(portMax-portMin)
			tcp, err := net.Listen("tcp", local(port))
			if err != nil {
				continue
			}
			held = append(held, tcp)
			udp, err := net.ListenPacket("udp", local(port))
			if err != nil {
				continue
			}
			held = append(held, udp)
			return port, nil
		}
		return 0, fmt.Errorf("no free port found from %d to %d", portMin, portMax)
	}
	for range n {
		var p ports
		for _, port := range []*int{&p.peer, &p.client, &p.admin} {
			if *port, err = next(); err != nil {
				return nil, err
			}
		}
		all = append(all, p)
	}
	return all, nil
}
