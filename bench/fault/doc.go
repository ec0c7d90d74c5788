// Package fault is the catalogue of what the bench does to a cluster.
//
// A trial goes through a [Fault] in one order:
//
//	Prepare ──► (random phase) ──► Inject ──► Check ──► watch ──► Heal ──► recovery
//
// Each fault says when it was commanded and when it took effect, which are not the same instant: a process is gone
// when wait4 has returned, not when the signal was sent (rule R11). [NoOp] is the control arm: it does nothing, and is
// measured like the others, so that what the measurement itself adds is known.
//
// Obligations of the caller:
//
//  1. One fault is used for one trial, its methods in the order above and each at most once.
//  2. After an Inject, Heal is called also when Check failed.
package fault
