package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/quic"
	"github.com/raftmark/raftmark/transport/tcp"
	"github.com/raftmark/raftmark/transport/transporttest"
)

// These are the rows of docs/security.md that need whole nodes: what clients notice of it. A sample runs with all
// tests, all of it with RAFTMARK_HOSTILE=long.

func pick[T any](sample, all T) T {
	if transporttest.HostileLong() {
		return all
	}
	return sample
}

// besieged is a cluster whose authority the test has, under the load of a few clients.
type besieged struct {
	t         *testing.T
	transport string
	authority *identity.Authority
	nodes     map[raft.NodeID]*Node
	peers     map[raft.NodeID]Peer
	leader    *Node
	term      raft.Term
	load      *pressure
}

// besiege starts a cluster of three and its load, and measures it at peace.
func besiege(t *testing.T, name string) *besieged {
	t.Helper()
	b := &besieged{t: t, transport: name, nodes: map[raft.NodeID]*Node{}, peers: freshPeers(t, 1, 3)}
	var err error
	if b.authority, err = identity.NewAuthority("test"); err != nil {
		t.Fatal(err)
	}
	for id := range b.peers {
		dir := t.TempDir()
		if err := b.identity(id).WriteFiles(dir); err != nil {
			t.Fatal(err)
		}
		b.nodes[id] = onTCP(t, Config{
			Node: id, DataDir: t.TempDir(), Peers: b.peers, Transport: name, TLSDir: dir, LogStorage: StorageMem,
		})
	}
	b.leader = awaitLeader(t, b.nodes)
	b.load = press(t, b.leader.ClientAddr(), 4, 1)
	b.load.await(pick(200, 5000))
	b.term = b.leader.Status().Raft.Term
	b.load.next()
	return b
}

func (b *besieged) identity(id raft.NodeID) *identity.Identity {
	b.t.Helper()
	issued, err := b.authority.Issue(id)
	if err != nil {
		b.t.Fatal(err)
	}
	return issued
}

// describe returns what the nodes say of themselves, a line each.
func (b *besieged) describe() string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(b.nodes)) {
		line, err := json.Marshal(b.nodes[id].Status())
		if err != nil {
			b.t.Error(err)
		}
		lines = append(lines, string(line))
	}
	return strings.Join(lines, "\n")
}

// held ends the load and checks that the leader and its term are those of before, then adds a row to the table.
func (b *besieged) held(party, bound, measured string) {
	b.t.Helper()
	b.load.await(pick(50, 500))
	b.load.end()
	for id, n := range b.nodes {
		s := n.Status()
		if s.Raft.Term != b.term || s.IsLeader() != (n == b.leader) {
			b.t.Errorf("node %d: term %d, leads %v; before, the term was %d", id, s.Raft.Term, s.IsLeader(), b.term)
		}
	}
	before, during := b.load.latencies()
	transporttest.WriteRow(b.t, party, b.transport, bound, measured,
		fmt.Sprintf("commit p99 %v, before %v", during, before))
}

// pressure is clients that write as fast as they are answered, several requests at a time each. They go where they are
// sent: a cluster that is pressed hard may hand over.
type pressure struct {
	leader atomic.Pointer[string]
	wg     sync.WaitGroup
	stop   chan struct{}
	once   sync.Once
	acked  atomic.Int64
	others atomic.Int64 // answers that are errors

	mu    sync.Mutex
	times [2][]time.Duration // before and after next
	phase int
}

func press(t *testing.T, address string, clients, pipeline int) *pressure {
	t.Helper()
	p := &pressure{stop: make(chan struct{})}
	p.leader.Store(&address)
	t.Cleanup(p.end)
	for i := range clients {
		p.wg.Go(func() {
			for {
				select {
				case <-p.stop:
					return
				default:
					p.client(*p.leader.Load(), fmt.Sprintf("client%d", i), pipeline)
				}
			}
		})
	}
	return p
}

// client is one connection, until it breaks.
func (p *pressure) client(address, key string, pipeline int) {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		time.Sleep(time.Millisecond)
		return
	}
	defer func() { _ = c.Close() }()
	requests := strings.Repeat("SET "+key+" 0123456789012345678901234567890123456789\r\n", pipeline)
	r := bufio.NewReader(c)
	for {
		select {
		case <-p.stop:
			return
		default:
		}
		begin := time.Now()
		_ = c.SetDeadline(begin.Add(patience))
		if _, err := io.WriteString(c, requests); err != nil {
			return
		}
		for range pipeline {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "+OK\r\n" {
				p.acked.Add(1)
				continue
			}
			p.others.Add(1)
			if to := strings.Fields(line); len(to) == 3 && to[0] == "-MOVED" {
				p.leader.Store(&to[2])
				return
			}
		}
		took := time.Since(begin)
		p.mu.Lock()
		p.times[p.phase] = append(p.times[p.phase], took)
		p.mu.Unlock()
	}
}

func (p *pressure) await(answers int) {
	until := p.acked.Load() + int64(answers)
	for end := time.Now().Add(2 * patience); p.acked.Load() < until && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// next begins the second phase.
func (p *pressure) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = 1
}

func (p *pressure) end() {
	p.once.Do(func() { close(p.stop) })
	p.wg.Wait()
}

// rate returns how many answers a second come during that time.
func (p *pressure) rate(during time.Duration) float64 {
	begin, before := time.Now(), p.acked.Load()
	time.Sleep(during)
	return float64(p.acked.Load()-before) / time.Since(begin).Seconds()
}

// latencies returns the ninety-ninth percentiles of both phases.
func (p *pressure) latencies() (before, during time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out [2]time.Duration
	for i, times := range p.times {
		slices.Sort(times)
		if len(times) > 0 {
			out[i] = times[len(times)*99/100].Round(10 * time.Microsecond)
		}
	}
	return out[0], out[1]
}

// outsider is a transport with the cluster's certificate of a node that is no member.
func (b *besieged) outsider(id raft.NodeID) replica.Transport {
	b.t.Helper()
	o := transport.Options{
		Self: id, Cluster: "test", Identity: b.identity(id), Disk: 1, Nonce: 1, Peers: map[raft.NodeID]string{},
		BackoffMin: time.Millisecond, BackoffMax: time.Millisecond,
	}
	for id, peer := range b.peers {
		o.Peers[id] = peer.Peer
	}
	var t replica.Transport
	var err error
	if b.transport == TransportQUIC {
		t, err = quic.New(o)
	} else {
		t, err = tcp.New(o)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = t.Close() })
	if err := t.Start(func(raft.Message) {}, func(raft.NodeID, bool) {}); err != nil {
		b.t.Fatal(err)
	}
	return t
}

func overEncrypted(t *testing.T, test func(t *testing.T, name string)) {
	for _, name := range []string{TransportTLS, TransportQUIC} {
		t.Run(name, func(t *testing.T) { test(t, name) })
	}
}

func (b *besieged) refusals(reason transport.Refusal) uint64 {
	total := uint64(0)
	for _, n := range b.nodes {
		if m := n.Status().Transport; m != nil {
			total += m.Refusals[reason.String()]
		}
	}
	return total
}

// A node that is no member, with a certificate of the cluster, campaigns in the last term that there is.
func TestHostileVotesOfAnOutsider(t *testing.T) {
	overEncrypted(t, func(t *testing.T, name string) {
		b := besiege(t, name)
		const outsider raft.NodeID = 9
		from := b.outsider(outsider)
		sent, rounds := 0, pick(300, 20_000)
		for range rounds {
			for to := range b.peers {
				for _, kind := range []raft.MessageKind{raft.MsgPreVote, raft.MsgVote, raft.MsgHeartbeat, raft.MsgAppend} {
					m := raft.Message{Kind: kind, From: outsider, To: to, Term: 1<<64 - 1}
					m.Last = raft.EntryID{Term: m.Term, Index: 1 << 60}
					if from.Send(m) {
						sent++
					}
				}
			}
			time.Sleep(100 * time.Microsecond)
		}
		received := func() (n uint64) {
			for _, node := range b.nodes {
				n = max(n, node.Status().Transport.Lanes[transport.LaneControl].MessagesReceived)
			}
			return n
		}
		if received() == 0 {
			t.Error("nothing was received")
		}
		b.held("votes of an outsider, term 2^64-1", "terms and leader unchanged", fmt.Sprintf("%d messages", sent))
	})
}

// A member that was removed goes on campaigning: it is refused at the door.
func TestHostileRemovedMember(t *testing.T) {
	overEncrypted(t, func(t *testing.T, name string) {
		b := besiege(t, name)
		var removed raft.NodeID
		for id, n := range b.nodes {
			if n != b.leader {
				removed = id
			}
		}
		gone := b.nodes[removed]
		change(t, b.nodes, MemberChange{Op: "remove", ID: removed})
		if err := gone.Abort(); err != nil {
			t.Fatal(err)
		}
		delete(b.nodes, removed)
		var programs []replica.Transport
		for range pick(2, 8) {
			programs = append(programs, b.outsider(removed))
		}
		begin, before := time.Now(), b.refusals(transport.RefusedRemoved)
		for rounds := 0; rounds < pick(200, 10_000); rounds++ {
			for _, p := range programs {
				for to := range b.peers {
					p.Send(raft.Message{Kind: raft.MsgVote, From: removed, To: to, Term: 1 << 40})
				}
			}
			time.Sleep(time.Millisecond)
		}
		refused := b.refusals(transport.RefusedRemoved) - before
		if refused == 0 {
			t.Error("nobody refused the removed member")
		}
		b.held("removed member floods votes", "refused, `removed`; terms and leader unchanged",
			fmt.Sprintf("%d refused in %v", refused, time.Since(begin).Round(100*time.Millisecond)))
	})
}

// Strangers connect to the leader's peer port and say nothing.
func TestHostileIdleConnections(t *testing.T) {
	b := besiege(t, TransportTLS)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	total, failed := pick(300, 10_000), 0
	target := b.peers[b.leader.Status().Node].Peer
	for i := range total {
		dialer := net.Dialer{Timeout: patience}
		if runtime.GOOS == "linux" { // a few hundred addresses
			dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i%4), byte(1+i%100))}
		}
		c, err := dialer.Dial("tcp", target)
		if err != nil {
			failed++
			continue
		}
		if open = append(open, c); len(open) > 512 {
			_ = open[0].Close()
			open = open[1:]
		}
	}
	m := b.leader.Status().Transport
	if m.GreetingsMost > 64 {
		t.Errorf("%d greetings at once", m.GreetingsMost)
	}
	b.held("idle connections at the leader", "64 greetings at most; leader unchanged",
		fmt.Sprintf("%d opened, %d greetings at most", total-failed, m.GreetingsMost))
}

// Clients offer ten times what the cluster can commit.
func TestHostileClients(t *testing.T) {
	b := besiege(t, TransportTLS)
	b.load.end()
	address := b.leader.ClientAddr()
	usual := press(t, address, 16, 1)
	usual.await(100)
	peak := usual.rate(pick(time.Second/2, 5*time.Second))
	usual.end()

	flood := press(t, address, 160, 16)
	flood.await(100)
	goodput := flood.rate(pick(time.Second/2, time.Minute))
	flood.end()

	// The rates of a sample are those of a moment, beside the tests of other packages: it looks at whether the cluster
	// serves in the flood and after it, and the whole run at how well.
	begin := time.Now()
	after, recovered := press(t, address, 16, 1), 0.0
	for least := pick(0.1, 0.9); recovered < least*peak && time.Since(begin) < 2*patience; {
		recovered = after.rate(100 * time.Millisecond)
	}
	took := time.Since(begin)
	after.end()
	measured := fmt.Sprintf("peak %.0f/s, goodput %.0f/s (%.0f %%), %d errors, recovered in %v",
		peak, goodput, 100*goodput/peak, flood.others.Load(), took.Round(100*time.Millisecond))
	if least := pick(0.1, 0.8); goodput < least*peak {
		t.Errorf("%s: want %.0f %%", measured, 100*least)
	}
	if took > 5*time.Second {
		t.Errorf("%s: want 5s at most\n%s", measured, b.describe())
	}
	before := b.load.times[0]
	b.load = press(t, address, 4, 1)
	b.load.next()
	b.load.mu.Lock()
	b.load.times[0] = before // of the clients that were there at peace
	b.load.mu.Unlock()
	b.held("clients offer ten times the capacity", "goodput at least 80 %, recovery in 5 s", measured)
}
