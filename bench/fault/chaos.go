package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	// chaosFaults is how many faults a trial of chaos is made of.
	chaosFaults = 3
	// chaosHoldMin and chaosHoldMax bound how long one lasts.
	chaosHoldMin = 100 * time.Millisecond
	chaosHoldMax = time.Second
	// chaosHealWithin bounds the healing of one, also of a trial that was broken off.
	chaosHealWithin = 30 * time.Second
	// chaosCalmWithin bounds the wait for a leader and for all nodes to have caught up, before each and after the last.
	chaosCalmWithin = 60 * time.Second
)

// chaosKinds are those that chaos is mixed of: each that is over in one step.
func chaosKinds() []string {
	var kinds []string
	for _, kind := range Kinds() {
		if t := Of(kind); !t.Mixed && kind != NoOp {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// chaosStep is one fault of the mix.
type chaosStep struct {
	kind string
	hold time.Duration
	seed uint64
}

// chaos does some other faults, drawn from the seed, one after another; each is healed, and the nodes have caught up,
// before the next, so that a majority is never lost by two of them. Inject does all of it.
//
// Note: a fault of the mix that does not take effect is an error, as it is in a trial of its own.
type chaos struct {
	options Options
	plan    []chaosStep
	leader  uint64
	done    int // that took effect and were healed
}

func newChaos(o Options) *chaos {
	random := rand.New(rand.NewPCG(o.Seed, 0x6368616f73))
	kinds := chaosKinds()
	random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	f := &chaos{options: o}
	for _, kind := range kinds[:chaosFaults] {
		f.plan = append(f.plan, chaosStep{
			kind: kind, hold: chaosHoldMin + time.Duration(random.Int64N(int64(chaosHoldMax-chaosHoldMin))),
			seed: random.Uint64(),
		})
	}
	return f
}

// Prepare finds out who leads: the trial is written down under its name.
func (f *chaos) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader before the chaos: %w", err)
	}
	f.leader = leader
	return nil
}

func (f *chaos) Inject(ctx context.Context, c Cluster) (Injection, error) {
	all := Injection{Node: f.leader}
	var names []string
	for i, step := range f.plan {
		one, err := f.step(ctx, c, step)
		if err != nil {
			return Injection{}, fmt.Errorf("fault %d of seed %d, %s: %w", i+1, f.options.Seed, step.kind, err)
		}
		if i == 0 {
			all.Commanded, all.Effective = one.Commanded, one.Effective
		}
		all.Steps = append(all.Steps, one.Steps...)
		names = append(names, one.Note)
		f.done++
	}
	all.Note = fmt.Sprintf("seed %d: %s", f.options.Seed, strings.Join(names, ", "))
	return all, nil
}

// step goes through one fault, and heals it in any case. Its steps are told in the injection that it returns.
func (f *chaos) step(ctx context.Context, c Cluster, step chaosStep) (one Injection, err error) {
	options := f.options
	options.Seed = step.seed
	inner, err := New(step.kind, options)
	if err != nil {
		return Injection{}, err
	}
	if err := inner.Prepare(ctx, c); err != nil {
		return Injection{}, err
	}
	if one, err = inner.Inject(ctx, c); err != nil {
		return Injection{}, err
	}
	one.Note = fmt.Sprintf("%s of node %d for %v", step.kind, one.Node, step.hold.Round(time.Millisecond))
	one.Steps = append(one.Steps, Hits(step.kind, one.Node, c.Members(), one.Effective)...)
	if err = inner.Check(ctx, c); err == nil {
		err = hold(ctx, step.hold)
	}
	healed := c.Now()
	if healErr := healWithin(ctx, inner, c); err != nil || healErr != nil {
		return Injection{}, errors.Join(err, healErr)
	}
	one.Steps = append(one.Steps, Heals(step.kind, one.Node, c.Members(), healed)...)
	calm, cancel := context.WithTimeout(ctx, chaosCalmWithin)
	defer cancel()
	return one, c.AwaitCaughtUp(calm)
}

// healWithin heals whatever became of the trial, in bounded time.
func healWithin(ctx context.Context, f Fault, c Cluster) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), chaosHealWithin,
		fmt.Errorf("not healed within %v", chaosHealWithin))
	defer cancel()
	return f.Heal(ctx, c)
}

// hold sleeps, or returns ctx's error early.
func hold(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Check says whether all of the mix took effect: each was looked at in its turn.
func (f *chaos) Check(context.Context, Cluster) error {
	if f.done < len(f.plan) {
		return fmt.Errorf("%d of %d faults of the mix took effect", f.done, len(f.plan))
	}
	return nil
}

func (*chaos) Heal(context.Context, Cluster) error { return nil }
