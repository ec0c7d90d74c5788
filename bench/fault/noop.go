package fault

import "context"

// noOp is the control arm.
type noOp struct{}

func (noOp) Prepare(context.Context, Cluster) error { return nil }

func (noOp) Inject(_ context.Context, c Cluster) (Injection, error) {
	now := c.Now()
	return Injection{Commanded: now, Effective: now}, nil
}

func (noOp) Check(context.Context, Cluster) error { return nil }

func (noOp) Heal(context.Context, Cluster) error { return nil }
