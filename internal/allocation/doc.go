// Package allocation says in tests how much a function may allocate, above all for what strangers send: a decoder that
// takes memory on the word of a length is found by its first lie.
//
//	allocation.AtMost(t, 2*len(src)+allocation.Slack, func() { _, _ = Decode(src) })
//
// Under the race detector, which allocates too, the function is only called.
package allocation
