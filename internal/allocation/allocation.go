package allocation

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

// Slack is what a decoder may allocate beside twice its input: buffers of its own, errors, small tables.
const Slack = 64 << 10

// AtMost calls f, and reports an error when it allocates more than limit bytes, live or not. f is called several times
// when it seems to, so that what another goroutine allocates meanwhile is not blamed on it.
func AtMost(t testing.TB, limit int, f func()) {
	t.Helper()
	if raceEnabled {
		f()
		return
	}
	if approximate(f)+unflushedBytes <= uint64(limit) {
		return
	}
	least := exact(f)
	for range 4 {
		if least <= uint64(limit) {
			return
		}
		least = min(least, exact(f))
	}
	if least > uint64(limit) {
		t.Errorf("%d bytes allocated, at most %d", least, limit)
	}
}

// unflushedBytes is more than what small objects that are not counted yet may be: a span of each of the size classes
// that a decoder uses.
const unflushedBytes = 32 << 10

// approximate returns what f allocated, but for small objects that are not counted yet. It stops nobody.
func approximate(f func()) uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	f()
	metrics.Read(sample)
	return sample[0].Value.Uint64() - before
}

// exact returns what was allocated while f ran. It stops the world twice.
func exact(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
