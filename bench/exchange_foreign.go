package bench

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// The loops of an exchange are closed, so that nothing else shows that other programs used the machine. A row in which
// they used too much (result.ExchangeForeignMax) is left out; with more than these shares of all rows, or of the runs
// of one point, left out the exchange is invalid.
const (
	disturbedMax      = 0.10
	disturbedPointMax = 1.0 / 3
)

// key returns what names the point in rows.
func (p exchangePoint) key() exchangeKey {
	switch {
	case p.loop != nil:
		return exchangeKey{mode: string(p.loop.Mode), size: p.loop.SizeBytes, inFlight: p.loop.InFlight}
	case p.beat != nil:
		return exchangeKey{mode: result.ModeHeartbeat, beside: string(p.beat.Background), inFlight: 1}
	case p.connect.Again:
		return exchangeKey{mode: result.ModeConnect, beside: result.ConnectAgain}
	default:
		return exchangeKey{mode: result.ModeConnect, beside: result.ConnectFresh}
	}
}

// disturbed says what was left out because other programs used the machine, and whether too much was; out counts it by
// point. It also notes that too few runs were made for an interval.
func (x *exchangeRecord) disturbed(out map[exchangeKey]int) (faults []string) {
	all, known := 0, false
	for i := range x.rows {
		known = known || x.rows[i].Foreign >= 0
	}
	for _, p := range x.arm.scenario.Exchange.points() {
		n := out[p.key()]
		all += n
		if runs := x.arm.scenario.Runs; float64(n) > disturbedPointMax*float64(runs) {
			faults = append(faults, fmt.Sprintf("%s: other programs used more than %.0f %% of the CPUs in %d of %d runs",
				p, 100*result.ExchangeForeignMax, n, runs))
		}
	}
	text := fmt.Sprintf("%d of %d rows are left out: other programs used more than %.0f %% of the CPUs", all, len(x.rows),
		100*result.ExchangeForeignMax)
	switch {
	case !known:
		x.arm.warnings = append(x.arm.warnings, "note: nothing says what other programs used")
	case float64(all) > disturbedMax*float64(len(x.rows)):
		faults = append(faults, fmt.Sprintf("%s; at most %.0f %% may be", text, 100*disturbedMax))
	case all > 0:
		x.arm.warnings = append(x.arm.warnings, "warning: "+text)
	}
	if runs := x.arm.scenario.Runs; runs < loadgen.MinimumSample(0.5) {
		x.arm.warnings = append(x.arm.warnings, fmt.Sprintf("note: no 95 %% interval with runs %d, at least %d are needed",
			runs, loadgen.MinimumSample(0.5)))
	}
	return faults
}
