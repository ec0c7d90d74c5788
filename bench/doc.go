// Package bench runs experiments on a Raft cluster: a steady load, a cluster that is broken on purpose, and records of
// both that a stranger can check.
package bench
