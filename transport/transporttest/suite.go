package transporttest

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
)

// Transport is what the suite tests: the driver's port, and what a test needs to wire nodes up.
type Transport interface {
	Start(deliver func(raft.Message), peer func(id raft.NodeID, up bool)) error
	Send(m raft.Message) bool
	Close() error
	Addr() string
	SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error
	Metrics() transport.Metrics
}

// New makes a transport of one node.
type New func(options transport.Options) (Transport, error)

// Config says what the transport is like.
type Config struct {
	// Secure gives each node an identity of the cluster's authority.
	Secure bool
	// ByID says that nodes are found by their id instead of an address, so that nobody can be reached under a
	// wrong id, and no two nodes have the same.
	ByID bool
	// Proxy puts something between the nodes that can be frozen: [ProxyTCP] or [ProxyUDP]. Nil where nothing can be.
	Proxy func(t testing.TB, target string) *Proxy
	// Change, when not nil, changes the options of every node.
	Change func(*transport.Options)
	// Unordered says that the append lane keeps no order, because of Change.
	Unordered bool
	// Hostile is for [RunHostile] only.
	Hostile *Hostile
}

// Run runs all cases. network is called once a case and returns the constructor of the nodes of one network.
func Run(t *testing.T, network func() New, config Config) {
	for _, c := range []struct {
		name string
		run  func(*env)
	}{
		{"kinds", testKinds}, {"order", testOrder}, {"spans", testSpans}, {"chunks", testChunks},
		{"dead", testDead}, {"stalled", testStalled}, {"large", testLarge},
		{"restart", testRestart}, {"hints", testHints}, {"silence", testSilence},
		{"admission", testAdmission}, {"members", testMembers}, {"learned", testLearned}, {"disk", testDisk},
		{"certificates", testCertificates}, {"close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(newEnv(t, network(), config)) })
	}
}

// patience bounds every wait; no passing test comes near it.
const patience = 10 * time.Second

const clusterName = "conformance"

// env makes the nodes of one case.
type env struct {
	testing.TB
	make   New
	config Config

	// inbox bounds the messages that wait to be received by the test, of each node.
	inbox int

	mu          sync.Mutex
	authorities map[string]*identity.Authority
	started     uint64
}

// inboxDefault is enough for every case that does not receive while it sends.
const inboxDefault = 1 << 17

func newEnv(t testing.TB, make New, config Config) *env {
	return &env{TB: t, make: make, config: config, inbox: inboxDefault, authorities: map[string]*identity.Authority{}}
}

func (e *env) sub(t testing.TB) *env {
	return &env{TB: t, make: e.make, config: e.config, inbox: e.inbox, authorities: e.authorities}
}

// node is one node of a case, and what it heard.
type node struct {
	Transport
	env  *env
	id   raft.NodeID
	addr string
	// messages takes what is delivered, unless onMessage is set before start.
	messages  chan raft.Message
	onMessage func(raft.Message)
	log       *logged
	identity  *identity.Identity

	mu    sync.Mutex
	ups   map[raft.NodeID]int
	downs map[raft.NodeID]int
}

// options returns the options of a node of the suite's cluster.
func (e *env) options(id raft.NodeID) transport.Options {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.started++
	o := transport.Options{Self: id, Cluster: clusterName, Incarnation: e.started}
	if e.config.Change != nil {
		e.config.Change(&o)
	}
	return o
}

// open makes a node without starting it.
func (e *env) open(options transport.Options) *node {
	e.Helper()
	if e.config.Secure && options.Identity == nil {
		options.Identity = e.identity(options.Cluster, options.Self)
	}
	log := &logged{}
	options.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	t, err := e.make(options)
	if err != nil {
		e.Fatalf("new transport of node %d: %v", options.Self, err)
	}
	n := &node{
		Transport: t, env: e, id: options.Self, addr: t.Addr(), messages: make(chan raft.Message, e.inbox),
		log: log, identity: options.Identity, ups: map[raft.NodeID]int{}, downs: map[raft.NodeID]int{},
	}
	e.Cleanup(func() { _ = t.Close() })
	return n
}

// logged keeps what a node warned of.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) contains(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

func (e *env) identity(cluster string, id raft.NodeID) *identity.Identity {
	e.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	authority := e.authorities[cluster]
	if authority == nil {
		var err error
		if authority, err = identity.NewAuthority(cluster); err != nil {
			e.Fatal(err)
		}
		e.authorities[cluster] = authority
	}
	issued, err := authority.Issue(id)
	if err != nil {
		e.Fatal(err)
	}
	return issued
}

// start starts the node with these peers.
func (n *node) start(peers map[raft.NodeID]string) {
	n.env.Helper()
	if err := n.SetPeers(peers, 0); err != nil {
		n.env.Fatalf("set peers of node %d: %v", n.id, err)
	}
	deliver := n.onMessage
	if deliver == nil {
		deliver = func(m raft.Message) { n.messages <- m }
	}
	if err := n.Start(deliver, n.hear); err != nil {
		n.env.Fatalf("start node %d: %v", n.id, err)
	}
}

func (n *node) hear(id raft.NodeID, up bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if up {
		n.ups[id]++
	} else {
		n.downs[id]++
	}
}

func (n *node) heard(id raft.NodeID) (ups, downs int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ups[id], n.downs[id]
}

// cluster opens and starts n nodes that know each other, and waits until they are connected.
func (e *env) cluster(n int, change func(*transport.Options, *node)) []*node {
	e.Helper()
	nodes := make([]*node, n)
	for i := range nodes {
		options := e.options(raft.NodeID(i + 1))
		if change != nil {
			change(&options, nil)
		}
		nodes[i] = e.open(options)
		if change != nil {
			change(&options, nodes[i])
		}
	}
	peers := addresses(nodes...)
	for _, node := range nodes {
		node.start(peers)
	}
	for _, node := range nodes {
		for _, peer := range nodes {
			if peer == node {
				continue
			}
			e.eventually(fmt.Sprintf("node %d is connected with node %d, both ways", node.id, peer.id), func() bool {
				return node.Metrics().Connects >= uint64(2*(n-1)) && node.connected(peer.id) == 4
			})
		}
	}
	return nodes
}

func addresses(nodes ...*node) map[raft.NodeID]string {
	peers := map[raft.NodeID]string{}
	for _, n := range nodes {
		peers[n.id] = n.addr
	}
	return peers
}

// eventually polls until ok holds.
func (e *env) eventually(what string, ok func() bool) {
	e.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			e.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}

// receive returns the next message that was delivered.
func (n *node) receive() raft.Message {
	n.env.Helper()
	select {
	case m := <-n.messages:
		return m
	case <-time.After(patience):
		n.env.Fatalf("node %d received nothing within %v; metrics:\n%v", n.id, patience, n.Metrics())
		return raft.Message{}
	}
}

// push sends, again when the queue is full.
func (n *node) push(m raft.Message) {
	n.env.Helper()
	if n.Send(m) {
		return
	}
	n.env.eventually("the queue takes a message", func() bool { return n.Send(m) })
}

// pass sends m and returns it as it arrived at to. It is sent again only when a connection of either node was made or
// broke meanwhile, with which it may have been lost: a loss for any other reason is a fault.
func (n *node) pass(to *node, m raft.Message) raft.Message {
	n.env.Helper()
	changes := func() uint64 {
		a, b := n.Metrics(), to.Metrics()
		return a.Connects + a.Accepts + a.Disconnects + b.Connects + b.Accepts + b.Disconnects
	}
	before := changes()
	n.push(m)
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		select {
		case got := <-to.messages:
			if got.Seq < m.Seq { // of an earlier call, which sent it twice
				continue
			}
			return got
		case <-time.After(20 * time.Millisecond):
			if now := changes(); now != before {
				before = now
				n.push(m)
			}
		}
	}
	n.env.Fatalf("%v from node %d was lost without a change of connections; the sender:\n%vthe receiver:\n%v",
		m.Kind, n.id, n.Metrics(), to.Metrics())
	return raft.Message{}
}

// insist sends m until something arrives at to, which a connection that is not made yet may need.
func (n *node) insist(to *node, m raft.Message) raft.Message {
	n.env.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		n.Send(m)
		select {
		case got := <-to.messages:
			return got
		case <-time.After(5 * time.Millisecond):
		}
	}
	n.env.Fatalf("nothing from node %d arrived at node %d within %v; metrics:\n%v", n.id, to.id, patience, n.Metrics())
	return raft.Message{}
}

func heartbeat(from, to raft.NodeID, seq uint64) raft.Message {
	return raft.Message{Kind: raft.MsgHeartbeat, From: from, To: to, Term: 3, Commit: 7, Seq: seq}
}
