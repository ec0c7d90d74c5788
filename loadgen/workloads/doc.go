// Package workloads reads workload files, and has the presets: files that come with the program.
//
//	file.yaml or preset ──► Load ──► loadgen.Workload
//
//	w, err := workloads.Load("ycsb-a")
//
// A file names what differs from loadgen's defaults; unknown keys are errors, and so is a value of zero that is none.
//
//	description: what it stands for
//	mix: {get: 0.5, set: 0.3, incr: 0.1, cas: 0.1}   # shares, 1 in sum
//	keys: 10000
//	key_dist: zipfian                                # uniform, zipfian, sequential or latest
//	zipf_s: 1.01                                     # of zipfian and latest
//	hot_share: 0.2                                   # of all operations, to key 0
//	preload: true                                    # write every key before the warm-up
//	sizes: 128B                                      # or 64B..4KiB, lognormal(256B,1.2,64KiB), 128B:9,4KiB:1
//	filler: random                                   # or text, constant
//
// # The presets and YCSB
//
// ycsb-a, -b, -c, -d and -f have the mixes and the request distributions of the workloads A, B, C, D and F that come
// with YCSB, and its records of 1,000 bytes. They differ in this:
//
//   - A record is one value: there are no fields, and an update writes the whole of it.
//   - The zipfian exponent is 1.01, not 0.99: the generator at hand needs more than 1. Key 0 is the hottest; YCSB
//     scatters the hot keys by a hash, which is no different where keys are not in an order that matters.
//   - 100,000 records are preloaded, not 1,000: raftmark's clusters are replicated machines, not caches.
//   - D: an insert is a SET of a new key. A read prefers what was inserted last and may ask for a key whose insert is
//     still under way, where YCSB waits for it; it then finds nothing.
//   - F: a read-modify-write is one CAS of the value that the generator last saw under the key, not a read and a
//     write after it: it takes one round trip and cannot lose an update. A CAS that comes too late ends ok and changes
//     nothing.
//   - Latency counts from the intended start, which YCSB does only when asked to.
//
// There is no E: a replicated key-value machine of single keys has no scans.
package workloads
