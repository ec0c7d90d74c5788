package election

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
)

// Study is what was measured.
type Study struct {
	Options Options // with their defaults
	Arms    []Arm
	Trials  [][]Trial // by arm
	Steady  []Arm     // arms in which nothing failed
	Hours   [][]Hour  // by arm of Steady
}

// job is a trial or an hour.
type job struct {
	run  func() error
	cost int // in the unit of progress
}

// hourCost is about how many trials an hour takes as long as.
const hourCost = 200

// equalTimeoutsCost is how much longer a trial without randomness takes than another.
const equalTimeoutsCost = 20

// Run makes the study. It ends early, with an error, when ctx does or a rule of safety is broken.
func Run(ctx context.Context, o Options) (*Study, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("options of the election study: %w", err)
	}
	s := &Study{Options: o, Arms: o.arms(), Steady: o.steadyArms()}
	jobs := append(s.hourJobs(), s.trialJobs()...) // the long ones first
	if err := work(ctx, o, jobs); err != nil {
		return nil, err
	}
	return s, nil
}

// TrialsOf returns how many crashes an arm has.
func (o Options) TrialsOf(a Arm) int {
	if a.Timeouts.Min == a.Timeouts.Max {
		return o.TrialsWithoutRandomness
	}
	return o.Trials
}

func (s *Study) trialJobs() []job {
	var jobs []job
	s.Trials = make([][]Trial, len(s.Arms))
	for i, a := range s.Arms {
		s.Trials[i] = make([]Trial, s.Options.TrialsOf(a))
		cost := 1
		if a.Timeouts.Min == a.Timeouts.Max {
			cost = equalTimeoutsCost
		}
		for n := range s.Trials[i] {
			jobs = append(jobs, job{cost: cost, run: func() (err error) {
				s.Trials[i][n], err = runTrial(a, s.Options, seedOf(s.Options.Seed, "trial of "+a.Name, n))
				return err
			}})
		}
	}
	return jobs
}

func (s *Study) hourJobs() []job {
	var jobs []job
	s.Hours = make([][]Hour, len(s.Steady))
	for i, a := range s.Steady {
		s.Hours[i] = make([]Hour, s.Options.Hours)
		for n := range s.Hours[i] {
			jobs = append(jobs, job{cost: hourCost, run: func() (err error) {
				s.Hours[i][n], err = runHour(a, s.Options, seedOf(s.Options.Seed, "hour of "+a.Name, n))
				return err
			}})
		}
	}
	return jobs
}

// seedOf makes the seed of one trial: no two share one, and none depends on which others there are.
func seedOf(seed uint64, name string, number int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", seed, name, number)
	return h.Sum64()
}

// work does all jobs, several at a time, and returns the first error in the order of jobs.
func work(ctx context.Context, o Options, jobs []job) error {
	total := 0
	for _, j := range jobs {
		total += j.cost
	}
	var (
		next, done atomic.Int64
		failed     atomic.Bool
		workers    sync.WaitGroup
		faults     = make([]error, len(jobs))
	)
	for range o.Workers {
		workers.Go(func() {
			for !failed.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(jobs) {
					return
				}
				if faults[i] = jobs[i].run(); faults[i] != nil {
					failed.Store(true)
				}
				sum := done.Add(int64(jobs[i].cost))
				if o.Report != nil {
					o.Report(int(sum), total)
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(append(faults, ctx.Err())...)
}
