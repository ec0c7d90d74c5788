package bench

import (
	"math/rand/v2"
	"time"
)

// randomPhase returns where in the heartbeat interval a fault is to fall: uniform in [0, heartbeat), so that no trial's
// outage is shortened or lengthened by a habit of the bench (rule R10).
func randomPhase(random *rand.Rand, heartbeat time.Duration) time.Duration {
	return time.Duration(random.Int64N(max(1, int64(heartbeat))))
}
