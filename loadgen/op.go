package loadgen

import "time"

// OpKind is what an operation does.
type OpKind uint8

// The kinds.
const (
	Get  OpKind = iota
	Set         // make Value the key's value
	Incr        // count one up, and return the new number
	CAS         // make Value the key's value if Old is
)

// String returns the kind's name in the record files.
func (k OpKind) String() string {
	return [...]string{Get: "get", Set: "set", Incr: "incr", CAS: "cas"}[k]
}

// Writes says that an operation of this kind may change something.
func (k OpKind) Writes() bool { return k != Get }

// Outcome is how an operation ended.
type Outcome uint8

// The outcomes. A timeout is Unknown, and so is a connection that broke while the answer was awaited.
const (
	OK      Outcome = iota // acknowledged
	Failed                 // definitely not applied
	Unknown                // may have been applied, or may be later
	Shed                   // never sent: the in-flight cap was reached
)

// String returns the outcome's name in the record files.
func (o Outcome) String() string {
	return [...]string{OK: "ok", Failed: "failed", Unknown: "unknown", Shed: "shed"}[o]
}

// Op is one logical operation: what was meant, and what became of it. Instants are on the run's clock, nanoseconds
// since its epoch; -1 is never. The generator owns an Op until Submit, the target until it calls done, the recorder
// after that.
type Op struct {
	Seq   uint64 // the operation's number in the run, from 0
	Kind  OpKind
	Key   []byte
	Value []byte // written (Set, CAS), or read (Get; nil when the key does not exist)
	Old   []byte // expected (CAS)

	Number  int64 // what Incr returned
	Swapped bool  // whether CAS found Old, and wrote Value

	Intended   time.Duration // when the schedule wanted it sent
	Dispatched time.Duration // handed to the target; -1 when it was shed
	Sent       time.Duration // first attempt handed to a socket, however long it waited for one; -1: there was none
	Done       time.Duration // outcome known
	Deadline   time.Duration // after which the target gives up: Failed when nothing may have been applied, else Unknown

	Outcome   Outcome
	Attempts  int // tries that were sent
	Redirects int // of these, answered with MOVED
	Err       error
}

// Target executes operations.
type Target interface {
	// Submit starts op and returns at once. done is called exactly once, from any goroutine, with Sent, Done, Outcome,
	// Attempts and Redirects set. Attempts that were definitely not applied are tried again until op.Deadline; one that
	// may have been applied is never tried again and ends Unknown.
	Submit(op *Op, done func(*Op))
	// Close ends all operations under way with their outcome (Failed or Unknown) and releases everything.
	Close() error
}
