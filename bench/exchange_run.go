package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/raftmark/raftmark/bench/exchange"
	"github.com/raftmark/raftmark/bench/result"
)

// measureExchange goes through the runs of transports that are measured alone. In a run the ends of all arms exist, and
// each point is measured at one arm after the other, so that a drift of the machine hits all of them alike (rule R18).
// Who is first changes from point to point and from run to run. Arms that are idle ask for signs of life a few times a
// second, and do nothing else.
func (e *experiment) measureExchange(ctx context.Context) error {
	for number := range e.opts.Scenario.Runs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.exchangeRun(ctx, number+1); err != nil {
			return fmt.Errorf("run %d: %w", number+1, err)
		}
	}
	return nil
}

// turn returns which arm comes at a place in a point's turn of n arms.
func turn(place, n, run, point int) int {
	if (run+point/n)%2 == 1 { // and every second time backwards
		place = n - 1 - place
	}
	return (place + point) % n
}

func (e *experiment) exchangeRun(ctx context.Context, number int) (err error) {
	started := time.Now()
	e.progress.beginRun(fmt.Sprintf("%d transports", len(e.arms)))
	e.progress.phase(phaseStart, 0, 0)
	pairs := make([]*exchange.Pair, len(e.arms))
	defer func() {
		for i, pair := range pairs {
			if pair != nil {
				err = errors.Join(err, endPair(e.arms[i].name, pair))
			}
		}
		if err == nil {
			err = removeData(e.exchangeDir(number))
		}
	}()
	most := 0
	for i, arm := range e.arms {
		if pairs[i], err = e.startPair(ctx, arm, number); err != nil {
			return fmt.Errorf("%s: %w", arm.name, err)
		}
		most = max(most, len(arm.scenario.Exchange.points()))
	}
	for point := range most {
		for place := range e.arms {
			i := turn(place, len(e.arms), number, point)
			arm := e.arms[i]
			points := arm.scenario.Exchange.points()
			if point >= len(points) {
				continue
			}
			e.progress.phase(points[point].String(), point+1, most)
			if err := arm.exchange.measure(ctx, pairs[i], number, points[point]); err != nil {
				return fmt.Errorf("%s: %w", arm.name, err)
			}
		}
	}
	e.progress.endRun(time.Since(started))
	return nil
}

func endPair(arm string, pair *exchange.Pair) error {
	if err := pair.Close(); err != nil {
		return fmt.Errorf("%s: %w", arm, err)
	}
	return nil
}

func (e *experiment) exchangeDir(number int) string {
	return filepath.Join(e.opts.Dir, dataDir, fmt.Sprintf("run%d", number))
}

func (e *experiment) startPair(ctx context.Context, arm *armRecord, number int) (*exchange.Pair, error) {
	dir := filepath.Join(e.exchangeDir(number), fileName(arm.name))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the ends' folder: %w", err)
	}
	if arm.exchange == nil {
		arm.exchange = newExchangeRecord(arm)
	}
	boot, cancel := context.WithTimeout(ctx, bootMax)
	defer cancel()
	return exchange.Start(boot, exchange.Options{
		Executable: e.opts.Executable, Dir: dir, Transport: arm.scenario.Transport,
		Congestion: arm.scenario.Congestion, AppendStreams: arm.scenario.AppendStreams,
		HeartbeatDatagrams: arm.scenario.HeartbeatDatagrams,
	})
}

// measure measures one point and keeps what came of it. A message that was lost makes the arm invalid, and the others
// are still of interest.
func (x *exchangeRecord) measure(ctx context.Context, pair *exchange.Pair, run int, p exchangePoint) error {
	if p.skipped != "" {
		return nil
	}
	var err error
	row := newExchangeRow(x.arm.name, run)
	switch {
	case p.loop != nil:
		var c exchange.Cell
		if c, err = pair.Loop(ctx, *p.loop); err == nil {
			x.addLoop(row, p.loop, c)
		}
		if err == nil && x.ledger == nil && p.loop.InFlight == 1 {
			err = x.noteLedger(ctx, pair)
		}
	case p.beat != nil:
		var b exchange.Beats
		if b, err = pair.Beat(ctx, *p.beat); err == nil {
			x.addBeats(row, p.beat, b)
		}
	case p.connect != nil:
		var c exchange.Connections
		if c, err = pair.Connect(ctx, *p.connect); err == nil {
			x.addConnections(row, p.connect, c)
		}
	}
	if errors.Is(err, exchange.ErrLost) {
		x.arm.invalid = append(x.arm.invalid, fmt.Sprintf("run %d, %s: %v", run, p, err))
		return nil
	}
	return err
}

// String says which point it is.
func (p exchangePoint) String() string {
	switch {
	case p.loop != nil:
		return fmt.Sprintf("%s %s x %d", p.loop.Mode, shortBytes(p.loop.SizeBytes), p.loop.InFlight)
	case p.beat != nil:
		return fmt.Sprintf("heartbeats, %s", p.beat.Background)
	case p.connect.Again:
		return "connect again"
	default:
		return "connect"
	}
}

func shortBytes(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d B", n)
	}
}

func newExchangeRow(arm string, run int) *result.ExchangeRow {
	return &result.ExchangeRow{
		Arm: arm, Run: run, PerS: -1, BytesPerS: -1, P50Us: -1, P90Us: -1, P99Us: -1, P999Us: -1, MaxUs: -1, LagP99Us: -1,
		SnapshotUs: -1, CPUUs: -1, SoftirqUs: -1, Allocs: -1, AllocBytes: -1, SocketBytes: -1, Segments: -1, SendCalls: -1,
		ReadCalls: -1, Retransmits: -1, LoopbackBytes: -1, LoopbackPackets: -1, Foreign: -1,
	}
}
