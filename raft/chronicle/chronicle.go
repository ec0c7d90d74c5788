package chronicle

import (
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Caps of a Record.
const (
	MessagesMax = 1 << 20
	StepsMax    = 1 << 20
)

// Fate is what became of a message.
type Fate uint8

// The fates. A message that is under way at the end stays so.
const (
	UnderWay Fate = iota
	Received
	Lost
)

// Message is one message on its way from one server to another.
type Message struct {
	From, To raft.NodeID
	Kind     raft.MessageKind
	Term     raft.Term
	Entries  int  // that it carries
	Reject   bool // a reply that says no
	Copy     bool // the network made it of another one
	Sent     time.Duration
	Ended    time.Duration // received or lost
	Fate     Fate
}

// StepKind says what a Step is.
type StepKind uint8

// The kinds of steps.
const (
	StepRole   StepKind = iota // the server is Role in Term
	StepCommit                 // it knows everything up to Index as committed
	StepDown                   // it is gone
	StepUp                     // it started from its disk, as Role in Term
	StepAnswer                 // a client was answered: Text is ok or failed, or unknown when it gave up
	StepNote                   // anything else, in words; of nobody when Node is raft.None
)

// Step is something that happened at one server, or beside them.
type Step struct {
	At    time.Duration
	Kind  StepKind
	Node  raft.NodeID
	Role  raft.Role
	Term  raft.Term
	Index raft.Index
	Text  string
}

// Row names a step of a script. A command is what the script says, anything else what came of it.
type Row struct {
	At      time.Duration
	Text    string
	Command bool
}

// Record is what a Recorder has kept.
type Record struct {
	Messages []Message
	Steps    []Step
	Rows     []Row
	Left     int // messages and steps beyond the caps
	End      time.Duration
}

// Recorder keeps a Record. Its zero value is ready; it is not safe for concurrent use.
type Recorder struct {
	record Record
	now    time.Duration
}

// Record returns what was kept.
func (r *Recorder) Record() Record {
	if r == nil {
		return Record{}
	}
	r.record.End = r.now
	return r.record
}

// At tells the time; an earlier one than before is ignored.
func (r *Recorder) At(now time.Duration) {
	if r != nil {
		r.now = max(r.now, now)
	}
}

// Row begins the next row of a script.
func (r *Recorder) Row(text string, command bool) {
	if r != nil {
		r.now++
		r.record.Rows = append(r.record.Rows, Row{At: r.now, Text: text, Command: command})
	}
}

// Send keeps a message that leaves, and returns its name for Receive, Lose and Copy.
func (r *Recorder) Send(m *raft.Message) int {
	if r == nil {
		return 0
	}
	return r.add(Message{From: m.From, To: m.To, Kind: m.Kind, Term: m.Term, Entries: len(m.Span.Entries),
		Reject: m.Reject})
}

// Copy keeps a copy that the network makes of a message, as one that leaves now.
func (r *Recorder) Copy(id int) int {
	if r == nil || id == 0 {
		return 0
	}
	again := r.record.Messages[id-1]
	again.Copy, again.Fate, again.Ended = true, UnderWay, 0
	return r.add(again)
}

func (r *Recorder) add(m Message) int {
	if len(r.record.Messages) == MessagesMax {
		r.record.Left++
		return 0
	}
	m.Sent = r.now
	r.record.Messages = append(r.record.Messages, m)
	return len(r.record.Messages)
}

// Receive says that a message arrived.
func (r *Recorder) Receive(id int) { r.end(id, Received) }

// Lose says that a message will not arrive.
func (r *Recorder) Lose(id int) { r.end(id, Lost) }

func (r *Recorder) end(id int, fate Fate) {
	if r == nil || id == 0 {
		return
	}
	m := &r.record.Messages[id-1]
	m.Ended, m.Fate = r.now, fate
}

// Role says what a server is from now on.
func (r *Recorder) Role(id raft.NodeID, role raft.Role, term raft.Term) {
	r.step(Step{Kind: StepRole, Node: id, Role: role, Term: term})
}

// Commit says how far a server knows the log as committed.
func (r *Recorder) Commit(id raft.NodeID, upto raft.Index) {
	r.step(Step{Kind: StepCommit, Node: id, Index: upto})
}

// Down says that a server is gone.
func (r *Recorder) Down(id raft.NodeID) { r.step(Step{Kind: StepDown, Node: id}) }

// Up says that a server has started.
func (r *Recorder) Up(id raft.NodeID, role raft.Role, term raft.Term) {
	r.step(Step{Kind: StepUp, Node: id, Role: role, Term: term})
}

// Answer says what a client was told.
func (r *Recorder) Answer(outcome string) { r.step(Step{Kind: StepAnswer, Text: outcome}) }

// Note says anything else.
func (r *Recorder) Note(id raft.NodeID, text string) {
	r.step(Step{Kind: StepNote, Node: id, Text: text})
}

func (r *Recorder) step(s Step) {
	if r == nil {
		return
	}
	if len(r.record.Steps) == StepsMax {
		r.record.Left++
		return
	}
	s.At = r.now
	r.record.Steps = append(r.record.Steps, s)
}
