package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Options of a Log. Zero fields have defaults.
type Options struct {
	// Dir takes a file a node. It must exist. Required.
	Dir string
	// Nodes is how many there are, the leader included. Default 3.
	Nodes int
	// FileBytes is the length of each file, which is written in full before anything is measured. Default 64 MiB.
	FileBytes int
}

const (
	nodesMax         = 9
	fileBytesMin     = 1 << 20
	fileBytesDefault = 64 << 20
	commandBytesMax  = 1 << 20
)

// WithDefaults returns a copy with zero fields replaced by their defaults.
func (o Options) WithDefaults() Options {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.FileBytes == 0 {
		o.FileBytes = fileBytesDefault
	}
	return o
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("floor.Dir: empty, need a folder"))
	}
	if o.Nodes < 1 || o.Nodes > nodesMax {
		errs = append(errs, fmt.Errorf("floor.Nodes: %d, need 1 to %d", o.Nodes, nodesMax))
	}
	if o.FileBytes < fileBytesMin {
		errs = append(errs, fmt.Errorf("floor.FileBytes: %d, need at least %d", o.FileBytes, fileBytesMin))
	}
	return errors.Join(errs...)
}

// ErrClosed is returned for a Log that was closed.
var ErrClosed = errors.New("floor: closed")

// Log is the leader of a replicated log, with its followers in this process.
type Log struct {
	own       *disk
	followers []*follower
	links     []net.Conn
	work      sync.WaitGroup
	wake      chan struct{} // capacity 1: more waits than who proposes sends by himself

	mu        sync.Mutex
	sending   bool
	next      *batch   // what waits to be sent
	last      uint64   // commands taken
	durable   []uint64 // by node, the leader first: how many it has
	committed uint64
	waiting   []chan error // of the commands (committed, last]
	err       error
}

// Start makes the files, and connects the nodes.
func Start(o Options) (*Log, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	l := &Log{next: newBatch(), durable: make([]uint64, o.Nodes), wake: make(chan struct{}, 1)}
	if err := l.start(o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.work.Go(l.sendWhatWaits)
	return l, nil
}

func (l *Log) start(o Options) error {
	open := func(node int, done func(uint64, error)) (*disk, error) {
		return openDisk(filepath.Join(o.Dir, fmt.Sprintf("floor-%d", node)), o.FileBytes, done)
	}
	var err error
	if l.own, err = open(1, func(upto uint64, err error) { l.acknowledge(0, upto, err) }); err != nil {
		return err
	}
	for node := 1; node < o.Nodes; node++ {
		f, err := newFollower(func(done func(uint64, error)) (*disk, error) { return open(node+1, done) })
		if err != nil {
			return err
		}
		l.followers = append(l.followers, f)
		conn, err := net.Dial("tcp", f.listener.Addr().String())
		if err != nil {
			return err
		}
		l.links = append(l.links, conn)
		l.work.Go(func() { l.receive(node, conn) })
	}
	return nil
}

// Propose returns when data is durable on a majority.
func (l *Log) Propose(ctx context.Context, data []byte) error {
	if len(data) > commandBytesMax {
		return fmt.Errorf("floor: a command of %d bytes, at most %d", len(data), commandBytesMax)
	}
	done := make(chan error, 1)
	l.mu.Lock()
	if l.err != nil {
		defer l.mu.Unlock()
		return l.err
	}
	l.last++
	l.next.add(data, l.last)
	l.waiting = append(l.waiting, done)
	first := !l.sending
	l.sending = true
	l.mu.Unlock()
	if first {
		runtime.Gosched() // what others who can run propose goes along
		if l.sendOne() {
			l.wake <- struct{}{} // whoever proposes sends once at most, or it would send for all others
		}
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendWhatWaits sends what came while others sent.
func (l *Log) sendWhatWaits() {
	for range l.wake {
		for l.sendOne() {
		}
	}
}

// sendOne sends what waits to all nodes, and reports whether more has come. One goroutine at a time is in it: who set
// sending, or was handed it.
func (l *Log) sendOne() (more bool) {
	l.mu.Lock()
	b := l.next
	if b.empty() || l.err != nil {
		l.sending = false
		l.mu.Unlock()
		return false
	}
	l.next = newBatch()
	l.mu.Unlock()
	frame := b.frame()
	for _, conn := range l.links {
		if _, err := conn.Write(frame); err != nil {
			l.fail(err)
		}
	}
	l.own.write(frame, b.upto)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sending = !l.next.empty() && l.err == nil
	return l.sending
}

// receive takes a follower's acknowledgements.
func (l *Log) receive(node int, conn net.Conn) {
	for {
		upto, err := readAck(conn)
		l.acknowledge(node, upto, err)
		if err != nil {
			return
		}
	}
}

// acknowledge notes that a node has the first upto commands, and answers those that a majority has.
func (l *Log) acknowledge(node int, upto uint64, err error) {
	if err != nil {
		l.fail(err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return // everybody was answered
	}
	l.durable[node] = max(l.durable[node], upto)
	var ordered [nodesMax]uint64
	all := ordered[:copy(ordered[:], l.durable)]
	slices.Sort(all)
	committed := all[(len(all)-1)/2] // at least as many have as much
	n := int(committed - l.committed)
	for _, done := range l.waiting[:n] {
		done <- nil
	}
	l.waiting = l.waiting[n:]
	l.committed = committed
}

// fail ends the log: everybody who waits, and comes, gets the first error.
func (l *Log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = err
	for _, done := range l.waiting {
		done <- err
	}
	l.waiting = nil
}

// closeWait bounds the wait for a sender that is about to hand over.
const closeWait = time.Millisecond

// Close ends the nodes, and returns when all of their goroutines have ended.
func (l *Log) Close() error {
	l.fail(ErrClosed)
	for l.busy() {
		time.Sleep(closeWait)
	}
	close(l.wake)
	var errs []error
	for _, conn := range l.links {
		errs = append(errs, conn.Close())
	}
	for _, f := range l.followers {
		errs = append(errs, f.close())
	}
	l.work.Wait()
	if l.own != nil {
		errs = append(errs, l.own.close())
	}
	return errors.Join(errs...)
}

func (l *Log) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sending
}
