// Package resulttest makes small synthetic results: a made-up cluster that serves at a fixed rate, loses its leader in
// each trial and elects another. The numbers are invented from a seed, but they agree with each other as a real run's
// do: the timeline, the trials and the summary are computed from the same operations.
//
//	Options (seed, trials, rate) ──► operations ──► trials, timeline, events, stages ──► summary ──► directory
//
// It is for tests of what reads a result directory. Nothing of it is a measurement.
package resulttest
