package replica

import (
	"context"
	"errors"
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// Stop ends the replica after it has handed leadership over, as [Replica.HandOver] does, or tried to until ctx ends.
func (r *Replica) Stop(ctx context.Context) error {
	if err := r.HandOver(ctx); err != nil {
		r.logger.Info("stop without handing over", "err", err)
	}
	return r.Halt()
}

// Halt ends the replica at once: proposals that are under way end with ErrUnknown, and the ports are closed. It returns
// the error that stopped the replica before, or that closing gave.
func (r *Replica) Halt() error {
	r.stopped.Do(func() { close(r.stop) })
	<-r.done
	return r.err
}

// fail stops the replica because a port failed (fail-stop): it neither retries nor answers any more.
func (r *Replica) fail(err error) {
	r.failed.Do(func() {
		r.cause.Store(&err)
		r.logger.Warn("replica stops", "err", err) // whoever owns it ends, and says so
		r.stopped.Do(func() { close(r.stop) })
	})
}

// stopping reports whether the replica ends.
func (r *Replica) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// awaitEnd closes everything once the loop has ended.
func (r *Replica) awaitEnd() {
	<-r.stop
	r.inbox.close()
	r.writes.close()
	r.fetches.close()
	r.snapshotTasks.close()
	compactions := r.compactions.close()
	r.completeAll(r.applies.close(), ErrUnknown) // others wait for some of these
	r.running.Wait()
	for _, c := range compactions {
		c.abandon()
	}
	r.refuseLeftovers()
	r.err = errors.Join(r.Err(), r.closePorts())
	close(r.done)
}

// refuseLeftovers completes what the loop never saw.
func (r *Replica) refuseLeftovers() {
	var w work
	r.inbox.take(&w)
	for _, p := range w.proposals {
		p.complete(raft.ErrClosed)
	}
	r.failReads(w.reads, raft.ErrClosed)
}

func (r *Replica) closePorts() error {
	err := errors.Join(r.transport.Close(), r.log.Close(), r.machine.Close(), r.snapshots.port.Close())
	if err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
