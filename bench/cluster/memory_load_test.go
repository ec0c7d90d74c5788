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
	memoryClients    = 64
	memoryDepth      = 16
	memoryKeys       = 512 // of each client
	memoryValueBytes = 1 << 10
	// memoryStateBytes bounds the state: keys, values and what the machine keeps beside each.
	memoryStateBytes = memoryClients * memoryKeys * (memoryValueBytes + 128)
	// memoryLostMax bounds the losses of a client that are named.
	memoryLostMax = 10
)

// memoryLoad writes growing numbers, and remembers of each key the last one sent and the last one acknowledged: what
// is lost is found in the memory of two numbers a key.
type memoryLoad struct {
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
	id          int
	conn        net.Conn
	in          *bufio.Reader
	sent, acked [memoryKeys]uint64
}

func startMemoryLoad(t *testing.T, address string) *memoryLoad {
	t.Helper()
	l := &memoryLoad{ending: make(chan struct{}), failed: make(chan struct{}), refused: map[string]uint64{}}
	for id := range memoryClients {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		l.clients = append(l.clients, &memoryClient{id: id, conn: conn, in: bufio.NewReader(conn)})
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

func (c *memoryClient) key(k int) string { return fmt.Sprintf("c%02d-k%04d", c.id, k) }

// run keeps memoryDepth writes under way until the load ends.
func (c *memoryClient) run(l *memoryLoad) error {
	padding := strings.Repeat("x", memoryValueBytes-20)
	out := bufio.NewWriter(c.conn)
	send := func(k int) error {
		c.sent[k]++
		key := c.key(k)
		_, err := fmt.Fprintf(out, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%020d%s\r\n", len(key), key, memoryValueBytes,
			c.sent[k], padding)
		return err
	}
	var first, next int // the oldest write under way, and the one that is sent next
	for running := true; running || first < next; {
		for running && next-first < memoryDepth {
			if err := send(next % memoryKeys); err != nil {
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
		if k := first % memoryKeys; line == "+OK\r\n" {
			c.acked[k] = c.sent[k] // memoryKeys are more than are under way: no key is among them twice
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
	in := bufio.NewReader(conn)
	for k := range memoryKeys {
		if c.sent[k] == 0 {
			continue
		}
		key := c.key(k)
		if _, err := fmt.Fprintf(conn, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(key), key); err != nil {
			return lost, err
		}
		got, err := readNumber(in)
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
func readNumber(in *bufio.Reader) (uint64, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	switch line = strings.TrimSpace(line); {
	case line == "$-1" || line == "_":
		return 0, nil
	case line != "$"+strconv.Itoa(memoryValueBytes):
		return 0, errors.New(line)
	}
	value := make([]byte, memoryValueBytes+2)
	if _, err := io.ReadFull(in, value); err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(value[:20]), 10, 64)
}
