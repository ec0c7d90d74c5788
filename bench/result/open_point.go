package result

// OpenPoint is one rate of an open loop at the core. Latency counts from the intended time, and is that of one of the
// runs in which the rate held.
type OpenPoint struct {
	OfferedPerS  float64  `json:"offered_per_s"`
	AchievedPerS float64  `json:"achieved_per_s"`
	P50Us        float64  `json:"p50_us"`
	P99Us        float64  `json:"p99_us"`
	P999Us       *float64 `json:"p999_us"` // null when there are too few commands for it
	N            int      `json:"n"`
	NotOK        int64    `json:"not_ok"`
	// Runs offered the rate; in Held of them the system kept up, and the generator was on time. Both are 0 in results
	// from before they were counted. Why says what did not hold in the first of the others.
	Runs int    `json:"runs,omitempty"`
	Held int    `json:"held,omitempty"`
	Why  string `json:"why,omitempty"`
	// TailMax is how many times P99Us P999Us may be; 0 when it is not judged.
	TailMax float64 `json:"tail_max,omitempty"`
	// Work is what the nodes did meanwhile, the warm-up included; null when the system does not say.
	Work *OpenWork `json:"work,omitempty"`
}

// OpenWork counts what all nodes together did beside serving.
type OpenWork struct {
	LogFlushes     int64 `json:"log_flushes"`     // of the log engines' memory to a table
	LogMerges      int64 `json:"log_merges"`      // of their tables; moves included
	StateFlushes   int64 `json:"state_flushes"`   // of the state machines' memory to a table
	StateMerges    int64 `json:"state_merges"`    // of their tables; moves included
	LogCompactions int64 `json:"log_compactions"` // each after the state machine was made durable
	SnapshotsSent  int64 `json:"snapshots_sent"`  // to followers that needed what was compacted
}

// Tail returns how many times the p99 the p99.9 is, or nil when there are too few commands for it.
func (p OpenPoint) Tail() *float64 {
	if p.P999Us == nil || p.P99Us <= 0 {
		return nil
	}
	tail := *p.P999Us / p.P99Us
	return &tail
}

// Cliff says whether the p99.9 is further from the p99 than it may be.
func (p OpenPoint) Cliff() bool {
	tail := p.Tail()
	return p.TailMax > 0 && tail != nil && *tail > p.TailMax
}

// Valid says whether the rate held in most of its runs. Latencies of one that did not are those of a queue that grew,
// and say how long it was measured.
func (p OpenPoint) Valid() bool { return 2*p.Held > p.Runs || p.Runs == 0 }
