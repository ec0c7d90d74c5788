package calibrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const roundTripBytes = 256

func measureRoundTrip(ctx context.Context, each time.Duration) (took []time.Duration, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	echoed := make(chan error, 1)
	go func() { echoed <- echo(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close(), <-echoed)
	}
	took, err = roundTrips(ctx, conn, each)
	return took, errors.Join(err, conn.Close(), <-echoed, listener.Close())
}

// echo answers one connection until it ends.
func echo(listener net.Listener) error {
	conn, err := listener.Accept()
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	buffer := make([]byte, roundTripBytes)
	for {
		if _, err := io.ReadFull(conn, buffer); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, conn.Close())
		}
		if _, err := conn.Write(buffer); err != nil {
			return errors.Join(err, conn.Close())
		}
	}
}

func roundTrips(ctx context.Context, conn net.Conn, each time.Duration) (took []time.Duration, err error) {
	buffer := make([]byte, roundTripBytes)
	end := time.Now().Add(each)
	for ctx.Err() == nil {
		start := time.Now()
		if start.After(end) {
			break
		}
		if _, err := conn.Write(buffer); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(conn, buffer); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}
