//go:build race

package raft_test

// raceEnabled says that the race detector makes everything about ten times slower.
const raceEnabled = true
