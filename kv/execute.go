package kv

import (
	"bytes"
	"math"
	"strconv"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// state is the map that commands read and change. An error of it means that the machine is broken.
type state interface {
	// get returns the value of key, valid until the next call.
	get(key []byte) (value []byte, found bool, err error)
	set(key, value []byte) error
	del(key []byte) error
	// setRecord and delRecord change the records of the session table, which are not keys of clients.
	setRecord(key, value []byte) error
	delRecord(key []byte) error
}

// executor turns entries into changes of a state and replies. Its buffers are reused.
type executor struct {
	state    state
	sessions *sessionTable
	command  Command
	// replies takes the replies of one span. Its contents are given away, so it is made anew for each.
	replies []byte
	// repliesBytes is how long the replies of the last span were, a guess for the next.
	repliesBytes int
	// shared holds the large replies to Gets since the last command that may have changed something.
	shared map[string][]byte
	// silent says that nobody waits for the replies.
	silent bool
}

// checkResults asserts that there is room for one result an entry, or for none.
func checkResults(span raft.Span, results [][]byte) {
	invariant.Check(results == nil || len(results) == len(span.Entries),
		"%d results for %d entries", len(results), len(span.Entries))
}

// replyBytesGuess is room for the reply of a command that reads nothing.
const replyBytesGuess = 4

// run executes the entries of span in order; results[i] takes the reply to entry i. Without results there
// are no replies.
func (x *executor) run(span raft.Span, results [][]byte) error {
	if results == nil {
		return x.runSilently(span)
	}
	x.replies = make([]byte, 0, min(max(replyBytesGuess*len(span.Entries), x.repliesBytes), repliesChunkBytes))
	total := 0
	for i := range span.Entries {
		results[i] = nil
		if span.Entries[i].Kind != raft.EntryCommand {
			continue
		}
		from := len(x.replies)
		if err := x.execute(span.Prev.Index+1+raft.Index(i), span.Entries[i].Data); err != nil {
			return err
		}
		total += len(x.replies) - from
		results[i] = x.share(x.replies[from:len(x.replies):len(x.replies)])
		if len(x.replies) > repliesChunkBytes {
			// Growing further would copy what is already given away.
			x.replies = make([]byte, 0, repliesChunkBytes)
		}
	}
	x.replies, x.repliesBytes = nil, total
	clear(x.shared)
	return nil
}

// share returns the reply to the command executed last: an earlier one when it is the same large value read
// again, so that many small Gets of it do not become as many copies.
func (x *executor) share(reply []byte) []byte {
	switch x.command.Op {
	case OpGet:
	case OpMGet, OpExists:
		return reply
	default:
		clear(x.shared)
		return reply
	}
	if len(reply) == 0 { // lookup found it
		return x.shared[string(x.command.Key)]
	}
	if len(reply) > sharedBytesMin {
		if x.shared == nil {
			x.shared = map[string][]byte{}
		}
		x.shared[string(x.command.Key)] = reply
	}
	return reply
}

// sharedBytesMin is the reply above which keeping it to share costs less than another copy.
const sharedBytesMin = 4 << 10

const repliesChunkBytes = 64 << 10

// runSilently executes the entries of span when nobody waits for a reply. What only reads has no effect and
// is left out; the others' replies are small and written over.
func (x *executor) runSilently(span raft.Span) error {
	x.silent = true
	defer func() { x.silent, x.replies = false, nil }()
	scratch := make([]byte, 0, silentReplyBytes)
	for i := range span.Entries {
		if span.Entries[i].Kind != raft.EntryCommand {
			continue
		}
		x.replies = scratch
		if err := x.execute(span.Prev.Index+1+raft.Index(i), span.Entries[i].Data); err != nil {
			return err
		}
	}
	return nil
}

// silentReplyBytes is room for the reply of any command that reads no value, errors included.
const silentReplyBytes = 256

// execute executes the command of the entry at index and appends its reply.
func (x *executor) execute(index raft.Index, data []byte) error {
	c := &x.command
	if err := c.Decode(data); err != nil {
		x.replies = appendError(x.replies, "ERR "+err.Error())
		return nil
	}
	if c.Session != 0 {
		return x.executeInSession(index, c)
	}
	if x.silent {
		if readOnly(c.Op) {
			return nil
		}
		c.Flags &^= FlagGet // it decides about the reply only
	}
	if c.Op == OpOpenSession {
		x.replies = appendInt(x.replies, int64(index))
		return x.sessions.open(uint64(index), x.state)
	}
	return x.executeCommand(c)
}

// executeCommand executes a command of no session.
func (x *executor) executeCommand(c *Command) error {
	switch c.Op {
	case OpGet:
		if len(x.shared) > 0 && x.shared[string(c.Key)] != nil {
			return nil // share knows it
		}
		return x.lookup(c.Key)
	case OpSet:
		return x.set(c)
	case OpDel, OpExists:
		return x.count(c)
	case OpIncr:
		return x.incr(c.Key)
	case OpMGet:
		return x.multiGet(c)
	case OpCAS:
		return x.compareAndSet(c)
	case OpOpenSession, OpSession:
	}
	return nil
}

// lookup replies with the value of key.
func (x *executor) lookup(key []byte) error {
	value, found, err := x.state.get(key)
	if err != nil {
		return err
	}
	if found {
		x.replies = appendBulk(x.replies, value)
	} else {
		x.replies = appendNil(x.replies)
	}
	return nil
}

func (x *executor) set(c *Command) error {
	if c.Flags == 0 {
		x.replies = appendOK(x.replies)
		return x.state.set(c.Key, c.Value)
	}
	old, found, err := x.state.get(c.Key)
	if err != nil {
		return err
	}
	allowed := !(c.Flags&FlagNX != 0 && found) && !(c.Flags&FlagXX != 0 && !found)
	switch {
	case c.Flags&FlagGet != 0 && found:
		x.replies = appendBulk(x.replies, old)
	case c.Flags&FlagGet != 0 || !allowed:
		x.replies = appendNil(x.replies)
	default:
		x.replies = appendOK(x.replies)
	}
	if !allowed {
		return nil
	}
	return x.state.set(c.Key, c.Value)
}

// count counts the keys that are there, and removes them for Del.
func (x *executor) count(c *Command) error {
	n := int64(0)
	for _, key := range c.Keys {
		_, found, err := x.state.get(key)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		n++
		if c.Op == OpDel {
			if err := x.state.del(key); err != nil {
				return err
			}
		}
	}
	x.replies = appendInt(x.replies, n)
	return nil
}

func (x *executor) incr(key []byte) error {
	value, found, err := x.state.get(key)
	if err != nil {
		return err
	}
	n := int64(0)
	if found {
		n, err = strconv.ParseInt(string(value), 10, 64)
		// One form a number: "+1" and "01" are no numbers, as in Redis.
		if err != nil || strconv.FormatInt(n, 10) != string(value) {
			x.replies = appendError(x.replies, "ERR value is not an integer or out of range")
			return nil
		}
	}
	if n == math.MaxInt64 {
		x.replies = appendError(x.replies, "ERR increment or decrement would overflow")
		return nil
	}
	x.replies = appendInt(x.replies, n+1)
	return x.state.set(key, strconv.AppendInt(nil, n+1, 10))
}

func (x *executor) multiGet(c *Command) error {
	from := len(x.replies)
	x.replies = appendArray(x.replies, len(c.Keys))
	for _, key := range c.Keys {
		if err := x.lookup(key); err != nil {
			return err
		}
		if len(x.replies)-from > ReplyBytesMax {
			x.replies = appendError(x.replies[:from], "ERR reply exceeds "+strconv.Itoa(ReplyBytesMax)+" bytes")
			return nil
		}
	}
	return nil
}

func (x *executor) compareAndSet(c *Command) error {
	value, found, err := x.state.get(c.Key)
	if err != nil {
		return err
	}
	if !found || !bytes.Equal(value, c.Old) {
		x.replies = appendInt(x.replies, 0)
		return nil
	}
	x.replies = appendInt(x.replies, 1)
	return x.state.set(c.Key, c.Value)
}
