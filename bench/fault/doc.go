// Package fault is the catalogue of what the bench does to a cluster.
//
// A trial goes through a [Fault] in one order:
//
//	Prepare ──► (random phase) ──► Inject ──► Check ──► watch ──► Heal ──► recovery
//
//	kind               Inject                                    took effect when            Heal
//	leader-kill        SIGKILL of the leader's process           it is gone                  it is started again
//	leader-pause       SIGSTOP of the leader's process           all its threads stand still  SIGCONT
//	leader-shutdown    SIGTERM of it, which hands over           it is ordered                it is started again
//	leader-transfer    the leader is told to hand over           it is ordered                nothing
//	follower-kill      SIGKILL of a follower's process           it is gone                   it is started again
//	follower-slow      it stands still for 80 of each 100 ms     it stands still first        it goes on
//	rolling-restart    each node in turn: SIGTERM, start, wait   the first is ordered         nothing is left to do
//	chaos              three others, each healed in its turn     the first one does           nothing is left to do
//	leader-disk-stall  each sync of the leader's log hangs       its fault port has the rule the rule goes
//	leader-disk-slow   each sync of it takes a while longer      the same                    the same
//	leader-isolate     the leader's links are cut, both ways     its fault port has the rule the rule goes
//	  -send, -recv     only what it sends, or hears, is lost     the same                    the same
//	partial-partition  the leader loses one follower             the same                    the same
//	bridge             two sides share only one follower         the last fault port has its the rules go
//	flapping           the leader's links are cut in turns       as leader-isolate           the rule goes
//	power-loss         SIGKILL of all processes at one instant   the last is gone            all are started again
//	noop               nothing                                   at once                     nothing
//
// Each fault says when it was commanded and when it took effect, which are not the same instant: a process is gone
// when wait4 has returned, not when the signal was sent (rule R11). An orderly end is the exception: it takes effect
// with the order, and when the process is gone another one has been leading for some time. Check sees that it did:
// processes are gone, or stand still; another node leads; syncs, or messages, have met the rule. [NoOp] is the
// control arm: it does nothing, and is measured like the others, so that what the measurement itself adds is known.
//
// [Of] says what a trial of a kind is like: whom it hits, what it needs of the cluster, and what may follow.
//
// Obligations of the caller:
//
//  1. One fault is used for one trial, its methods in the order above and each at most once.
//  2. After an Inject of a fault that lasts, Heal is called in any case, so that no node is left that cannot end.
//
// What it does not do: a cut link is one between nodes, and clients reach both ends of it. Power-loss takes the
// processes' memory, and leaves what they had given to the operating system, synced or not. That unsynced writes are
// gone is the business of the crash tests of package storage.
package fault
