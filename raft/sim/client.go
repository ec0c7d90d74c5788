package sim

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
)

// opKind is what an operation does.
type opKind uint8

const (
	opGet opKind = iota
	opSet
	opCAS
	opIncr
	opOpen // a session; of no key
)

// readVia is how an operation that only reads finds its value.
type readVia uint8

const (
	viaLog readVia = iota
	viaLeader
	viaFollower
)

// outcome is what a client knows of its operation at the end.
type outcome uint8

const (
	unknown outcome = iota // it may take effect at any time, or never
	ok
	failed // it has no effect, for ever
)

// missing is the value of a key that is not there.
const missing = -1

// op is one operation of a client on one key.
type op struct {
	id     int
	client int
	kind   opKind
	via    readVia
	key    int
	value  int64 // that it writes; unique
	old    int64 // that CAS wants to find
	call   time.Duration
	back   time.Duration // when its answer was there
	result outcome
	got    int64 // value read, new count, or whether CAS wrote

	session, seq uint64 // 0: of no session

	attempt int
	open    int // attempts that may have been executed, or still may be
	done    bool
	floor   raft.Index // what was committed when it was called
}

func (o *op) writes() bool { return o.kind != opGet }

// proposal is an operation that a server put into its log.
type proposal struct {
	op      *op
	attempt int
	term    raft.Term
}

// answer is what a server says to a client.
type answer struct {
	ok       bool
	definite bool // not ok, and this attempt has no effect, for ever
	result   []byte
	leader   raft.NodeID
}

// clients are all clients: operations come at random times, whether earlier ones were answered or not.
type clients struct {
	rng      *rand.Rand
	ops      []*op
	hints    []raft.NodeID // whom each client takes for the leader
	sessions []session
	values   int64
	latest   []int64 // of each key, the value written last, as a guess for CAS
	busy     []int   // of each key, the operations that are not done
	open     int     // of all keys
	ended    bool
}

// session is what a client knows of its session (thesis §6.3).
type session struct {
	id      uint64 // 0: none yet
	opening bool
	seq     uint64
	open    []uint64 // the numbers of operations that are not done, in order
}

// acknowledged returns the number below which the client has all answers.
func (s *session) acknowledged() uint64 {
	if len(s.open) > 0 {
		return s.open[0]
	}
	return s.seq + 1
}

const (
	attemptTimeout = time.Second // then a client asks elsewhere, or gives up; each time it waits twice as long
	backoff        = 30 * time.Millisecond
	patience       = 2 * time.Second // for an operation that certainly had no effect yet
	// sessionWindow bounds the operations from the first one without an answer on, whose replies are kept.
	sessionWindow = kv.SessionRepliesMax - 1
	// busyMax bounds the operations on one key at a time: deciding whether they are linearizable takes exponential
	// time in it.
	busyMax = 4
)

func newClients(p *plan, seed uint64) clients {
	c := clients{
		rng: newRand(seed, purposeClient), hints: make([]raft.NodeID, p.clients), sessions: make([]session, p.clients),
		latest: make([]int64, p.keys), busy: make([]int, p.keys),
	}
	for i := range c.hints {
		c.hints[i] = raft.NodeID(1 + i%p.servers)
	}
	return c
}

// isCounter says which keys are counted; the others are registers.
func isCounter(key int) bool { return key%6 == 0 }

// nextArrival schedules the next operation.
func (w *world) nextArrival() {
	if w.clients.ended {
		return
	}
	mean := time.Duration(float64(time.Second) / w.plan.opsPerSecond)
	w.after(expDuration(w.clients.rng, mean), func() {
		w.newOp()
		w.nextArrival()
	})
}

func (w *world) newOp() {
	c := &w.clients
	if c.ended {
		return
	}
	key := c.rng.IntN(w.plan.keys)
	if c.busy[key] == busyMax {
		w.cov.Shed++
		return
	}
	o := &op{id: len(c.ops), client: c.rng.IntN(len(c.hints)), key: key, call: w.now}
	o.via = readVia(viaLog)
	if c.rng.IntN(10) >= w.plan.readsLog {
		o.via = viaLeader
		if c.rng.IntN(10) < w.plan.readsFollower {
			o.via = viaFollower
		}
	}
	c.values++
	switch kind := c.rng.IntN(10); {
	case kind < 4:
		o.kind = opGet
	case isCounter(o.key):
		o.kind = opIncr
	case kind < 8:
		o.kind, o.value = opSet, c.values
	default:
		o.kind, o.value, o.old = opCAS, c.values, c.latest[o.key]
	}
	if o.kind == opSet {
		c.latest[o.key] = o.value
	}
	if o.writes() && w.plan.sessions && !w.joinSession(o) {
		w.cov.Shed++
		return
	}
	c.busy[key]++
	o.floor = w.check.committedIndex()
	c.ops = append(c.ops, o)
	c.open++
	w.cov.Operations++
	w.ask(o)
}

// joinSession makes an operation one of its client's session; if there is none, one is opened, for later ones.
func (w *world) joinSession(o *op) bool {
	c := &w.clients
	s := &c.sessions[o.client]
	if s.id != 0 && s.seq+1-s.acknowledged() >= sessionWindow {
		return false // an answer is missing that all later ones are kept for
	}
	if s.id != 0 {
		s.seq++
		o.session, o.seq = s.id, s.seq
		s.open = append(s.open, o.seq)
		return true
	}
	if !s.opening {
		s.opening = true
		c.open++
		w.ask(&op{id: -1, client: o.client, kind: opOpen, call: w.now})
	}
	return false
}

// ask makes the next attempt of an operation.
func (w *world) ask(o *op) {
	c := &w.clients
	if o.open > 0 && o.seq != 0 {
		w.cov.Repeated++
	}
	o.attempt++
	o.open++
	to := w.node(c.hints[o.client])
	if o.kind == opGet && o.via == viaFollower {
		to = w.nodes[c.rng.IntN(len(w.nodes))]
	}
	attempt := o.attempt
	w.toServer(to, func() { w.serve(to, o, attempt) })
	w.after(attemptTimeout<<min(attempt-1, 3), func() { w.timeout(o, attempt) })
}

// toServer lets something happen at a server after the way of a request; a server that stands still does it when it
// goes on.
func (w *world) toServer(n *node, do func()) {
	delay := 50*time.Microsecond + expDuration(w.clients.rng, 100*time.Microsecond)
	w.queue.push(event{at: max(w.now+delay, n.frozen), kind: eventDo, node: n, do: do})
}

// serve is a server's part of an attempt.
func (w *world) serve(n *node, o *op, attempt int) {
	switch {
	case !n.up():
		w.reply(n, o, attempt, answer{definite: true})
		return
	case o.kind == opGet && o.via != viaLog:
		w.serveRead(n, o, attempt)
		return
	}
	if o.kind == opGet {
		w.cov.ReadsLog++
	}
	w.clock(n)
	entry := [1]raft.Entry{{Data: w.commandOf(o)}}
	if n.core.Propose(entry[:]) == 0 {
		w.reply(n, o, attempt, answer{definite: true, leader: n.core.Leader()})
		return
	}
	n.pending[n.core.LastIndex()] = proposal{op: o, attempt: attempt, term: n.core.Term()}
	w.cov.Proposals++
	w.turn(n)
}

func keyName(key int) []byte { return strconv.AppendInt([]byte("key"), int64(key), 10) }

func valueBytes(value int64) []byte { return strconv.AppendInt(nil, value, 10) }

// commandOf returns the operation as an entry's data.
func (w *world) commandOf(o *op) []byte {
	if o.seq == 0 {
		return o.command()
	}
	w.command = o.appendCommand(w.command[:0])
	return kv.AppendSession(nil, o.session, o.seq, w.clients.sessions[o.client].acknowledged(), w.command)
}

func (o *op) command() []byte { return o.appendCommand(nil) }

// appendCommand appends the operation as a command of the state machine.
func (o *op) appendCommand(dst []byte) []byte {
	key := keyName(o.key)
	switch o.kind {
	case opSet:
		return kv.AppendSet(dst, key, valueBytes(o.value), 0)
	case opCAS:
		return kv.AppendCAS(dst, key, valueBytes(o.old), valueBytes(o.value))
	case opIncr:
		return kv.AppendIncr(dst, key)
	case opOpen:
		return kv.AppendOpenSession(dst)
	default:
		return kv.AppendGet(dst, key)
	}
}

// decode returns what a reply of the state machine says to the operation.
func (o *op) decode(result []byte) (int64, bool) {
	r, err := kv.DecodeReply(result)
	if err != nil {
		return 0, false
	}
	switch {
	case r.Kind == kv.ReplyNil && o.kind == opGet:
		return missing, true
	case r.Kind == kv.ReplyBulk && o.kind == opGet:
		v, err := strconv.ParseInt(string(r.Bulk), 10, 64)
		return v, err == nil
	case r.Kind == kv.ReplyOK && o.kind == opSet:
		return 0, true
	case r.Kind == kv.ReplyInt && (o.kind == opCAS || o.kind == opIncr || o.kind == opOpen):
		return r.Int, true
	default:
		return 0, false
	}
}

// sessionFull reports whether a reply says that the session has too many replies that nobody acknowledged, and that
// nothing was executed.
func sessionFull(reply []byte) bool {
	if len(reply) == 0 || kv.ReplyKind(reply[0]) != kv.ReplyError {
		return false
	}
	r, err := kv.DecodeReply(reply)
	return err == nil && strings.HasPrefix(r.Text, kv.SessionFull)
}

// reply sends a server's answer to a client.
func (w *world) reply(n *node, o *op, attempt int, a answer) {
	w.after(50*time.Microsecond+expDuration(w.clients.rng, 100*time.Microsecond), func() { w.answered(n, o, attempt, a) })
}

// answered is the client's part when an answer is there.
func (w *world) answered(n *node, o *op, attempt int, a answer) {
	if a.ok && o.seq != 0 && sessionFull(a.result) {
		a = answer{definite: true, leader: n.id}
	}
	if a.definite {
		o.open--
	}
	if o.done {
		return
	}
	if a.ok {
		got, understood := o.decode(a.result)
		if !understood {
			w.breach("the state machine works", "operation %d on key %d: reply %q", o.id, o.key, a.result)
		}
		o.got = got
		w.finish(o, ok)
		return
	}
	if attempt != o.attempt {
		return
	}
	c := &w.clients
	if c.hints[o.client] == n.id {
		c.hints[o.client] = a.leader
		if a.leader == raft.None || a.leader == n.id {
			c.hints[o.client] = w.nodes[c.rng.IntN(len(w.nodes))].id
		}
	}
	w.again(o)
}

// again lets a client try once more, if it makes sense.
func (w *world) again(o *op) {
	switch {
	case o.open > 0 && !o.repeatable():
		w.finish(o, unknown)
	case (o.open == 0 || !o.writes()) && (w.now-o.call > patience || w.clients.ended):
		w.finish(o, failed)
	default:
		attempt := o.attempt
		w.after(backoff+expDuration(w.clients.rng, backoff), func() {
			if !o.done && o.attempt == attempt {
				w.ask(o)
			}
		})
	}
}

// timeout is a client that has waited long enough for one attempt.
func (w *world) timeout(o *op, attempt int) {
	if o.done || o.attempt != attempt {
		return
	}
	c := &w.clients
	c.hints[o.client] = w.nodes[c.rng.IntN(len(w.nodes))].id
	w.again(o)
}

// finish ends an operation.
func (w *world) finish(o *op, result outcome) {
	o.done, o.result, o.back = true, result, w.now
	w.clients.open--
	s := &w.clients.sessions[o.client]
	if o.kind == opOpen {
		s.opening = false
		if result == ok {
			s.id = uint64(o.got)
			w.cov.Sessions++
		}
		return
	}
	if i := slices.Index(s.open, o.seq); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
	w.clients.busy[o.key]--
	w.cov.Outcomes[result]++
	w.events.Answer([...]string{"unknown", "ok", "failed"}[result])
	if w.tracing() {
		w.tracef("client %d: operation %d, %v: %d", o.client, o.id, [...]string{"unknown", "ok", "failed"}[result], o.got)
	}
}

// repeatable reports whether another attempt does no harm although an earlier one may have been executed.
func (o *op) repeatable() bool { return !o.writes() || o.seq != 0 || o.kind == opOpen }
