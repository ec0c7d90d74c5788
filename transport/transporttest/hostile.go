package transporttest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/wire"
)

// Hostile is what a hostile program can open to a node of one transport.
type Hostile struct {
	// Name is the transport's name in the table.
	Name string
	// Protocol is the ALPN name that it speaks.
	Protocol string
	// Knock opens a connection from that address and goes through TLS as config says. An error is what TLS said.
	Knock func(target string, from net.IP, config *tls.Config) (Line, error)
	// Idle opens a connection from that address and says as little on it as makes the node keep it.
	Idle func(target string, from net.IP) (io.Closer, error)
}

// Line is a hostile program's connection, for one lane.
type Line interface {
	// Greet writes bytes where a hello belongs, and returns what the node answers.
	Greet(hello []byte) (wire.Welcome, error)
	// Utter writes bytes where a hello belongs, and waits for no answer.
	Utter(b []byte) error
	// Write writes bytes where frames of the lane belong, after a greeting; none to have the lane opened.
	Write(b []byte) (int, error)
	// Closed waits until the node has ended the connection; false says that it did not in time.
	Closed(within time.Duration) bool
	Close() error
}

// RunHostile has hostile parties attack a node that is busy with its peer, and checks that each meets its bound and
// that the peer notices nothing. They are the rows of docs/security.md that concern a transport. By default it is a
// sample of each; with RAFTMARK_HOSTILE=long in the environment all of it, as make test-hostile runs it. Rows of the
// table are written to the folder RAFTMARK_HOSTILE_ROWS when that is set.
func RunHostile(t *testing.T, network func() New, config Config) {
	for _, p := range []struct {
		name  string
		bound string
		run   func(*hostile) string
		waits bool // for the victim, most of the time
	}{
		{"frame lengths", "closed, `malformed`; heap + 1 MiB at most", attackLengths, false},
		{"frame that never ends", "closed in 3 s, `slow`; heap + 1 MiB each at most", attackEndless, false},
		{"slow greeting, 4 B/s", "closed in 2.5 s, `timeout`", attackSlowGreeting, true},
		{"slow frame, 4 B/s", "closed in 3 s, `slow`", attackSlowFrame, true},
		{"certificates", "refused before any message, each by its reason", attackCertificates, false},
		{"another's name", "dropped, `from` or `identity`", attackFrom, false},
		{"version, feature", "refused, both sides told", attackVersion, false},
		{"replayed bytes", "nothing delivered", attackReplay, true},
		{"one id, two programs", "newer start stays; the same start twice: both refused", attackTwin, false},
		{"removed member floods", "refused, `removed`", attackRemoved, false},
		{"idle crowd, one address", "64 greetings at most; peers can connect", attackCrowd, false},
		{"idle crowd, many addresses", "64 greetings at most; peers can connect", attackCrowds, false},
	} {
		t.Run(fileName.Replace(p.name), func(t *testing.T) {
			if p.waits && !HostileLong() {
				t.Parallel()
			}
			h := newHostile(newEnv(t, network(), config))
			measured := p.run(h)
			meanwhile := h.end()
			WriteRow(t, p.name, config.Hostile.Name, p.bound, measured, meanwhile)
		})
	}
}

// fileName makes a name without spaces of a party; it is immutable.
var fileName = strings.NewReplacer(" ", "_", ",", "", "/", "_", "'", "")

// WriteRow adds a row to the table of hostile peers, if it is wanted and the test has not failed.
func WriteRow(t testing.TB, party, name, bound, measured, meanwhile string) {
	t.Helper()
	t.Logf("%s, %s: %s; meanwhile %s", party, name, measured, meanwhile)
	dir := os.Getenv("RAFTMARK_HOSTILE_ROWS")
	if dir == "" || t.Failed() {
		return
	}
	file := fileName.Replace(party+" "+name) + ".row"
	row := fmt.Sprintf("| %s | %s | %s | %s | %s |\n", party, name, bound, measured, meanwhile)
	if err := os.WriteFile(filepath.Join(dir, file), []byte(row), 0o644); err != nil {
		t.Error(err)
	}
}

// HostileLong reports whether hostile peers are to do all that they can, and not a sample.
func HostileLong() bool { return os.Getenv("RAFTMARK_HOSTILE") == "long" }

// hostile is one attack on node 2 of a cluster of two that are busy with each other.
type hostile struct {
	*env
	nodes   []*node
	victim  *node
	tools   *Hostile
	load    *load
	downs   int
	heap    uint64
	counted map[string]uint64
}

const (
	peerID     raft.NodeID = 1
	victimID   raft.NodeID = 2
	strangerID raft.NodeID = 7
)

func newHostile(e *env) *hostile {
	e.inbox = 16 // nobody looks
	h := &hostile{env: e, tools: e.config.Hostile, load: &load{}}
	h.nodes = e.cluster(2, func(_ *transport.Options, n *node) {
		if n != nil {
			n.onMessage = h.load.receiver(n)
		}
	})
	h.victim = h.nodes[1]
	_, h.downs = h.victim.heard(peerID)
	h.load.start(e, h.nodes[0])
	h.load.calm(h.pick(200, 3000))
	h.heap = heapNow()
	h.counted = h.victim.Metrics().Refusals
	return h
}

// pick returns how much is to be done.
func (h *hostile) pick(sample, all int) int {
	if HostileLong() {
		return all
	}
	return sample
}

// end checks that the peers noticed nothing, and says what their heartbeats were like.
func (h *hostile) end() string {
	h.Helper()
	h.load.calm(h.pick(20, 200)) // it still works
	before, during := h.load.stop()
	if _, downs := h.victim.heard(peerID); downs != h.downs {
		h.Errorf("%d connections of the peer broke", downs-h.downs)
	}
	if n := h.load.strange(); n > 0 {
		h.Errorf("%d messages of a hostile party were delivered", n)
	}
	if m := h.victim.Metrics(); m.GreetingsMost > 64 {
		h.Errorf("%d connections were greeted at once", m.GreetingsMost)
	}
	return fmt.Sprintf("p99 %v, before %v", during, before)
}

// refusals returns how many connections the victim has refused for that reason since the attack began.
func (h *hostile) refusals(reason transport.Refusal) uint64 {
	return h.victim.Metrics().Refusals[reason.String()] - h.counted[reason.String()]
}

// refusedFor waits for that many refusals.
func (h *hostile) refusedFor(reason transport.Refusal, times uint64) {
	h.Helper()
	h.eventually(fmt.Sprintf("%d connections refused as %v", times, reason), func() bool {
		return h.refusals(reason) >= times
	})
}

// certified returns a TLS configuration with the cluster's certificate of a node.
func (h *hostile) certified(id raft.NodeID) *tls.Config {
	h.Helper()
	return h.identity(clusterName, id).ClientTLS(identity.TLSOptions{Protocol: h.tools.Protocol}, victimID)
}

// hello returns a greeting in order.
func (h *hostile) hello(from raft.NodeID, incarnation uint64) wire.Hello {
	return wire.Hello{
		Head: wire.OwnHead(), From: from, To: victimID, Lane: transport.LaneControl,
		Incarnation: incarnation, Instance: incarnation, Cluster: clusterName, Address: "127.0.0.1:9",
	}
}

func frameOf(h wire.Hello) []byte { return wire.AppendFrame(nil, wire.KindHello, h.Append(nil)) }

// knock opens a connection with the certificate of a node.
func (h *hostile) knock(id raft.NodeID) Line {
	h.Helper()
	line, err := h.tools.Knock(h.victim.addr, loopback(1), h.certified(id))
	if err != nil {
		h.Fatalf("knock: %v", err)
	}
	h.Cleanup(func() { _ = line.Close() })
	return line
}

// enter opens a connection that the victim admits.
func (h *hostile) enter(id raft.NodeID, incarnation uint64) Line {
	h.Helper()
	ups, _ := h.victim.heard(id)
	line := h.knock(id)
	answer, err := line.Greet(frameOf(h.hello(id, incarnation)))
	if !welcome(answer, err) {
		h.Fatalf("greet: %v, %v", answer.Refusal, err)
	}
	if _, err := line.Write(nil); err != nil {
		h.Fatal(err)
	}
	h.eventually("the line is admitted", func() bool {
		now, _ := h.victim.heard(id)
		return now > ups
	})
	return line
}

// welcome reports whether a greeting was accepted.
func welcome(w wire.Welcome, err error) bool { return err == nil && w.Refusal == transport.RefusedNone }

// loopback returns an address of this machine.
func loopback(n int) net.IP { return net.IPv4(127, byte(n>>16), byte(n>>8), byte(n)) }

// heapNow returns the bytes in use once garbage is gone.
func heapNow() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// heapGrowth returns what is in use more than before the attack, the hostile party's own included.
func (h *hostile) heapGrowth() int64 { return max(0, int64(heapNow())-int64(h.heap)) }

// load is heartbeats between two nodes, each of which is answered.
type load struct {
	node *node
	end  chan struct{}
	work sync.WaitGroup

	mu       sync.Mutex
	sent     map[uint64]time.Time
	seq      uint64
	before   []time.Duration // until the attack
	during   []time.Duration
	attacked bool
	strangeN int
}

func (l *load) receiver(n *node) func(raft.Message) {
	return func(m raft.Message) {
		switch {
		case m.Seq == unwanted || m.From != peerID && m.From != victimID:
			l.mu.Lock()
			l.strangeN++
			l.mu.Unlock()
		case m.Kind == raft.MsgHeartbeat:
			m.Kind, m.From, m.To = raft.MsgHeartbeatReply, m.To, m.From
			n.Send(m)
		default:
			l.answered(m.Seq)
		}
	}
}

func (l *load) answered(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.sent[seq]
	if !ok {
		return
	}
	delete(l.sent, seq)
	if l.attacked {
		l.during = append(l.during, time.Since(at))
	} else {
		l.before = append(l.before, time.Since(at))
	}
}

// start sends one each millisecond.
func (l *load) start(e *env, n *node) {
	l.node, l.end, l.sent = n, make(chan struct{}), map[uint64]time.Time{}
	l.seq = unwanted + 1
	l.work.Go(func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-l.end:
				return
			}
			l.mu.Lock()
			l.seq++
			m := heartbeat(peerID, victimID, l.seq)
			l.sent[l.seq] = time.Now()
			l.mu.Unlock()
			n.Send(m)
		}
	})
	e.Cleanup(func() { l.stop() })
}

// calm waits for that many more answers. What comes after the first call is counted as during the attack.
func (l *load) calm(answers int) {
	l.node.env.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.before) + len(l.during)
	}
	until := count() + answers
	l.node.env.eventually("heartbeats are answered", func() bool { return count() >= until })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attacked = true
}

func (l *load) strange() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.strangeN
}

// stop ends the load and returns the ninety-ninth percentiles of a heartbeat and its answer.
func (l *load) stop() (before, during time.Duration) {
	l.mu.Lock()
	select {
	case <-l.end:
	default:
		close(l.end)
	}
	l.mu.Unlock()
	l.work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return percentile99(l.before), percentile99(l.during)
}

func percentile99(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)*99/100].Round(10 * time.Microsecond)
}
