package loadgen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeyDist names how keys are chosen.
type KeyDist string

// The key distributions.
const (
	KeysUniform    KeyDist = "uniform"
	KeysZipfian    KeyDist = "zipfian"    // key 0 is the hottest
	KeysSequential KeyDist = "sequential" // every write has a key of its own; reads choose among those written
	KeysLatest     KeyDist = "latest"     // the same, but reads prefer what was written last: zipfian in its age
)

// Filler names what follows the id in a value.
type Filler string

// The fillers, by entropy.
const (
	FillerRandom   Filler = "random"   // 8 bits a byte: does not compress
	FillerText     Filler = "text"     // 4 bits a byte
	FillerConstant Filler = "constant" // none: compresses to nothing
)

// Workload says what the operations do.
type Workload struct {
	// Keys is the number of keys (not for sequential; for latest: how far back reads go). Fewer means more conflicts on a
	// key. Default 10000.
	Keys int
	// KeyDist chooses among them. Default KeysUniform.
	KeyDist KeyDist
	// ZipfS is the exponent of KeysZipfian and KeysLatest, above 1; larger is more skewed. Default 1.01.
	ZipfS float64
	// HotShare is the share of operations, 0 to 1, that go to key 0, whatever KeyDist gives to it beside. Not for
	// KeysSequential and KeysLatest. Default 0.
	HotShare float64 `json:",omitempty"`
	// ReadShare is the share of reads, 0 to 1. Default 0. What the three shares leave are SETs.
	ReadShare float64
	// IncrShare is the share of INCRs. Each counts in a counter, which are keys of their own, as many as Keys. Default 0.
	IncrShare float64 `json:",omitempty"`
	// CASShare is the share of compare-and-sets: each replaces the value that the generator last saw under its key, and
	// is a SET where it has seen none yet. Not for KeysSequential and KeysLatest. Default 0.
	CASShare float64 `json:",omitempty"`
	// Preload writes every key once before the warm-up, so that no read finds nothing. Not for KeysSequential. Default
	// false: keys are missing at the start.
	Preload bool `json:",omitempty"`
	// PayloadBytes is the length of written values, the id included. Default 128, unless Sizes says it.
	PayloadBytes int
	// Sizes are the lengths of written values that differ in length. Default: all have PayloadBytes.
	Sizes Sizes `json:",omitzero"`
	// Filler is the rest of the value. Default FillerRandom.
	Filler Filler
	// KeyPrefix begins every key. Default: the run's id and a colon, so that runs of different seeds share no key and
	// every key is missing at the start.
	KeyPrefix string
}

func (w Workload) withDefaults(seed uint64) Workload {
	w.Keys = orDefault(w.Keys, 10_000)
	w.KeyDist = orDefault(w.KeyDist, KeysUniform)
	w.ZipfS = orDefault(w.ZipfS, 1.01)
	if w.Sizes.Dist == "" {
		w.PayloadBytes = orDefault(w.PayloadBytes, 128)
	}
	w.Filler = orDefault(w.Filler, FillerRandom)
	w.KeyPrefix = orDefault(w.KeyPrefix, fmt.Sprintf("%06x:", RunID(seed)))
	return w
}

func (w Workload) validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(w.Keys > 0 && w.Keys <= KeysMax, "Keys = %d: want 1 to %d", w.Keys, KeysMax)
	dists := []KeyDist{KeysUniform, KeysZipfian, KeysSequential, KeysLatest}
	fault(slices.Contains(dists, w.KeyDist), "KeyDist = %q: want one of %q", w.KeyDist, dists)
	fault(w.ZipfS > 1 && w.ZipfS <= 10, "ZipfS = %v: want above 1 and at most 10", w.ZipfS)
	faults = append(faults, w.validateMix(), w.validateSizes())
	fault(w.Filler == FillerRandom || w.Filler == FillerText || w.Filler == FillerConstant,
		"Filler = %q: want %q, %q or %q", w.Filler, FillerRandom, FillerText, FillerConstant)
	fault(len(w.KeyPrefix) <= KeyPrefixBytes && !strings.ContainsAny(w.KeyPrefix, ",\"\r\n"),
		"KeyPrefix = %q: want at most %d bytes without comma, quote or line break", w.KeyPrefix, KeyPrefixBytes)
	return errors.Join(faults...)
}

// Limits of workloads that keep something for each key.
const (
	casKeysMax     = 1 << 22 // 8 B each
	preloadKeysMax = 1 << 20
	latestSetShare = 0.01 // below, the last writes are too far back to look for
	shareSlack     = 1e-9 // of sums of shares
)

// SetShare returns what the other shares leave.
func (w Workload) SetShare() float64 {
	rest := 1 - w.ReadShare - w.IncrShare - w.CASShare
	if rest < shareSlack {
		return 0
	}
	return rest
}

// validateMix returns all faults of what the operations are and of the keys that they need.
func (w Workload) validateMix() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	for _, share := range []struct {
		field string
		value float64
	}{{"ReadShare", w.ReadShare}, {"IncrShare", w.IncrShare}, {"CASShare", w.CASShare}, {"HotShare", w.HotShare}} {
		fault(share.value >= 0 && share.value <= 1, "%s = %v: want 0 to 1", share.field, share.value)
	}
	fault(w.ReadShare+w.IncrShare+w.CASShare <= 1+shareSlack, "ReadShare + IncrShare + CASShare = %v: want at most 1",
		w.ReadShare+w.IncrShare+w.CASShare)
	ownKeys := w.KeyDist == KeysSequential || w.KeyDist == KeysLatest
	fault(w.HotShare == 0 || !ownKeys, "HotShare = %v with KeyDist %q: want 0, every write has a key of its own",
		w.HotShare, w.KeyDist)
	fault(w.CASShare == 0 || !ownKeys, "CASShare = %v with KeyDist %q: want 0, every write has a key of its own",
		w.CASShare, w.KeyDist)
	fault(w.CASShare == 0 || w.Keys <= casKeysMax, "Keys = %d with CAS: want at most %d", w.Keys, casKeysMax)
	fault(!w.Preload || w.Keys <= preloadKeysMax, "Keys = %d with Preload: want at most %d", w.Keys, preloadKeysMax)
	fault(!w.Preload || w.KeyDist != KeysSequential, "Preload with KeyDist %q: want uniform, zipfian or latest", w.KeyDist)
	fault(w.KeyDist != KeysLatest || w.ReadShare == 0 || w.SetShare() >= latestSetShare,
		"ReadShare = %v with KeyDist %q: want at least %v of SETs", w.ReadShare, w.KeyDist, latestSetShare)
	return errors.Join(faults...)
}
