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
}

// Valid says whether the rate held in most of its runs. Latencies of one that did not are those of a queue that grew,
// and say how long it was measured.
func (p OpenPoint) Valid() bool { return 2*p.Held > p.Runs || p.Runs == 0 }
