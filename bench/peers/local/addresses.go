package local

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
)

// The range that ports are taken from: below what systems hand out to outgoing connections, so that a node that comes
// back finds its own free.
const (
	portMin   = 20000
	portMax   = 32000
	triesMax  = 1000
	loopbackV = "127.0.0.1"
)

// Addresses returns n addresses that were free a moment ago.
func Addresses(n int) (addresses []string, err error) {
	var held []io.Closer // until all are found, so that none is found twice
	defer func() {
		for _, h := range held {
			err = errors.Join(err, h.Close())
		}
	}()
	for tries := 0; len(addresses) < n; tries++ {
		if tries == triesMax {
			return nil, fmt.Errorf("no free port found from %d to %d", portMin, portMax)
		}
		address := fmt.Sprintf("%s:%d", loopbackV, portMin+rand.IntN(portMax-portMin))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody has it
		}
		held = append(held, listener)
		addresses = append(addresses, address)
	}
	return addresses, nil
}
