package exchange

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/transport"
)

// Options say which ends to start.
type Options struct {
	// Executable is the program that is started as an end, with "exchange-end" as its argument. Required.
	Executable string
	// Dir takes the certificates and what the ends print; it must exist. Required.
	Dir string
	// Transport is tcp, tls or quic. Required.
	Transport string
	// Congestion, AppendStreams and HeartbeatDatagrams are those of server.Config, which refuses what a transport lacks.
	Congestion         string
	AppendStreams      int
	HeartbeatDatagrams bool
}

// Validate returns all faults.
func (o Options) Validate() error {
	var faults []error
	if o.Executable == "" {
		faults = append(faults, errors.New(`Executable = "": want the program`))
	}
	if o.Dir == "" {
		faults = append(faults, errors.New(`Dir = "": want a folder`))
	}
	switch o.Transport {
	case server.TransportTCP, server.TransportTLS, server.TransportQUIC:
	default:
		faults = append(faults, fmt.Errorf("Transport = %q: want tcp, tls or quic", o.Transport))
	}
	return errors.Join(faults...)
}

// Pair is two ends that are connected. One goroutine uses it at a time.
type Pair struct {
	driver, echo *process
	address      string // of the echo
}

// Used is what a command used, at both ends together.
type Used struct {
	CPU                time.Duration
	Allocs, AllocBytes int64
	// Socket is nil when the transport does not count.
	Socket *transport.SocketMetrics
	Machine
}

// Cell is a loop that was measured.
type Cell struct {
	Messages  int64 // all that Used is of
	Completed int64 // within Loop.Duration
	Times     *hdrhistogram.Histogram
	Used      Used
}

// Beats are heartbeats that were measured.
type Beats struct {
	Sent, Lost      int
	Times, Lag      *hdrhistogram.Histogram
	FromDue         *hdrhistogram.Histogram // from when each was due to its reply
	Lasted          time.Duration           // of the sending, which BackgroundBytes and Snapshots are of
	BackgroundBytes int64
	Snapshots       []time.Duration
	Used            Used
}

// Connections are connections that were made.
type Connections struct {
	Took []time.Duration
	// Handshakes are those of TLS, of which so many resumed a session.
	Handshakes, Resumed uint64
	// Socket is what the connecting node's sockets did until it had closed; nil when the transport does not count.
	Socket *transport.SocketMetrics
	Used   Used
}

// Start starts both ends and waits until they are connected.
func Start(ctx context.Context, o Options) (*Pair, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("exchange options: %w", err)
	}
	open := openCommand{
		Transport: o.Transport, Congestion: o.Congestion,
		AppendStreams: o.AppendStreams, HeartbeatDatagrams: o.HeartbeatDatagrams,
	}
	if o.Transport != server.TransportTCP {
		open.TLSDir = filepath.Join(o.Dir, "tls")
		if err := cluster.WriteCertificates(open.TLSDir, clusterName, int(freshNode)); err != nil {
			return nil, err
		}
	}
	p := &Pair{}
	err := p.start(ctx, o, open)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Pair) start(ctx context.Context, o Options, open openCommand) (err error) {
	addresses := map[*process]string{}
	for _, end := range []struct {
		name string
		into **process
	}{{"driver", &p.driver}, {"echo", &p.echo}} {
		if *end.into, err = startProcess(o.Executable, o.Dir, end.name); err != nil {
			return err
		}
		open.Node++
		a, err := (*end.into).call(ctx, command{Open: &open})
		if err != nil {
			return err
		}
		addresses[*end.into] = a.Address
	}
	p.address = addresses[p.echo]
	_, err = p.echo.call(ctx, command{Peer: &peerCommand{Node: driverNode, Address: addresses[p.driver]}})
	if err != nil {
		return err
	}
	_, err = p.driver.call(ctx, command{Peer: &peerCommand{Node: echoNode, Address: p.address}})
	return err
}

// Loop runs a closed loop.
func (p *Pair) Loop(ctx context.Context, o Loop) (c Cell, err error) {
	var done *loopResult
	c.Used, err = p.measure(ctx, func() error {
		a, err := p.driver.callFor(ctx, o.Warmup+o.Duration, command{Loop: &o})
		done = a.Loop
		return err
	})
	if err != nil {
		return c, err
	}
	c.Messages, c.Completed = done.Messages, done.Completed
	c.Times, err = decodeHistogram(done.Histogram)
	return c, err
}

// Beat times heartbeats.
func (p *Pair) Beat(ctx context.Context, o Beat) (b Beats, err error) {
	var done *beatResult
	b.Used, err = p.measure(ctx, func() error {
		a, err := p.driver.callFor(ctx, o.Duration, command{Beat: &o})
		done = a.Beat
		return err
	})
	if err != nil {
		return b, err
	}
	b.Sent, b.Lost, b.BackgroundBytes = done.Sent, done.Lost, done.BackgroundBytes
	b.Lasted, b.Snapshots = time.Duration(done.LastedNs), durations(done.SnapshotsNs)
	var lagErr, dueErr error
	b.Times, err = decodeHistogram(done.Histogram)
	b.Lag, lagErr = decodeHistogram(done.Lag)
	b.FromDue, dueErr = decodeHistogram(done.FromDue)
	return b, errors.Join(err, lagErr, dueErr)
}

// Connect makes connections to the echo.
func (p *Pair) Connect(ctx context.Context, o Connect) (c Connections, err error) {
	o.Address = p.address
	var done *connectDone
	c.Used, err = p.measure(ctx, func() error {
		a, err := p.driver.callFor(ctx, time.Duration(o.Count)*connectMax, command{Connect: &o})
		done = a.Connect
		return err
	})
	if err != nil {
		return c, err
	}
	c.Took, c.Socket = durations(done.TookNs), done.Socket
	c.Handshakes, c.Resumed = done.Handshakes, done.Resumed
	return c, nil
}

// Facts returns what is known of the driver's sockets and of their kernel.
func (p *Pair) Facts(ctx context.Context) (f Facts, err error) {
	a, err := p.driver.call(ctx, command{Facts: &struct{}{}})
	if err == nil && a.Facts != nil {
		f = *a.Facts
	}
	return f, err
}

// measure runs a command and returns what it used.
func (p *Pair) measure(ctx context.Context, run func() error) (used Used, err error) {
	ends := [2]*process{p.driver, p.echo}
	ids := []int{os.Getpid(), p.driver.cmd.Process.Pid, p.echo.cmd.Process.Pid}
	own, before := processCPU(), readMachine(ids...)
	var first [2]*usage
	for i, end := range ends {
		if first[i], err = end.usage(ctx); err != nil {
			return used, err
		}
	}
	if err := run(); err != nil {
		return used, err
	}
	var socket transport.SocketMetrics
	counted := true
	for i, end := range ends {
		last, err := end.usage(ctx)
		if err != nil {
			return used, err
		}
		d := last.since(first[i])
		if d.Dropped > 0 {
			return used, fmt.Errorf("%s: %d messages were dropped: %w", end.name, d.Dropped, ErrLost)
		}
		used.CPU += d.CPU
		used.Allocs += int64(d.Allocs)
		used.AllocBytes += int64(d.AllocBytes)
		if counted = counted && d.Socket != nil; counted {
			socket = plus(socket, *d.Socket)
		}
	}
	if counted {
		used.Socket = &socket
	}
	used.Machine = readMachine(ids...).since(before, used.CPU+processCPU()-own)
	return used, nil
}

func (p *process) usage(ctx context.Context) (*usage, error) {
	a, err := p.call(ctx, command{Usage: &struct{}{}})
	if err == nil && a.Usage == nil {
		err = fmt.Errorf("%s: no answer about what it used", p.name)
	}
	return a.Usage, err
}

// Close ends both ends.
func (p *Pair) Close() error {
	var errs []error
	for _, end := range []*process{p.driver, p.echo} {
		if end != nil {
			errs = append(errs, end.close())
		}
	}
	return errors.Join(errs...)
}

func decodeHistogram(text []byte) (*hdrhistogram.Histogram, error) {
	h, err := hdrhistogram.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	return h, nil
}

func durations(ns []int64) []time.Duration {
	all := make([]time.Duration, len(ns))
	for i, n := range ns {
		all[i] = time.Duration(n)
	}
	return all
}
