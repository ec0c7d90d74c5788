//go:build !race

package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The load: so many clients, each a connection in a closed loop with so many writes under way, all to keys of its own.
const (
	memoryClients = 64
	memoryDepth   = 16
	// memoryValueDefault is what a write writes, in bytes, and memoryState about how much all keys together hold.
	memoryValueDefault = 1 << 10
	memoryState        = 32 * mib
	memoryDigits       = 20 // of the number that a value begins with
	// memoryBeside bounds what the machine keeps beside a value.
	memoryBeside = 128
	// memoryLostMax bounds the losses of a client that are named.
	memoryLostMax = 10
)

// memoryLoad writes growing numbers, and remembers of each key the last one sent and the last one acknowledged: what
// is lost is found in the memory of two numbers a key.
type memoryLoad struct {
	valueBytes   int
	clients      []*memoryClient
	acknowledged atomic.Uint64
	ending       chan struct{}
	ended        sync.WaitGroup
	once         sync.Once

	mu      sync.Mutex
	refused map[string]uint64 // by the first word of the answer
	err     error             // of a connection; the first one
	failed  chan struct{}     // closed then
}

type memoryClient struct {
	id, valueBytes int
	conn           net.Conn
	in             *bufio.Reader
	sent, acked    []uint64 // by key
}

func startMemoryLoad(t *testing.T, address string, valueBytes int) *memoryLoad {
	t.Helper()
	l := &memoryLoad{ending: make(chan struct{}), failed: make(chan struct{}), refused: map[string]uint64{}}
	l.valueBytes = valueBytes
	keys := max(2*memoryDepth, memoryState/memoryClients/valueBytes)
	for id := range memoryClients {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		l.clients = append(l.clients, &memoryClient{
			id: id, valueBytes: valueBytes, conn: conn, in: bufio.NewReader(conn),
			sent: make([]uint64, keys), acked: make([]uint64, keys),
		})
	}
	for _, c := range l.clients {
		l.ended.Go(func() {
			if err := c.run(l); err != nil {
				l.fail(fmt.Errorf("client %d: %w", c.id, err))
			}
		})
	}
	return l
}

func (l *memoryLoad) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		close(l.failed)
	}
}

// stop returns when every write was answered.
func (l *memoryLoad) stop() {
	l.once.Do(func() { close(l.ending) })
	l.ended.Wait()
}

// refusals says what was answered other than OK.
func (l *memoryLoad) refusals() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.refused) == 0 {
		return "none refused"
	}
	return fmt.Sprintf("refused by answer %v", l.refused)
}

// stateBytes bounds the state: keys, values and what the machine keeps beside each.
func (l *memoryLoad) stateBytes() int64 {
	return int64(memoryClients * len(l.clients[0].sent) * (l.valueBytes + memoryBeside))
}

func (c *memoryClient) key(k int) string { return fmt.Sprintf("c%02d-k%04d", c.id, k) }

// run keeps memoryDepth writes under way until the load ends.
func (c *memoryClient) run(l *memoryLoad) error {
	padding := strings.Repeat("x", c.valueBytes-memoryDigits)
	out := bufio.NewWriter(c.conn)
	send := func(k int) error {
		c.sent[k]++
		key := c.key(k)
		_, err := fmt.Fprintf(out, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%0*d%s\r\n", len(key), key, c.valueBytes,
			memoryDigits, c.sent[k], padding)
		return err
	}
	var first, next int // the oldest write under way, and the one that is sent next
	for running := true; running || first < next; {
		for running && next-first < memoryDepth {
			if err := send(next % len(c.sent)); err != nil {
				return err
			}
			next++
		}
		if c.in.Buffered() == 0 { // those that are answered together are sent together
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		line, err := c.in.ReadString('\n')
		if err != nil {
			return err
		}
		if k := first % len(c.sent); line == "+OK\r\n" {
			c.acked[k] = c.sent[k] // there are more keys than writes under way: none is among them twice
			l.acknowledged.Add(1)
		} else {
			word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			l.mu.Lock()
			l.refused[word]++
			l.mu.Unlock()
		}
		first++
		select {
		case <-l.ending:
			running = false
		default:
		}
	}
	return nil
}

// check reads all keys, after stop, and returns how many writes were acknowledged and which keys have a value that is
// older than the last of those, or was never sent.
func (l *memoryLoad) check(address string) (acknowledged uint64, lost []error) {
	var reading sync.WaitGroup
	var mu sync.Mutex
	for _, c := range l.clients {
		reading.Go(func() {
			of, err := c.check(address)
			if err != nil {
				of = append(of, fmt.Errorf("read the keys of client %d: %w", c.id, err))
			}
			mu.Lock()
			defer mu.Unlock()
			lost = append(lost, of[:min(len(of), memoryLostMax)]...)
		})
	}
	reading.Wait()
	return l.acknowledged.Load(), lost
}

func (c *memoryClient) check(address string) (lost []error, err error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return lost, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return lost, err
	}
	in, out := bufio.NewReader(conn), bufio.NewWriter(conn)
	for k := range c.sent {
		key := c.key(k)
		if _, err := fmt.Fprintf(out, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(key), key); err != nil {
			return lost, err
		}
	}
	if err := out.Flush(); err != nil {
		return lost, err
	}
	for k := range c.sent {
		key := c.key(k)
		got, err := readNumber(in, c.valueBytes)
		if err != nil {
			return lost, fmt.Errorf("%s: %w", key, err)
		}
		if got < c.acked[k] || got > c.sent[k] {
			lost = append(lost, fmt.Errorf("%s is %d, acknowledged was %d and sent %d", key, got, c.acked[k], c.sent[k]))
		}
	}
	return lost, nil
}

// readNumber reads the answer to a GET; no value is 0.
func readNumber(in *bufio.Reader, valueBytes int) (uint64, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	switch line = strings.TrimSpace(line); {
	case line == "$-1" || line == "_":
		return 0, nil
	case line != "$"+strconv.Itoa(valueBytes):
		return 0, errors.New(line)
	}
	value := make([]byte, valueBytes+2)
	if _, err := io.ReadFull(in, value); err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(value[:memoryDigits]), 10, 64)
}
