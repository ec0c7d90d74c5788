package kv

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/sweep"
)

// courseLength is how many commands there are.
const courseLength = 400

// course is a log of commands, and what a machine is after each of them. It is not written to once it was made.
type course struct {
	commands [][]byte
	hashes   []Hash         // by index
	streams  map[int][]byte // by index, of every tenth
}

// newCourse runs the commands on a machine in memory.
func newCourse(t *testing.T) *course {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 12))
	c := &course{hashes: make([]Hash, 1, courseLength+1), streams: map[int][]byte{}}
	m := NewMem()
	_, c.hashes[0], _ = m.Hash()
	sessions := []uint64{}
	for index := 1; index <= courseLength; index++ {
		command := randomCommand(rng)
		switch n := rng.IntN(20); {
		case n < 8:
			command = AppendSet(nil, fmt.Appendf(nil, "key%d", rng.IntN(60)),
				bytes.Repeat([]byte{byte(index)}, rng.IntN(1000)), 0)
		case n == 8: // some fill the engine's memory
			command = AppendSet(nil, fmt.Appendf(nil, "key%d", rng.IntN(6)),
				bytes.Repeat([]byte{byte(index)}, 20<<10+rng.IntN(40<<10)), 0)
		case n == 9 && len(sessions) < 5:
			command = AppendOpenSession(nil)
			sessions = append(sessions, uint64(index))
		case n < 14 && len(sessions) > 0:
			command = AppendSession(nil, sessions[rng.IntN(len(sessions))], uint64(1+rng.IntN(30)), 0,
				AppendIncr(nil, []byte("counter")))
		}
		c.commands = append(c.commands, command)
		if err := m.Apply(spanOf(raft.Index(index-1), command), nil); err != nil {
			t.Fatal(err)
		}
		_, h, err := m.Hash()
		if err != nil {
			t.Fatal(err)
		}
		c.hashes = append(c.hashes, h)
		if index%10 == 0 {
			c.streams[index] = streamed(t, m)
		}
	}
	return c
}

func streamed(t *testing.T, m machine) []byte {
	t.Helper()
	v, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := v.Stream(func(p []byte) error { out.Write(p); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// find returns the index that m is at, which is one of possible, and sees that its state is that of the course.
func (c *course) find(m machine, possible []raft.Index) (raft.Index, error) {
	at, err := m.Applied()
	if err != nil {
		return 0, err
	}
	if !slices.Contains(possible, at) {
		return 0, sweep.Violation("the machine is at %d; %d is durable, and %d later states are possible, up to %d",
			at, possible[0], len(possible)-1, possible[len(possible)-1])
	}
	return at, c.check(m, at)
}

// check returns how m differs from the course at index, or nil.
func (c *course) check(m machine, index raft.Index) error {
	at, hash, err := m.Hash()
	if err != nil {
		return err
	}
	if at != index || hash != c.hashes[index] {
		return sweep.Violation("at %d the machine has hash %v, says that it is at %d; want %v",
			index, hash, at, c.hashes[index])
	}
	return nil
}

// sweepMachine returns machines on the course as the subject of sweeps; a life has so many steps. A machine that
// persists when it closes says so.
func sweepMachine(
	c *course, steps int, closePersists bool, open func(vfs.FS) (machine, error),
) *sweep.Subject[raft.Index] {
	return &sweep.Subject[raft.Index]{
		Live: func(fs vfs.FS, ledger *sweep.Ledger[raft.Index], rng *rand.Rand) error {
			life := &machineLife{
				course: c, open: func() (machine, error) { return open(fs) }, closePersists: closePersists,
				ledger: ledger, rng: rng,
			}
			return life.live(steps)
		},
		Check: func(fs vfs.FS, possible []raft.Index) error {
			m, err := open(fs)
			if err != nil {
				return fmt.Errorf("open: %w", err)
			}
			at, err := c.find(m, possible)
			if upto := min(at+3, courseLength); err == nil && at < upto { // the log's next commands lead where they did
				if err = m.Apply(spanOf(at, c.commands[at:upto]...), nil); err == nil {
					err = c.check(m, upto)
				}
			}
			if closeErr := m.Close(); err == nil {
				err = closeErr
			}
			return err
		},
	}
}

func openSweptPebble(fs vfs.FS) (machine, error) {
	m, err := OpenPebble(Options{Dir: "/node/kv", MemTableBytes: MemTableBytesMin, CacheBytes: CacheBytesMin, FS: fs})
	if err != nil {
		return nil, err // and no nil pointer in an interface
	}
	return m, nil
}

func openSweptMem(fs vfs.FS) (machine, error) {
	m, err := OpenMem(MemOptions{Dir: "/node/kv", FS: fs})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// machineLife is one life of a machine.
type machineLife struct {
	course        *course
	open          func() (machine, error)
	closePersists bool
	ledger        *sweep.Ledger[raft.Index]
	rng           *rand.Rand

	machine machine
	at      raft.Index
	number  int // of the state that it is in, in the ledger
}

func (l *machineLife) live(steps int) error {
	if err := l.start(); err != nil {
		return err
	}
	for i := 0; i < steps && l.at < courseLength; i++ {
		if err := l.step(); err != nil {
			return l.stopped(err)
		}
	}
	if err := l.stop(); err != nil {
		return l.stopped(err)
	}
	return nil
}

func (l *machineLife) start() error {
	m, err := l.open()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	at, err := l.course.find(m, l.ledger.Possible())
	if err != nil {
		_ = m.Close()
		return err
	}
	l.machine, l.at, l.number = m, at, -1
	l.ledger.Settle(at)
	return nil
}

func (l *machineLife) stop() error {
	m := l.machine
	l.machine = nil
	if err := m.Close(); err != nil {
		return err
	}
	if l.closePersists {
		l.done(l.number)
	}
	return nil
}

// done acknowledges the state of that number, unless it is the one that the machine was found in.
func (l *machineLife) done(number int) {
	if number >= 0 {
		l.ledger.Done(number)
	}
}

// stopped sees that a machine that failed persists nothing more, closes it, and returns err, why it failed.
func (l *machineLife) stopped(err error) error {
	if l.machine == nil {
		return err
	}
	defer func() { _ = l.machine.Close() }() // may tell of it again
	if sweep.Violated(err) {
		return err
	}
	if next := (l.at/10 + 1) * 10; next <= courseLength {
		if l.machine.Restore(next, bytes.NewReader(l.course.streams[int(next)])) == nil {
			return sweep.Violation("a restore after %w was acknowledged", err)
		}
	}
	v, again := l.machine.Snapshot()
	if again != nil {
		return err
	}
	defer func() { _ = v.Close() }()
	if l.number >= 0 && v.Persist() == nil && !slices.Contains(l.ledger.Possible()[:1], v.Index()) {
		return sweep.Violation("a flush after %w was acknowledged", err)
	}
	return err
}

func (l *machineLife) step() error {
	switch n := l.rng.IntN(100); {
	case n < 75:
		return l.apply()
	case n < 88:
		return l.persist()
	case n < 93:
		return l.restore()
	case n < 96:
		return l.course.check(l.machine, l.at)
	default:
		if err := l.stop(); err != nil {
			return err
		}
		return l.start()
	}
}

func (l *machineLife) apply() error {
	upto := min(l.at+raft.Index(1+l.rng.IntN(8)), courseLength)
	number := l.ledger.Begin(upto)
	if err := l.machine.Apply(spanOf(l.at, l.course.commands[l.at:upto]...), nil); err != nil {
		return err
	}
	l.at, l.number = upto, number
	return nil
}

// persist takes a view, applies beside it or not, and makes it durable.
func (l *machineLife) persist() (err error) {
	v, err := l.machine.Snapshot()
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := v.Close(); err == nil {
			err = closeErr
		}
	}()
	number, index := l.number, l.at
	if l.rng.IntN(2) == 0 {
		if err := l.apply(); err != nil {
			return err
		}
	}
	if err := v.Persist(); err != nil {
		return err
	}
	l.done(number)
	stream := l.course.streams[int(index)]
	if stream == nil {
		return nil
	}
	var got bytes.Buffer
	if err := v.Stream(func(p []byte) error { _, err := got.Write(p); return err }); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), stream) {
		return sweep.Violation("the view of %d streams %d bytes that are not its %d", index, got.Len(), len(stream))
	}
	return nil
}

// restore jumps ahead by a snapshot.
func (l *machineLife) restore() error {
	next := (l.at/10 + 1 + raft.Index(l.rng.IntN(3))) * 10
	if next > courseLength {
		return nil
	}
	var stream io.Reader = bytes.NewReader(l.course.streams[int(next)])
	number := l.ledger.Begin(next)
	if err := l.machine.Restore(next, stream); err != nil {
		return err
	}
	l.ledger.Done(number)
	l.at, l.number = next, number
	return nil
}

// TestSweepMachineCrash crashes a machine on Pebble, which has no WAL, before each change that it makes to the disk.
func TestSweepMachineCrash(t *testing.T) {
	s := sweep.Start(t, "machine on Pebble: crash at every change of the disk")
	subject := sweepMachine(newCourse(t), s.Pick(6, 40), true, openSweptPebble)
	s.Each(s.Pick(1, 4), func(i int) error { return subject.EveryPoint(s, uint64(i), s.Pick(1, 5)) })
}

// TestSweepMachineLives crashes machines on Pebble at random points of several lives, one after the other.
func TestSweepMachineLives(t *testing.T) {
	s := sweep.Start(t, "machine on Pebble: several lives")
	subject := sweepMachine(newCourse(t), 40, true, openSweptPebble)
	s.Each(s.Pick(6, 200), func(i int) error { return subject.Lives(s, uint64(i), 5) })
}

// TestSweepMachineFaults fails every operation of a machine on Pebble, one at a time.
func TestSweepMachineFaults(t *testing.T) {
	s := sweep.Start(t, "machine on Pebble: every operation fails")
	s.EachFault(1, s.Pick(24, 1), sweepMachine(newCourse(t), 40, true, openSweptPebble))
}

// TestSweepMemMachine does all of it to a machine in memory that keeps a file.
func TestSweepMemMachine(t *testing.T) {
	s := sweep.Start(t, "machine in memory with a file: crashes and faults")
	subject := sweepMachine(newCourse(t), 40, false, openSweptMem)
	s.Each(s.Pick(1, 10), func(i int) error { return subject.EveryPoint(s, uint64(i), s.Pick(1, 5)) })
	s.Each(s.Pick(6, 100), func(i int) error { return subject.Lives(s, uint64(i), 5) })
	s.EachFault(s.Pick(1, 3), s.Pick(8, 1), subject)
}
