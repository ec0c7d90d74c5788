package result

// OpenPoint is one rate of an open loop at the core. Latency counts from the intended time.
type OpenPoint struct {
	OfferedPerS  float64  `json:"offered_per_s"`
	AchievedPerS float64  `json:"achieved_per_s"`
	P50Us        float64  `json:"p50_us"`
	P99Us        float64  `json:"p99_us"`
	P999Us       *float64 `json:"p999_us"` // null when there are too few commands for it
	N            int      `json:"n"`
	NotOK        int64    `json:"not_ok"`
}
