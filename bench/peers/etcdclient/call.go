package etcdclient

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/raftmark/raftmark/loadgen"
)

// call is one operation under way.
type call struct {
	target  *Target
	op      *loadgen.Op
	key     string
	backoff time.Duration
	counter counter // of Incr
}

// counter is what Incr knows of its key: it is counted up when the revision is still this one.
type counter struct {
	revision int64 // of its last write; 0: there is none
	number   int64
}

func newCall(t *Target, op *loadgen.Op) *call { return &call{target: t, op: op, key: string(op.Key)} }

// run executes the operation to its end.
func (c *call) run() {
	ctx, cancel := context.WithTimeout(c.target.ctx, c.op.Deadline-c.target.clock.Now())
	defer cancel()
	outcome, err := c.outcome(ctx)
	c.op.Outcome, c.op.Err, c.op.Done = outcome, err, c.target.clock.Now()
}

// outcome tries until there is one.
func (c *call) outcome(ctx context.Context) (loadgen.Outcome, error) {
	var last error
	for try := 0; ; try++ {
		said, err := c.try(ctx, c.target.pick(try))
		switch {
		case said == served:
			return loadgen.OK, nil
		case said == refused:
			return loadgen.Failed, err
		case said == unknown && c.op.Kind.Writes():
			return loadgen.Unknown, c.late(ctx, err)
		case err != nil && ctx.Err() == nil:
			last = err
		}
		if said != conflicted {
			c.pause(ctx)
		}
		if ctx.Err() != nil {
			return loadgen.Failed, c.late(ctx, last)
		}
	}
}

// late says why no more is tried, when that is the reason, and the last answer.
func (c *call) late(ctx context.Context, last error) error {
	var why error
	switch {
	case c.target.ctx.Err() != nil:
		why = ErrClosed
	case ctx.Err() != nil:
		why = ErrDeadline
	default:
		return last
	}
	if last == nil {
		return why
	}
	return fmt.Errorf("%w; last answer: %w", why, last)
}

// pause waits for the back-off, or for the end of ctx.
func (c *call) pause(ctx context.Context) {
	o := c.target.opts
	c.backoff = min(max(2*c.backoff, o.BackoffMin), o.BackoffMax)
	timer := time.NewTimer(c.backoff)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// try asks s once.
func (c *call) try(ctx context.Context, s *server) (verdict, error) {
	var a attempt
	done, err := c.ask(withAttempt(ctx, &a), s.client())
	if c.op.Sent < 0 {
		c.op.Sent = a.first()
	}
	sent := int(a.sent.Load())
	c.op.Attempts += sent
	if err == nil && !done {
		return conflicted, nil
	}
	return classify(err, sent > 0), err
}

// ask makes the one request of an attempt. done is false when it was answered and nothing was written, because
// somebody else wrote before.
func (c *call) ask(ctx context.Context, client *clientv3.Client) (done bool, err error) {
	switch c.op.Kind {
	case loadgen.Set:
		_, err = client.Put(ctx, c.key, string(c.op.Value))
		return true, err
	case loadgen.CAS:
		answer, err := client.Txn(ctx).If(clientv3.Compare(clientv3.Value(c.key), "=", string(c.op.Old))).
			Then(clientv3.OpPut(c.key, string(c.op.Value))).Commit()
		if err == nil {
			c.op.Swapped = answer.Succeeded
		}
		return true, err
	case loadgen.Incr:
		return c.count(ctx, client)
	case loadgen.Get:
	}
	answer, err := client.Get(ctx, c.key)
	if err != nil {
		return true, err
	}
	c.op.Value = value(answer.Kvs, c.op.Value)
	return true, nil
}

// value returns the value that was read, in buffer as far as it has room; nil when there is no such key.
func value(found []*mvccpb.KeyValue, buffer []byte) []byte {
	if len(found) == 0 {
		return nil
	}
	if buffer == nil {
		buffer = make([]byte, 0, len(found[0].Value))
	}
	return append(buffer[:0], found[0].Value...)
}

// count writes one more than was read, unless somebody wrote since: then it reads.
func (c *call) count(ctx context.Context, client *clientv3.Client) (done bool, err error) {
	next := c.counter.number + 1
	answer, err := client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(c.key), "=", c.counter.revision)).
		Then(clientv3.OpPut(c.key, strconv.FormatInt(next, 10))).Else(clientv3.OpGet(c.key)).Commit()
	if err != nil {
		return false, err
	}
	if answer.Succeeded {
		c.op.Number = next
		return true, nil
	}
	if c.counter, err = readCounter(answer); err != nil {
		return false, fmt.Errorf("%w: %w", ErrCounter, err)
	}
	return false, nil
}

// readCounter takes the counter out of the other branch of count.
func readCounter(answer *clientv3.TxnResponse) (counter, error) {
	if len(answer.Responses) == 0 || len(answer.Responses[0].GetResponseRange().GetKvs()) == 0 {
		return counter{}, nil // it is gone again
	}
	kv := answer.Responses[0].GetResponseRange().GetKvs()[0]
	number, err := strconv.ParseInt(string(kv.Value), 10, 64)
	return counter{revision: kv.ModRevision, number: number}, err
}
