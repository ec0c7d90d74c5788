package sweep

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FaultPoint is one operation of a life, and how it fails.
type FaultPoint struct {
	At    int // number of the operation
	Fault Fault
	// Stays says that every later change fails alike; else the disk works again.
	Stays bool
}

// FaultPoints returns every operation of the life with chance seed, with every fault, once and to stay; step leaves
// out all but every step-th operation of each kind.
func (s *Subject[S]) FaultPoints(seed uint64, step int) ([]FaultPoint, error) {
	var seen []Kind
	fs := NewFS(vfs.NewCrashableMem(), func(op Op) *Fault { seen = append(seen, op.Kind); return nil })
	if err := s.Live(fs, NewLedger(s.Initial), rand.New(rand.NewPCG(seed, 1))); err != nil {
		return nil, fmt.Errorf("a life without a fault: %w", err)
	}
	var kinds []Kind
	fs.Quiet(func() { kinds = slices.Clone(seen) })
	var points []FaultPoint
	seenOf := map[Kind]int{}
	for i, kind := range kinds {
		seenOf[kind]++
		if (seenOf[kind]-1)%step != 0 {
			continue
		}
		for _, fault := range faults() {
			if fault.Short && kind != Write {
				continue
			}
			points = append(points, FaultPoint{At: i + 1, Fault: fault})
			if kind.Changes() && !fault.Short {
				points = append(points, FaultPoint{At: i + 1, Fault: fault, Stays: true})
			}
		}
	}
	return points, nil
}

// Fails makes one operation of the life with chance seed fail. The component must stop, and what it acknowledged must
// be there after a crash.
func (s *Subject[S]) Fails(sw *Sweep, seed uint64, point FaultPoint) error {
	disk, ledger := vfs.NewCrashableMem(), NewLedger(s.Initial)
	var met Op
	fs := NewFS(disk, func(op Op) *Fault {
		switch {
		case op.Number == point.At:
			met = op
			if op.Kind.Changes() {
				ledger.Fail()
			}
		case !point.Stays || met.Number == 0 || !op.Kind.Changes():
			return nil
		}
		return &point.Fault
	})
	err := s.Live(fs, ledger, rand.New(rand.NewPCG(seed, 1)))
	var failed Op
	fs.Quiet(func() { failed = met })
	if failed.Number == 0 {
		sw.Outcome("not reached") // the engine's own work differs a little from run to run
		return err
	}
	sw.Fault(point.Fault.Name)
	switch {
	case Violated(err):
		return fmt.Errorf("%s at %v: %w", point.Fault.Name, failed, err)
	case ledger.Late() > 0:
		return fmt.Errorf("%s at %v: %d operations begun later were acknowledged", point.Fault.Name, failed, ledger.Late())
	case fs.Resyncs() > 0:
		return fmt.Errorf("%s at %v: synced %d times more", point.Fault.Name, failed, fs.Resyncs())
	case err == nil && failed.Kind.Changes():
		return fmt.Errorf("%s at %v: nobody tells of it", point.Fault.Name, failed)
	case err == nil:
		sw.Outcome("read without an error")
	case !errors.Is(err, point.Fault.Err) && !strings.Contains(err.Error(), point.Fault.Err.Error()):
		return fmt.Errorf("%s at %v: its error is another: %w", point.Fault.Name, failed, err)
	default:
		sw.Outcome("stopped")
	}
	if err := s.check(sw, disk, ledger.Possible(), cuts(1)); err != nil {
		return fmt.Errorf("%s at %v: %w", point.Fault.Name, failed, err)
	}
	return nil
}

// faulty is a Subject of any state.
type faulty interface {
	FaultPoints(seed uint64, step int) ([]FaultPoint, error)
	Fails(sw *Sweep, seed uint64, point FaultPoint) error
}

// EachFault fails every step-th operation of each kind of so many lives of subject, each with every fault.
func (s *Sweep) EachFault(lives, step int, subject faulty) {
	s.t.Helper()
	type lifePoint struct {
		seed  uint64
		point FaultPoint
	}
	var all []lifePoint
	for seed := range uint64(lives) {
		points, err := subject.FaultPoints(seed, step)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, point := range points {
			all = append(all, lifePoint{seed, point})
		}
	}
	s.Each(len(all), func(i int) error {
		if i >= len(all) { // a single case that is repeated
			return fmt.Errorf("this time there are %d cases, as many as the engine made operations", len(all))
		}
		return subject.Fails(s, all[i].seed, all[i].point)
	})
}
