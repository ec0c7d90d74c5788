package pebble

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// load says how much work one measurement of an arm is.
type load struct {
	each          time.Duration // of the phases with one writer
	pipelineBytes int           // of the phase with a pipeline, at most pipelineFor long
	pipelineFor   time.Duration
	compactBytes  int // after so much, the log is compacted, as a replica does
	prime         bool
}

// sample is one measurement of an arm. The names of its figures are in figures.
type sample map[string]float64

// Shapes of the appends: one small entry; what comes together under load; so many appends under way at once.
const (
	smallEntryBytes = 128
	batchEntryBytes = 256
	batchEntries    = 64
	pipelineDepth   = 8
	keptEntries     = 4096
)

// measurement is one arm at work.
type measurement struct {
	load
	arm
	disk *countingFS
	log  *Log
	last raft.EntryID
	hs   raft.HardState

	grown int // bytes since the last compaction
	out   sample
}

// measure opens a log in dir on fs, and puts load on it.
func measure(a arm, w load, dir string, fs vfs.FS) (_ sample, err error) {
	m := &measurement{load: w, arm: a, disk: &countingFS{FS: fs}, hs: raft.HardState{Term: 1, Vote: 1}, out: sample{}}
	o := storage.Options{Dir: filepath.Join(dir, "node"), Cluster: "bench", Node: 1}
	if !w.prime {
		primeOff(&o)
	}
	if a.options != nil {
		a.options(&o)
	}
	if a.disk != nil {
		a.disk(m.disk)
	}
	t := tuning{}
	if a.tune != nil {
		var end func()
		t, end = a.tune()
		defer end()
	}
	opening := m.start()
	if m.log, err = openTuned(o.WithDefaults(), m.disk, t); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.log.Close()) }()
	if _, err := m.log.Load(); err != nil {
		return nil, err
	}
	opening = m.since(opening)
	m.out["open.took"] = micros(opening.elapsed) / 1e3
	for _, phase := range []func() error{m.small, m.batch, m.paced, m.pipeline} {
		if err := phase(); err != nil {
			return nil, err
		}
	}
	return m.out, nil
}

// makeSpan returns a span whose entries hold chance and zeros in equal parts, so that compressing it halves it.
func makeSpan(entries, size int) raft.Span {
	rng := rand.NewChaCha8([32]byte{1})
	s := raft.Span{Entries: make([]raft.Entry, entries)}
	for i := range s.Entries {
		data := make([]byte, size)
		_, _ = rng.Read(data[:size/2])
		s.Entries[i] = raft.Entry{Term: 1, Kind: raft.EntryCommand, Data: data}
	}
	s.Encoded = raft.AppendEntries(nil, s.Entries)
	return s
}

// append appends the spans at the log's end, together with the hard state, which names a new commit each time.
func (m *measurement) append(spans []raft.Span) (wait func() error, err error) {
	if err := m.compactWhenDue(); err != nil {
		return nil, err
	}
	m.hs.Commit = m.last.Index
	for i := range spans {
		spans[i].Prev = m.last
		m.last = spans[i].Last()
	}
	m.grown += spansBytes(spans)
	return m.log.Append(&m.hs, spans)
}

func (m *measurement) small() error {
	s := makeSpan(1, smallEntryBytes)
	return m.oneWriter("small", &s)
}

func (m *measurement) batch() error {
	s := makeSpan(batchEntries, batchEntryBytes)
	return m.oneWriter("batch", &s)
}

// oneWriter appends and waits, one after the other.
func (m *measurement) oneWriter(name string, s *raft.Span) error {
	used := m.start()
	took := make([]time.Duration, 0, 1<<16)
	for end := used.at.Add(m.each); ; {
		from := time.Now()
		if !from.Before(end) && len(took) > 0 {
			break
		}
		wait, err := m.append([]raft.Span{*s})
		if err == nil {
			err = wait()
		}
		if err != nil {
			return err
		}
		took = append(took, time.Since(from))
	}
	used = m.since(used)
	n := float64(len(took))
	m.out[name+".p50"], m.out[name+".p99"] = quantiles(took)
	m.out[name+".sync"], _ = quantiles(used.took)
	m.out[name+".cpu"] = micros(used.cpu) / n
	m.out[name+".allocs"] = float64(used.mallocs) / n
	m.out[name+".wal"] = float64(used.wal) / (n * float64(len(s.Encoded)))
	return nil
}

// usage is what the process and the disk have done by, or since, an instant.
type usage struct {
	counted
	at      time.Time
	elapsed time.Duration
	cpu     time.Duration
	mallocs uint64
}

func (m *measurement) start() usage {
	m.disk.take()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{at: time.Now(), cpu: processCPU(), mallocs: memory.Mallocs}
}

func (m *measurement) since(u usage) usage {
	elapsed, cpu := time.Since(u.at), processCPU()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{counted: m.disk.take(), at: u.at, elapsed: elapsed, cpu: cpu - u.cpu, mallocs: memory.Mallocs - u.mallocs}
}

// processCPU returns the processor time that this process has used.
func processCPU() time.Duration {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	invariant.Check(err == nil, "getrusage: %v", err)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// quantiles returns the median and the 99th percentile, in microseconds.
func quantiles(took []time.Duration) (p50, p99 float64) {
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	return micros(took[len(took)/2]), micros(took[min(len(took)-1, len(took)*99/100)])
}

// median returns the middle of values, and their least and greatest.
func median(values []float64) (mid, least, most float64) {
	s := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]
}
