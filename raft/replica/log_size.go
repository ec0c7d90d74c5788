package replica

import "github.com/raftmark/raftmark/raft"

// logMeter knows how many bytes the log has, by Entry.Size, and roughly which part of it has how many: it remembers
// runs of entries, and takes those of one run to be of one size. The runs are as few as sizeRunsMax, however long the
// log is.
type logMeter struct {
	bytes int
	runs  []sizeRun // without gaps, ascending
	least int       // bytes of a run that is complete
}

// sizeRun is the size of the entries in (after, upto].
type sizeRun struct {
	after, upto raft.Index
	bytes       int
}

const (
	sizeRunsMax  = 4096
	sizeRunLeast = 64 << 10
)

// append adds the entries in (after, upto], in the place of what was above after.
func (m *logMeter) append(after, upto raft.Index, bytes int) {
	m.truncate(after)
	m.bytes += bytes
	if n := len(m.runs); n > 0 && m.runs[n-1].bytes < max(m.least, sizeRunLeast) {
		m.runs[n-1].upto = upto
		m.runs[n-1].bytes += bytes
		return
	}
	if len(m.runs) >= sizeRunsMax {
		m.halve()
	}
	m.runs = append(m.runs, sizeRun{after: after, upto: upto, bytes: bytes})
}

// halve makes one run of each two.
func (m *logMeter) halve() {
	kept := m.runs[:0]
	for i := 0; i+1 < len(m.runs); i += 2 {
		kept = append(kept, sizeRun{
			after: m.runs[i].after, upto: m.runs[i+1].upto, bytes: m.runs[i].bytes + m.runs[i+1].bytes,
		})
	}
	m.runs = kept
	m.least = 2 * max(m.least, sizeRunLeast)
}

// truncate forgets what is above index.
func (m *logMeter) truncate(index raft.Index) {
	for n := len(m.runs); n > 0 && m.runs[n-1].upto > index; n = len(m.runs) {
		last := &m.runs[n-1]
		if last.after >= index {
			m.bytes -= last.bytes
			m.runs = m.runs[:n-1]
			continue
		}
		keep := last.bytesUpto(index)
		m.bytes -= last.bytes - keep
		last.upto, last.bytes = index, keep
	}
}

// compact forgets what is at index and below.
func (m *logMeter) compact(index raft.Index) {
	gone := 0
	for gone < len(m.runs) && m.runs[gone].upto <= index {
		m.bytes -= m.runs[gone].bytes
		gone++
	}
	m.runs = append(m.runs[:0], m.runs[gone:]...)
	if len(m.runs) > 0 && m.runs[0].after < index {
		first := &m.runs[0]
		cut := first.bytesUpto(index)
		m.bytes -= cut
		first.after, first.bytes = index, first.bytes-cut
	}
}

// bytesUpto returns the share of the run's bytes that the entries up to index have.
func (r *sizeRun) bytesUpto(index raft.Index) int {
	return int(float64(r.bytes) * float64(index-r.after) / float64(r.upto-r.after))
}
