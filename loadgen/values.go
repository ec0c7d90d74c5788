package loadgen

import "strings"

// IDBytes is the length of the id at the start of each written value: 6 hex digits of the run, 10 of the operation.
const IDBytes = 16

const keyDigits = 12

// counterKeys is added to the number of a key that INCR counts in: a counter holds a number, and no value with an id.
const counterKeys = 900_000_000_000

// IsCounter says whether key number n is a counter, which only INCR writes.
func IsCounter(n uint64) bool { return n >= counterKeys && n < counterKeys+KeysMax }

// Key returns key number n.
func (w Workload) Key(n uint64) string { return string(appendKey(nil, w.KeyPrefix, n)) }

func appendKey(b []byte, prefix string, n uint64) []byte {
	b = append(b, prefix...)
	return appendDigits(b, n, keyDigits, 10)
}

func appendDigits(b []byte, n uint64, digits int, base uint64) []byte {
	at := len(b)
	for range digits {
		b = append(b, '0')
	}
	for i := at + digits - 1; i >= at && n > 0; i-- {
		b[i] = "0123456789abcdef"[n%base]
		n /= base
	}
	return b
}

func parseDigits(b []byte, base uint64) (n uint64, ok bool) {
	for _, c := range b {
		digit := uint64(strings.IndexByte("0123456789abcdef", c))
		if digit >= base {
			return 0, false
		}
		n = n*base + digit
	}
	return n, true
}

// KeyNumber returns the number of a key that Workload.Key made.
func KeyNumber(key []byte) (n uint64, ok bool) {
	if len(key) < keyDigits {
		return 0, false
	}
	return parseDigits(key[len(key)-keyDigits:], 10)
}

// RunID returns the 24 bits of a seed that begin every value of a run.
func RunID(seed uint64) uint64 { return scramble(seed) >> 40 }

// ValueID takes the id off the start of a written value: the run and the operation that wrote it.
func ValueID(value []byte) (run, seq uint64, ok bool) {
	if len(value) < IDBytes {
		return 0, 0, false
	}
	run, okRun := parseDigits(value[:6], 16)
	seq, okSeq := parseDigits(value[6:IDBytes], 16)
	return run, seq, okRun && okSeq
}

// FormatValueID is the id's text, as it stands in the value and in history files.
func FormatValueID(run, seq uint64) string { return string(appendValueID(nil, run, seq)) }

func appendValueID(b []byte, run, seq uint64) []byte {
	return appendDigits(appendDigits(b, run, 6, 16), seq, IDBytes-6, 16)
}

// scramble is the finalizer of splitmix64: neighbouring inputs give unrelated outputs.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
