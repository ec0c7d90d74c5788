package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

const (
	// connectMax bounds the wait for a connection, and answerMax that for what is under way when a loop ends.
	connectMax = 10 * time.Second
	answerMax  = 5 * time.Second
)

// Serve runs one end: it takes commands from in, one after the other, and answers on out, until in ends. An error of a
// command is an answer; an error of Serve is one of its input or output.
func Serve(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	e := &end{}
	defer func() { err = errors.Join(err, e.close()) }()
	commands, answers := json.NewDecoder(in), json.NewEncoder(out)
	for ctx.Err() == nil {
		var c command
		if err := commands.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read command: %w", err)
		}
		a, err := e.do(ctx, &c)
		if err != nil {
			a.Err, a.Lost = err.Error(), errors.Is(err, ErrLost)
			if a.Lost {
				fmt.Fprintf(os.Stderr, "%v\n%v", err, e.transport.Metrics())
			}
		}
		if err := answers.Encode(&a); err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
	}
	return ctx.Err()
}

// end is one side of an exchange.
type end struct {
	self, peer raft.NodeID
	config     server.Config
	transport  server.PeerTransport
	// dropped counts what Send refused, of answers too.
	dropped atomic.Int64
	// received takes what is delivered and needs no answer, while a command waits for it.
	received atomic.Pointer[func(m *raft.Message)]
	loads    uint64 // started so far: the high half of the numbers of their messages
}

func (e *end) do(ctx context.Context, c *command) (a answer, err error) {
	if c.Open == nil && e.transport == nil {
		return a, errors.New("nothing is open")
	}
	switch {
	case c.Open != nil:
		a.Address, err = e.open(c.Open)
	case c.Peer != nil:
		err = e.connectTo(ctx, c.Peer)
	case c.Usage != nil:
		a.Usage = e.usage()
	case c.Loop != nil:
		a.Loop, err = e.runLoop(ctx, *c.Loop)
	case c.Beat != nil:
		a.Beat, err = e.runBeat(ctx, *c.Beat)
	case c.Connect != nil:
		a.Connect, err = e.runConnect(ctx, *c.Connect)
	case c.Facts != nil:
		a.Facts = e.facts()
	default:
		err = errors.New("a command that this program does not know")
	}
	return a, err
}

// configOf returns the configuration of an end, which listens on any port.
func configOf(o *openCommand) server.Config {
	const anyPort = "127.0.0.1:0"
	return server.Config{
		Cluster: clusterName, Node: o.Node, Transport: o.Transport, TLSDir: o.TLSDir, PeerListen: anyPort,
		Congestion: o.Congestion, AppendStreams: o.AppendStreams, HeartbeatDatagrams: o.HeartbeatDatagrams,
		Peers:  map[raft.NodeID]server.Peer{o.Node: {Peer: anyPort}},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), // life events, which an exchange that goes well has few of
	}
}

func (e *end) open(o *openCommand) (address string, err error) {
	if e.transport != nil {
		return "", errors.New("the transport is open")
	}
	return e.openWith(o.Node, configOf(o))
}

func (e *end) openWith(self raft.NodeID, config server.Config) (address string, err error) {
	e.self, e.config = self, config
	t, err := server.OpenTransport(e.config)
	if err != nil {
		return "", err
	}
	if err := t.Start(e.deliver, func(raft.NodeID, bool) {}); err != nil {
		return "", errors.Join(err, t.Close())
	}
	e.transport = t
	return t.Addr(), nil
}

// connectTo names the peer. The driver waits until a heartbeat was answered.
func (e *end) connectTo(ctx context.Context, c *peerCommand) error {
	e.peer = c.Node
	if err := e.transport.SetPeers(map[raft.NodeID]string{c.Node: c.Address}, raft.None); err != nil {
		return err
	}
	if e.self != driverNode {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, connectMax, errors.New("the other end does not answer"))
	defer cancel()
	for _, kind := range []raft.MessageKind{raft.MsgHeartbeat, raft.MsgAppend} { // each on a lane of its own
		if err := e.awaitAnswer(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// awaitAnswer sends a small message again and again until one is answered.
func (e *end) awaitAnswer(ctx context.Context, kind raft.MessageKind) error {
	answered := make(chan struct{})
	var once sync.Once
	stop := e.receive(func(m *raft.Message) {
		if m.Kind == kind+1 {
			once.Do(func() { close(answered) })
		}
	})
	defer stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		e.transport.Send(raft.Message{Kind: kind, From: e.self, To: e.peer, Term: 1}) // dropped while nobody is there
		select {
		case <-answered:
			return nil
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// receive has f called with what is delivered, until stop.
func (e *end) receive(f func(m *raft.Message)) (stop func()) {
	e.received.Store(&f)
	return func() { e.received.Store(nil) }
}

// send sends a message of the driver, and counts it when it is dropped.
func (e *end) send(m raft.Message) bool {
	m.From, m.To, m.Term = e.self, e.peer, 1
	if e.transport.Send(m) {
		return true
	}
	e.dropped.Add(1)
	return false
}

// An append that has this as its commit index comes back as it is.
const comesBack = raft.Index(1)

// deliver answers as a node would, at once: there is no raft that has to think. Answers go to the receiver.
func (e *end) deliver(m raft.Message) {
	reply := raft.Message{From: e.self, To: m.From, Term: 1, Seq: m.Seq}
	switch {
	case m.Kind == raft.MsgHeartbeat:
		reply.Kind = raft.MsgHeartbeatReply
	case m.Kind == raft.MsgAppend && e.self == driverNode, m.Kind == raft.MsgHeartbeatReply,
		m.Kind == raft.MsgAppendReply, m.Kind == raft.MsgSnapshotReply:
		if f := e.received.Load(); f != nil {
			(*f)(&m)
		}
		return
	case m.Kind == raft.MsgAppend && m.Commit == comesBack:
		reply.Kind, reply.Span, reply.Commit = raft.MsgAppend, m.Span, comesBack
	case m.Kind == raft.MsgAppend:
		reply.Kind, reply.Match = raft.MsgAppendReply, m.Span.LastIndex()
	case m.Kind == raft.MsgSnapshot:
		stored := *m.Chunk
		stored.Offset, stored.Data = stored.Offset+uint64(len(stored.Data)), nil
		reply.Kind, reply.Chunk = raft.MsgSnapshotReply, &stored
	default:
		return
	}
	if !e.transport.Send(reply) {
		e.dropped.Add(1)
	}
}

func (e *end) close() error {
	if e.transport == nil {
		return nil
	}
	return e.transport.Close()
}

// spanOf returns one command of so many bytes, encoded once as a leader does.
func spanOf(sizeBytes int) raft.Span {
	span := raft.Span{Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, sizeBytes)}}}
	span.Encoded = raft.AppendEntries(nil, span.Entries)
	return span
}
