package kv

import (
	"container/list"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// The first words of the Error replies to a session's command.
const (
	// SessionExpired: the session is unknown. It has ended, or never was. What became of the commands under
	// way is not known any more, so they must not be sent again as if they were new.
	SessionExpired = "SESSIONEXPIRED"
	// SessionStale: the sequence number is below what the client acknowledged. Nothing was executed now.
	SessionStale = "SESSIONSTALE"
	// SessionFull: too many replies are not acknowledged. The command was not executed; it may be sent
	// again with the same number once some are.
	SessionFull = "SESSIONFULL"
	// SessionReplyLost: the command was executed, once, earlier, but its reply was too large to keep.
	SessionReplyLost = "SESSIONREPLYLOST"
)

// session is what the machine knows of a client (thesis §6.3). All of it is in records too, see the package
// comment.
type session struct {
	id     uint64 // the index of the entry that opened it
	active uint64 // the index of its last entry
	ack    uint64 // Invariant: ack <= seq of each reply.
	// replies are the kept ones, by seq. Invariant: len(replies) <= SessionRepliesMax.
	replies []sessionReply
	bytes   int // of the replies
	place   *list.Element
}

// sessionReply is the reply to the command seq, or nil when it was too large to keep.
type sessionReply struct {
	seq   uint64
	reply []byte
}

// sessionTable holds the sessions.
type sessionTable struct {
	byID  map[uint64]*session
	order *list.List // of *session, the least recently active first
	bytes int        // of the replies of all
}

func newSessionTable() *sessionTable {
	return &sessionTable{byID: map[uint64]*session{}, order: list.New()}
}

func sessionKey(id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixSession}, id)
}

func replyKey(id, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{prefixReply}, id), seq)
}

func (s *session) record() []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, s.active), s.ack)
}

// open opens the session id and ends the least recently active one when there are too many.
func (t *sessionTable) open(id uint64, st state) error {
	if len(t.byID) >= SessionsMax {
		if err := t.end(t.order.Front().Value.(*session), st); err != nil {
			return err
		}
	}
	s := &session{id: id, active: id}
	t.add(s)
	return st.setRecord(sessionKey(id), s.record())
}

// add adds s as the one that was active last.
func (t *sessionTable) add(s *session) {
	t.byID[s.id], s.place = s, t.order.PushBack(s)
}

func (t *sessionTable) end(s *session, st state) error {
	if err := t.forget(s, len(s.replies), st); err != nil {
		return err
	}
	t.order.Remove(s.place)
	delete(t.byID, s.id)
	return st.delRecord(sessionKey(s.id))
}

// forget drops the first n replies of s.
func (t *sessionTable) forget(s *session, n int, st state) error {
	for _, r := range s.replies[:n] {
		s.bytes -= len(r.reply)
		t.bytes -= len(r.reply)
		if err := st.delRecord(replyKey(s.id, r.seq)); err != nil {
			return err
		}
	}
	s.replies = slices.Delete(s.replies, 0, n)
	return nil
}

// touch notes that the entry at index is of s, and acknowledges ack.
func (t *sessionTable) touch(s *session, index raft.Index, ack uint64, st state) error {
	s.active, s.ack = uint64(index), max(s.ack, ack)
	t.order.MoveToBack(s.place)
	n, _ := s.find(s.ack)
	if err := t.forget(s, n, st); err != nil {
		return err
	}
	return st.setRecord(sessionKey(s.id), s.record())
}

// find returns where the reply to seq is among the kept ones, or would be.
func (s *session) find(seq uint64) (at int, found bool) {
	return slices.BinarySearchFunc(s.replies, seq, func(r sessionReply, seq uint64) int {
		switch {
		case r.seq < seq:
			return -1
		case r.seq > seq:
			return 1
		}
		return 0
	})
}

// keep keeps a copy of reply as the reply to seq, or only that there was one when it is too large.
func (t *sessionTable) keep(s *session, seq uint64, reply []byte, st state) error {
	r := sessionReply{seq: seq, reply: slices.Clone(reply)}
	if s.bytes+len(reply) > SessionReplyBytesMax || t.bytes+len(reply) > SessionsBytesMax {
		r.reply = nil
	}
	t.insert(s, r)
	return st.setRecord(replyKey(s.id, seq), r.reply)
}

// insert adds r, whose seq has no reply, to those of s.
func (t *sessionTable) insert(s *session, r sessionReply) {
	at, _ := s.find(r.seq)
	s.replies = slices.Insert(s.replies, at, r)
	s.bytes += len(r.reply)
	t.bytes += len(r.reply)
}

// executeInSession executes c, the command of a session, unless it has been, and appends the one reply to it.
func (x *executor) executeInSession(index raft.Index, c *Command) error {
	// Until it is, the command is none, of whose reply [executor.share] knows nothing.
	op := c.Op
	c.Op = OpSession
	t := x.sessions
	s := t.byID[c.Session]
	if s == nil {
		x.refuse(SessionExpired, "session "+strconv.FormatUint(c.Session, 10)+" is unknown or has ended")
		return nil
	}
	if err := t.touch(s, index, c.Ack, x.state); err != nil {
		return err
	}
	at, found := s.find(c.Seq)
	switch {
	case c.Seq < s.ack:
		x.refuse(SessionStale, fmt.Sprintf("sequence %d is below the acknowledged %d", c.Seq, s.ack))
		return nil
	case found && s.replies[at].reply == nil:
		x.refuse(SessionReplyLost, "the command was executed, its reply was too large to keep")
		return nil
	case found:
		x.replies = append(x.replies, s.replies[at].reply...)
		return nil
	case readOnly(op):
		// Executing it again is harmless, and its reply may be large: nothing is kept.
		if x.silent {
			return nil
		}
		c.Op = op
		return x.executeCommand(c)
	case len(s.replies) >= SessionRepliesMax:
		x.refuse(SessionFull, strconv.Itoa(SessionRepliesMax)+" replies are not acknowledged")
		return nil
	}
	c.Op = op
	from := len(x.replies)
	if err := x.executeCommand(c); err != nil {
		return err
	}
	return t.keep(s, c.Seq, x.replies[from:], x.state)
}

// refuse replies with an Error of which nothing is read but the first word.
func (x *executor) refuse(word, text string) { x.replies = appendError(x.replies, word+" "+text) }

// sessionLoader makes a table from its records, which come in the order of their keys.
type sessionLoader struct {
	table *sessionTable
	// sessions are in the order of their ids.
	sessions []*session
	index    raft.Index // the one applied last
}

func corruptRecord(key []byte, what string) error {
	return fmt.Errorf("session record %x: %s: %w", key, what, storage.ErrCorrupt)
}

func newSessionLoader(index raft.Index) *sessionLoader {
	return &sessionLoader{table: newSessionTable(), index: index}
}

// add takes a record. It keeps neither key nor value.
func (l *sessionLoader) add(key, value []byte) error {
	switch {
	case key[0] == prefixSession && len(key) == 1+8:
		return l.addSession(key, value)
	case key[0] == prefixReply && len(key) == 1+16:
		return l.addReply(key, value)
	}
	return corruptRecord(key, "no such key")
}

func (l *sessionLoader) addSession(key, value []byte) error {
	s := &session{id: binary.BigEndian.Uint64(key[1:])}
	d := decoder{rest: value}
	s.active, s.ack = d.uvarint("active"), d.uvarint("acknowledgement")
	if d.err != nil || len(d.rest) > 0 {
		return corruptRecord(key, "malformed value")
	}
	if s.id == 0 || s.id > s.active || s.active > uint64(l.index) {
		return corruptRecord(key, "impossible index")
	}
	if len(l.sessions) == SessionsMax {
		return corruptRecord(key, "too many sessions")
	}
	l.sessions = append(l.sessions, s)
	return nil
}

func (l *sessionLoader) addReply(key, value []byte) error {
	id, seq := binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint64(key[9:])
	at, found := slices.BinarySearchFunc(l.sessions, id, func(s *session, id uint64) int {
		switch {
		case s.id < id:
			return -1
		case s.id > id:
			return 1
		}
		return 0
	})
	if !found {
		return corruptRecord(key, "no such session")
	}
	s, r := l.sessions[at], sessionReply{seq: seq}
	if len(value) > 0 {
		if _, err := DecodeReply(value); err != nil {
			return corruptRecord(key, err.Error())
		}
		r.reply = slices.Clone(value)
	}
	if seq < s.ack || len(s.replies) == SessionRepliesMax || s.bytes+len(r.reply) > SessionReplyBytesMax ||
		l.table.bytes+len(r.reply) > SessionsBytesMax {
		return corruptRecord(key, "a reply that would not have been kept")
	}
	l.table.insert(s, r)
	return nil
}

// finish returns the table.
func (l *sessionLoader) finish() (*sessionTable, error) {
	slices.SortFunc(l.sessions, func(a, b *session) int {
		if a.active < b.active {
			return -1
		}
		return 1
	})
	for i, s := range l.sessions {
		if i > 0 && s.active == l.sessions[i-1].active {
			return nil, corruptRecord(sessionKey(s.id), "two sessions active at one index")
		}
		l.table.add(s)
	}
	return l.table, nil
}
