package resptest

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/internal/clock"
)

// Delay says how long request n, counted from 0 in the order of arrival, is kept before its answer.
type Delay func(n int) time.Duration

// Constant keeps every request for d.
func Constant(d time.Duration) Delay { return func(int) time.Duration { return d } }

// Bimodal keeps a share of the requests for slow, the others for fast, as the seed says.
func Bimodal(seed uint64, fast, slow time.Duration, share float64) Delay {
	return func(n int) time.Duration {
		if drawOf(seed, n).Float64() < share {
			return slow
		}
		return fast
	}
}

// Exponential keeps requests for times of that mean, as the seed says.
func Exponential(seed uint64, mean time.Duration) Delay {
	return func(n int) time.Duration { return time.Duration(drawOf(seed, n).ExpFloat64() * float64(mean)) }
}

func drawOf(seed uint64, n int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(n))) }

// Gap is a time in which a Known answers nothing: what would be answered in it is answered at its end.
type Gap struct{ From, To time.Duration }

// Exchange is what a Known did with one SET. Instants are on its clock.
type Exchange struct {
	Value    string        // its first 16 bytes, which tell requests apart
	Delay    time.Duration // that was drawn
	Arrived  time.Duration // read from the socket
	Answered time.Duration // just before the answer was given to the socket
}

// exchangesMax bounds the record; pendingMax the requests that wait on one connection, beyond which it is not read.
const (
	exchangesMax = 1 << 20
	pendingMax   = 1 << 14
	idBytes      = 16
)

// Known is a server that keeps each SET for a time that is known, and writes down when it answered. It stores nothing:
// a GET, which is answered without a delay of its own, finds nothing. Answers of a connection keep their order, so that
// a slow one holds up those behind it, as on any server of the protocol.
type Known struct {
	listener net.Listener
	clock    clock.Clock
	delay    Delay
	work     sync.WaitGroup

	mu        sync.Mutex
	gap       Gap
	arrived   int
	exchanges []Exchange
	socks     map[net.Conn]struct{}
	closed    bool
}

// pending is a request that waits for its answer.
type pending struct {
	exchange Exchange
	reply    string
	due      time.Duration // without a gap
}

// StartKnown listens on a free port of 127.0.0.1.
func StartKnown(delay Delay, clk clock.Clock) (*Known, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	k := &Known{listener: listener, clock: clk, delay: delay, socks: map[net.Conn]struct{}{}}
	k.work.Go(k.accept)
	return k, nil
}

// Addr returns the address to connect to.
func (k *Known) Addr() string { return k.listener.Addr().String() }

// Now returns what the server's clock reads.
func (k *Known) Now() time.Duration { return k.clock.Now() }

// SetGap plans a gap. It replaces the one before.
func (k *Known) SetGap(gap Gap) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gap = gap
}

// Exchanges returns what was answered so far, in the order of the answers.
func (k *Known) Exchanges() []Exchange {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Exchange(nil), k.exchanges...)
}

// Close breaks all connections and stops listening.
func (k *Known) Close() error {
	k.mu.Lock()
	k.closed = true
	for sock := range k.socks {
		_ = sock.Close()
	}
	k.mu.Unlock()
	err := k.listener.Close()
	k.work.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (k *Known) accept() {
	for {
		sock, err := k.listener.Accept()
		if err != nil {
			return
		}
		k.mu.Lock()
		if k.closed {
			k.mu.Unlock()
			_ = sock.Close()
			return
		}
		k.socks[sock] = struct{}{}
		k.mu.Unlock()
		waiting := make(chan pending, pendingMax)
		k.work.Go(func() {
			defer close(waiting)
			k.read(sock, waiting)
		})
		k.work.Go(func() {
			k.answer(sock, waiting)
			_ = sock.Close()
			for range waiting { // the reader may be about to hand over one more
			}
			k.mu.Lock()
			delete(k.socks, sock)
			k.mu.Unlock()
		})
	}
}

// read takes requests off the socket until it breaks.
func (k *Known) read(sock net.Conn, waiting chan<- pending) {
	requests := redcon.NewReader(bufio.NewReader(sock))
	for {
		command, err := requests.ReadCommand()
		if err != nil {
			return
		}
		p := pending{reply: "$-1\r\n", due: k.clock.Now()}
		if len(command.Args) == 3 && string(command.Args[0]) == "SET" {
			p.reply = "+OK\r\n"
			value := command.Args[2]
			p.exchange = Exchange{Value: string(value[:min(len(value), idBytes)]), Arrived: p.due}
			p.exchange.Delay = k.delay(k.number())
			p.due += p.exchange.Delay
		}
		waiting <- p
	}
}

func (k *Known) number() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.arrived++
	return k.arrived - 1
}

// answer gives each request its answer when it is due, in the order of arrival.
func (k *Known) answer(sock net.Conn, waiting <-chan pending) {
	for p := range waiting {
		for {
			now := k.clock.Now()
			due := k.afterGap(max(p.due, now))
			if due <= now {
				break
			}
			time.Sleep(due - now)
		}
		if p.exchange.Value != "" {
			p.exchange.Answered = k.clock.Now()
			k.keep(p.exchange)
		}
		if _, err := sock.Write([]byte(p.reply)); err != nil {
			return
		}
	}
}

func (k *Known) afterGap(at time.Duration) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at >= k.gap.From && at < k.gap.To {
		return k.gap.To
	}
	return at
}

func (k *Known) keep(e Exchange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.exchanges) < exchangesMax {
		k.exchanges = append(k.exchanges, e)
	}
}
