//go:build race

package sim

// raceEnabled says that the race detector makes everything about ten times slower.
const raceEnabled = true
