package sim

import (
	"math/rand/v2"
	"strconv"
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
	rng    *rand.Rand
	ops    []*op
	hints  []raft.NodeID // whom each client takes for the leader
	values int64
	latest []int64 // of each key, the value written last, as a guess for CAS
	busy   []int   // of each key, the operations that are not done
	open   int     // of all keys
	ended  bool
}

const (
	attemptTimeout = time.Second // then a client asks elsewhere, or gives up
	backoff        = 30 * time.Millisecond
	patience       = 2 * time.Second // for an operation that certainly had no effect yet
	// busyMax bounds the operations on one key at a time: deciding whether they are linearizable takes exponential
	// time in it.
	busyMax = 4
)

func newClients(p *plan, seed uint64) clients {
	c := clients{
		rng: newRand(seed, purposeClient), hints: make([]raft.NodeID, p.clients),
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
	c.busy[key]++
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
	o.floor = w.check.committedIndex()
	c.ops = append(c.ops, o)
	c.open++
	w.cov.Operations++
	w.ask(o)
}

// ask makes the next attempt of an operation.
func (w *world) ask(o *op) {
	c := &w.clients
	o.attempt++
	o.open++
	to := w.node(c.hints[o.client])
	if o.kind == opGet && o.via == viaFollower {
		to = w.nodes[c.rng.IntN(len(w.nodes))]
	}
	attempt := o.attempt
	w.toServer(to, func() { w.serve(to, o, attempt) })
	w.after(attemptTimeout, func() { w.timeout(o, attempt) })
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
	w.clock(n)
	entry := [1]raft.Entry{{Data: o.command()}}
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

// command returns the operation as a command of the state machine.
func (o *op) command() []byte {
	key := keyName(o.key)
	switch o.kind {
	case opSet:
		return kv.AppendSet(nil, key, valueBytes(o.value), 0)
	case opCAS:
		return kv.AppendCAS(nil, key, valueBytes(o.old), valueBytes(o.value))
	case opIncr:
		return kv.AppendIncr(nil, key)
	default:
		return kv.AppendGet(nil, key)
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
	case r.Kind == kv.ReplyInt && (o.kind == opCAS || o.kind == opIncr):
		return r.Int, true
	default:
		return 0, false
	}
}

// reply sends a server's answer to a client.
func (w *world) reply(n *node, o *op, attempt int, a answer) {
	w.after(50*time.Microsecond+expDuration(w.clients.rng, 100*time.Microsecond), func() { w.answered(n, o, attempt, a) })
}

// answered is the client's part when an answer is there.
func (w *world) answered(n *node, o *op, attempt int, a answer) {
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
	w.clients.busy[o.key]--
	w.cov.Outcomes[result]++
	if w.tracing() {
		w.tracef("client %d: operation %d, %v: %d", o.client, o.id, [...]string{"unknown", "ok", "failed"}[result], o.got)
	}
}

// repeatable reports whether another attempt does no harm although an earlier one may have been executed.
func (o *op) repeatable() bool { return !o.writes() }
