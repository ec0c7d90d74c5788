package sweep

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Subject is a component that keeps a state S on a disk.
type Subject[S any] struct {
	// Live opens the component on fs and finds one of ledger's possible states in it, with which it settles the ledger.
	// Then it goes on by operations that rng decides, all of them entered in the ledger, and closes it. It returns the
	// first error of the component, after it has seen that nothing is acknowledged any more, or a violation.
	Live func(fs vfs.FS, ledger *Ledger[S], rng *rand.Rand) error
	// Check opens the component on fs, where it crashed before, and returns an error unless it holds one of the
	// possible states, whole.
	Check func(fs vfs.FS, possible []S) error
	// Initial is the state of a new one.
	Initial S
}

// violation is an error of a component that broke its promise, unlike one that the disk made it return.
type violation struct{ error }

// Unwrap implements errors.Unwrap.
func (v violation) Unwrap() error { return v.error }

// Violation returns an error that no fault of the disk excuses.
func Violation(format string, args ...any) error { return violation{fmt.Errorf(format, args...)} }

// Violated reports whether err is a violation.
func Violated(err error) bool {
	var v violation
	return errors.As(err, &v)
}

// cut is one way that a crash can leave what was not synced.
type cut struct {
	percent int
	seed    uint64
}

// clone returns the disk after a crash now.
func (c cut) clone(disk *vfs.MemFS) *vfs.MemFS {
	return disk.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: c.percent, RNG: rand.New(rand.NewPCG(c.seed, uint64(c.percent))),
	})
}

// cuts returns all ways at one moment: nothing unsynced is kept, all of it, or a part, drawn from so many seeds.
func cuts(seeds int) []cut {
	all := []cut{{percent: 0}, {percent: 100}}
	for seed := range seeds {
		all = append(all, cut{10, uint64(seed)}, cut{50, uint64(seed)})
	}
	return all
}

// check crashes disk in the given ways and looks at what is left.
func (s *Subject[S]) check(sw *Sweep, disk *vfs.MemFS, possible []S, ways []cut) error {
	for _, way := range ways {
		sw.Clone()
		if err := s.Check(way.clone(disk), possible); err != nil {
			sw.Outcome("wrong after a crash")
			return fmt.Errorf("crash with %d %% of what was not synced (seed %d): %w", way.percent, way.seed, err)
		}
		sw.Outcome("as acknowledged")
	}
	return nil
}

// EveryPoint crashes a life with chance seed before each change of the disk, and after the last, in all ways with so
// many seeds each.
func (s *Subject[S]) EveryPoint(sw *Sweep, seed uint64, seeds int) error {
	disk, ledger := vfs.NewCrashableMem(), NewLedger(s.Initial)
	var found error
	fs := NewFS(disk, func(op Op) *Fault {
		if found == nil && op.Kind.Changes() {
			if err := s.check(sw, disk, ledger.Possible(), cuts(seeds)); err != nil {
				found = fmt.Errorf("before %v: %w", op, err)
			}
		}
		return powerOff(found != nil, op)
	})
	err := s.Live(fs, ledger, rand.New(rand.NewPCG(seed, 1)))
	fs.Quiet(func() { // an engine that failed may leave work behind
		if found != nil {
			err = found
		}
	})
	if err != nil {
		return err
	}
	return s.check(sw, disk, ledger.Possible(), cuts(seeds))
}

// powerOff lets nothing more reach the disk when the power is off. What is there can still be read: nobody will see
// what the component makes of it, and it ends sooner.
func powerOff(off bool, op Op) *Fault {
	if !off || !op.Kind.Changes() {
		return nil
	}
	return &Fault{Name: "power", Err: syscall.EIO}
}

// Lives cuts the power of so many lives of one component, each at a point drawn from rng, and the next begins with what
// is left.
func (s *Subject[S]) Lives(sw *Sweep, seed uint64, lives int) error {
	rng := rand.New(rand.NewPCG(seed, 2))
	disk, ledger := vfs.NewCrashableMem(), NewLedger(s.Initial)
	ops := 400 // how long a life is, about
	for life := range lives {
		l := aLife[S]{disk: disk, ledger: ledger, last: 1 + rng.IntN(ops), way: drawCut(rng)}
		if rng.IntN(3) == 0 {
			l.last = 1 + rng.IntN(60) // while it opens
		}
		fs := NewFS(disk, l.watch)
		err := s.Live(fs, ledger, rand.New(rand.NewPCG(seed, uint64(100+life))))
		fs.Quiet(func() { // an engine that failed may leave work behind
			if l.next == nil && err == nil { // it ended by itself
				ops = fs.ops
				l.next, l.possible = l.way.clone(disk), ledger.Possible()
			}
		})
		if Violated(err) || l.next == nil {
			return fmt.Errorf("life %d, power off at operation %d: %w", life, l.last, err)
		}
		sw.Clone()
		if err := s.Check(l.next.CrashClone(vfs.CrashCloneCfg{}), l.possible); err != nil {
			sw.Outcome("wrong after a crash")
			return fmt.Errorf("life %d, power off at operation %d with %d %% of what was not synced: %w",
				life, l.last, l.way.percent, err)
		}
		sw.Outcome("as acknowledged")
		disk, ledger = l.next, &Ledger[S]{states: l.possible}
	}
	return nil
}

func drawCut(rng *rand.Rand) cut {
	return cut{percent: []int{0, 10, 50, 100}[rng.IntN(4)], seed: rng.Uint64()}
}

// aLife is one life of a component, with the power cut at its last operation.
type aLife[S any] struct {
	disk   *vfs.MemFS
	ledger *Ledger[S]
	last   int
	way    cut

	next     *vfs.MemFS // the disk afterwards, nil before
	possible []S
}

func (l *aLife[S]) watch(op Op) *Fault {
	if l.next == nil && op.Number >= l.last && op.Kind.Changes() {
		l.possible = l.ledger.Possible()
		l.next = l.way.clone(l.disk)
	}
	return powerOff(l.next != nil, op)
}
