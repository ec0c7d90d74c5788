package kv

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
)

func isError(r Reply, word string) bool {
	return r.Kind == ReplyError && strings.HasPrefix(r.Text, word+" ")
}

// brief returns the beginning of what r is.
func brief(r Reply) string {
	return fmt.Sprintf("%v %d %.40q %.40q %d", r.Kind, r.Int, r.Bulk, r.Text, len(r.Array))
}

// TestSessionAppliesOnce is thesis §6.3 in one session.
func TestSessionAppliesOnce(t *testing.T) {
	n, k := []byte("n"), []byte("k")
	incr := AppendIncr(nil, n)
	large := AppendSet(nil, k, make([]byte, SessionReplyBytesMax), FlagGet)
	for _, kind := range machines {
		m := newMachine(t, kind)
		got := mustApply(t, m, nil, AppendOpenSession(nil))
		if !reflect.DeepEqual(got[1], number(2)) {
			t.Fatalf("%s: OpenSession at index 2 = %+v, want its index", kind, got[1])
		}
		steps := []struct {
			command []byte
			want    Reply
			word    string
		}{
			{command: AppendSession(nil, 2, 1, 1, incr), want: number(1)},
			{command: AppendSession(nil, 2, 1, 1, incr), want: number(1)},
			{command: AppendSession(nil, 2, 3, 1, incr), want: number(2)},
			{command: AppendSession(nil, 2, 2, 1, incr), want: number(3)},
			{command: AppendSession(nil, 2, 3, 1, incr), want: number(2)},
			{command: AppendSession(nil, 2, 1, 0, incr), want: number(1)},
			{command: AppendSession(nil, 2, 4, 3, AppendGet(nil, n)), want: bulk("3")},
			{command: AppendSession(nil, 2, 2, 2, incr), word: SessionStale},
			{command: AppendSession(nil, 2, 3, 1, incr), want: number(2)},
			{command: AppendSession(nil, 1, 9, 1, incr), word: SessionExpired},
			{command: AppendSession(nil, 2, 5, 3, AppendIncr(nil, k)), want: number(1)},
			{command: AppendSession(nil, 2, 6, 3, large), want: bulk("1")},
			{command: AppendSession(nil, 2, 7, 3, AppendSet(nil, k, []byte("small"), FlagGet)),
				want: bulk(string(make([]byte, SessionReplyBytesMax)))},
			{command: AppendSession(nil, 2, 7, 3, large), word: SessionReplyLost},
			{command: AppendSession(nil, 2, 6, 3, large), want: bulk("1")},
			{command: AppendGet(nil, k), want: bulk("small")},
			{command: AppendSession(nil, 2, 8, 3, AppendIncr(nil, k)),
				want: failed("ERR value is not an integer or out of range")},
			{command: AppendSet(nil, k, []byte("5"), 0), want: ok},
			{command: AppendSession(nil, 2, 8, 3, AppendIncr(nil, k)),
				want: failed("ERR value is not an integer or out of range")},
			{command: AppendSession(nil, 2, 9, 3, []byte("rubbish")),
				want: failed("ERR malformed command: version 114, want 1")},
			{command: AppendGet(nil, n), want: bulk("3")},
		}
		for i, s := range steps {
			got := mustApply(t, m, s.command)[0]
			if s.word != "" && !isError(got, s.word) || s.word == "" && !reflect.DeepEqual(got, s.want) {
				t.Errorf("%s: step %d: %s, want %s %s", kind, i, brief(got), brief(s.want), s.word)
			}
		}
	}
}

// TestSessionFull: a session keeps only so many replies, and what comes above them is not executed until
// some are acknowledged.
func TestSessionFull(t *testing.T) {
	m := NewMem()
	mustApply(t, m, AppendOpenSession(nil))
	incr := AppendIncr(nil, []byte("n"))
	for seq := range uint64(SessionRepliesMax) {
		mustApply(t, m, AppendSession(nil, 1, seq, 0, incr))
	}
	got := mustApply(t, m, AppendSession(nil, 1, SessionRepliesMax, 0, incr),
		AppendSession(nil, 1, SessionRepliesMax, 1, incr), AppendSession(nil, 1, SessionRepliesMax, 0, incr))
	if !isError(got[0], SessionFull) {
		t.Errorf("one more = %+v, want %s", got[0], SessionFull)
	}
	for _, r := range got[1:] {
		if !reflect.DeepEqual(r, number(SessionRepliesMax+1)) {
			t.Errorf("after an acknowledgement: %+v, want %d", r, SessionRepliesMax+1)
		}
	}
}

// TestSessionsTogetherKeepSoMuch fills what the replies of all sessions may take.
func TestSessionsTogetherKeepSoMuch(t *testing.T) {
	m := NewMem()
	mustApply(t, m, AppendOpenSession(nil))
	m.execute.sessions.bytes = SessionsBytesMax - 1
	command := AppendSession(nil, 1, 1, 0, AppendIncr(nil, []byte("n")))
	got := mustApply(t, m, command, command, AppendGet(nil, []byte("n")))
	if got[0].Int != 1 || !isError(got[1], SessionReplyLost) || string(got[2].Bulk) != "1" {
		t.Errorf("replies %+v", got)
	}
}

// TestKeptReplyIsNoValue gives a repeated number to a command that reads: the kept reply answers it, and must not be
// taken for the value of its key.
func TestKeptReplyIsNoValue(t *testing.T) {
	k, old := []byte("k"), make([]byte, 2*sharedBytesMin)
	for _, kind := range machines {
		got := mustApply(t, newMachine(t, kind), AppendOpenSession(nil), AppendSet(nil, k, old, 0),
			AppendSession(nil, 1, 1, 0, AppendSet(nil, k, []byte("new"), FlagGet)),
			AppendSession(nil, 1, 1, 0, AppendGet(nil, k)), AppendGet(nil, k))
		if len(got[3].Bulk) != len(old) || string(got[4].Bulk) != "new" {
			t.Errorf("%s: %s, then %s", kind, brief(got[3]), brief(got[4]))
		}
	}
}

// TestLeastRecentlyActiveSessionEnds opens one session too many, and nothing of the one that ends is left.
func TestLeastRecentlyActiveSessionEnds(t *testing.T) {
	for _, kind := range machines {
		m := newMachine(t, kind)
		commands := make([][]byte, SessionsMax)
		for i := range commands {
			commands[i] = AppendOpenSession(nil)
		}
		mustApply(t, m, commands...)
		set := AppendSet(nil, []byte("k"), nil, 0)
		got := mustApply(t, m, AppendSession(nil, 2, 1, 1, set), AppendSession(nil, 1, 1, 1, set),
			AppendOpenSession(nil), AppendOpenSession(nil),
			AppendSession(nil, 3, 1, 1, set), AppendSession(nil, 4, 1, 1, set), AppendSession(nil, 1, 1, 1, set))
		for i, want := range []bool{false, false, false, false, true, true, false} {
			if isError(got[i], SessionExpired) != want {
				t.Errorf("%s: command %d: %+v, want it to have ended: %v", kind, i, got[i], want)
			}
		}
		records := 0
		dump := m.(interface {
			records(func(key, value []byte) error) (raft.Index, error)
		}).records
		if _, err := dump(func(key, _ []byte) error {
			if key[0] != prefixData {
				records++
			}
			return nil
		}); err != nil || records != SessionsMax+2 {
			t.Errorf("%s: %d records of sessions, %v, want %d", kind, records, err, SessionsMax+2)
		}
	}
}

// sessionModel is a second version of sessions, as simple as can be.
type sessionModel struct {
	data     *Mem // has no sessions
	index    uint64
	sessions []*modelSession
}

type modelSession struct {
	id, active, ack uint64
	replies         map[uint64]Reply
}

// apply returns what the reply to command must be, and for an Error its first word.
func (m *sessionModel) apply(t *testing.T, command []byte) (want Reply, word string) {
	m.index++
	var c Command
	if len(command) == 0 || c.Decode(command) != nil || c.Session == 0 && c.Op != OpOpenSession {
		return mustApply(t, m.data, command)[0], ""
	}
	if c.Op == OpOpenSession {
		if len(m.sessions) == SessionsMax {
			oldest := slices.MinFunc(m.sessions, func(a, b *modelSession) int { return int(a.active) - int(b.active) })
			m.sessions = slices.DeleteFunc(m.sessions, func(s *modelSession) bool { return s == oldest })
		}
		m.sessions = append(m.sessions, &modelSession{id: m.index, active: m.index, replies: map[uint64]Reply{}})
		return number(int64(m.index)), ""
	}
	at := slices.IndexFunc(m.sessions, func(s *modelSession) bool { return s.id == c.Session })
	if at < 0 {
		return Reply{}, SessionExpired
	}
	s := m.sessions[at]
	s.active, s.ack = m.index, max(s.ack, c.Ack)
	for seq := range s.replies {
		if seq < s.ack {
			delete(s.replies, seq)
		}
	}
	if c.Seq < s.ack {
		return Reply{}, SessionStale
	}
	if r, found := s.replies[c.Seq]; found {
		return r, ""
	}
	reads := c.Op == OpGet || c.Op == OpMGet || c.Op == OpExists
	if !reads && len(s.replies) == SessionRepliesMax {
		return Reply{}, SessionFull
	}
	c.Session = 0
	r := mustApply(t, m.data, AppendCommand(nil, c))[0]
	if !reads {
		s.replies[c.Seq] = r
	}
	return r, ""
}

// client draws the commands of one session: new ones, repeated ones, and in any order.
type client struct {
	id, next, ack uint64
	commands      map[uint64][]byte
}

func (c *client) draw(rng *rand.Rand) []byte {
	seq := c.next
	switch rng.IntN(4) {
	case 0: // again
		if c.next > 0 {
			seq = c.next - 1 - min(rng.Uint64N(6), c.next-1)
		}
	case 1: // out of order
		seq += rng.Uint64N(3)
	}
	c.next = max(c.next, seq+1)
	if c.commands[seq] == nil {
		for c.commands[seq] == nil {
			c.commands[seq] = randomCommand(rng)
		}
	}
	if rng.IntN(3) == 0 {
		c.ack = max(c.ack, min(seq, c.next-min(c.next, 4)))
	}
	return AppendSession(nil, c.id, seq, min(c.ack, seq), c.commands[seq])
}

// exactlyOnce applies random sessions' commands to a machine on Pebble and one in memory, over crashes and
// restores of their states, each from a stream that passes through carry, and returns how they first differ
// from the model.
func exactlyOnce(t *testing.T, rng *rand.Rand, rounds int, carry func([]byte) []byte) error {
	fs := vfs.NewCrashableMem()
	onDisk, inMemory := openMem(t, fs), NewMem()
	model, clients := &sessionModel{data: NewMem()}, []*client{}
	var log [][]byte
	for round := range rounds {
		var commands [][]byte
		for range 1 + rng.IntN(12) {
			switch n := rng.IntN(12); {
			case n == 0:
				clients = append(clients, &client{id: uint64(len(log) + len(commands) + 1), commands: map[uint64][]byte{}})
				commands = append(commands, AppendOpenSession(nil))
			case n > 2 && len(clients) > 0:
				commands = append(commands, clients[rng.IntN(len(clients))].draw(rng))
			default:
				commands = append(commands, randomCommand(rng))
			}
		}
		log = append(log, commands...)
		got, mem := mustApply(t, onDisk, commands...), []Reply{}
		for _, c := range commands {
			mem = append(mem, mustApply(t, inMemory, c)...)
		}
		for i, c := range commands {
			want, word := model.apply(t, c)
			for _, r := range []Reply{got[i], mem[i]} {
				if word != "" && !isError(r, word) || word == "" && !reflect.DeepEqual(r, want) {
					return fmt.Errorf("round %d: reply to %x: %s, want %s %s", round, c, brief(r), brief(want), word)
				}
			}
		}
		switch rng.IntN(12) {
		case 0: // The state in memory comes from the disk.
			inMemory = NewMem()
			mustApply(t, inMemory, log[:rng.IntN(len(log))]...)
			if err := inMemory.Restore(raft.Index(len(log)), bytes.NewReader(carry(streamOf(t, onDisk)))); err != nil {
				return err
			}
		case 1: // The state on the disk, an older one, comes from memory.
			fs = vfs.NewCrashableMem()
			onDisk = openMem(t, fs)
			mustApply(t, onDisk, log[:rng.IntN(len(log))]...)
			if err := onDisk.Restore(raft.Index(len(log)), bytes.NewReader(carry(streamOf(t, inMemory)))); err != nil {
				return err
			}
		case 2:
			persist(t, onDisk)
		case 3:
			fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			_ = onDisk.Close()
			onDisk = openMem(t, fs)
			applied, err := onDisk.Applied()
			if err != nil {
				return err
			}
			if rest := log[applied:]; len(rest) > 0 {
				if err := onDisk.Apply(spanOf(applied, rest...), nil); err != nil { // as a follower
					return err
				}
			}
		}
		if err := agree(onDisk, inMemory); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return agree(onDisk, inMemory)
}

func agree(a, b machine) error {
	ai, ah, aerr := a.Hash()
	bi, bh, berr := b.Hash()
	if err := errors.Join(aerr, berr); err != nil {
		return err
	}
	if ai != bi || ah != bh {
		return fmt.Errorf("%T has hash %v at %d, %T %v at %d", a, ah, ai, b, bh, bi)
	}
	return nil
}

// TestExactlyOnce is invariant I16: a command that is repeated is applied once, also over restores and crashes.
func TestExactlyOnce(t *testing.T) {
	for seed := range uint64(4) {
		err := exactlyOnce(t, rand.New(rand.NewPCG(seed, 33)), 250, func(stream []byte) []byte { return stream })
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestExactlyOnceFindsALostSessionTable is the mutant M33: a snapshot without the sessions. The test above
// finds it.
func TestExactlyOnceFindsALostSessionTable(t *testing.T) {
	for seed := range uint64(4) {
		err := exactlyOnce(t, rand.New(rand.NewPCG(seed, 33)), 250, func(stream []byte) []byte {
			return filterStream(t, stream, func(key []byte) bool { return key[0] == prefixData })
		})
		if err == nil {
			t.Errorf("seed %d: snapshots without sessions make no difference", seed)
		}
	}
}

// TestSessionsOfFollowersAreTheSame applies sessions' commands without results, as followers do, in spans
// of other lengths.
func TestSessionsOfFollowersAreTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	leader, followers := NewMem(), []machine{NewMem(), openMem(t, vfs.NewMem())}
	c := &client{id: 1, commands: map[uint64][]byte{}}
	mustApply(t, leader, AppendOpenSession(nil))
	log := [][]byte{AppendOpenSession(nil)}
	for range 1500 {
		log = append(log, c.draw(rng))
		mustApply(t, leader, log[len(log)-1])
	}
	for _, m := range followers {
		for at := 0; at < len(log); {
			n := 1 + rng.IntN(min(40, len(log)-at))
			if err := m.Apply(spanOf(raft.Index(at), log[at:at+n]...), nil); err != nil {
				t.Fatal(err)
			}
			at += n
		}
		sameHash(t, leader, m)
	}
}
