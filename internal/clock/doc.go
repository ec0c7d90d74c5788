// Package clock gives all processes of one host the same monotonic time, so that what a client saw and what a
// server did can be put on one axis without subtracting wall clocks.
package clock
