package reports

import (
	"fmt"
	"math"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
)

// exchangeBlocks are the figures that matter of transports alone.
func (s *study) exchangeBlocks() []page.Block {
	return present([]page.Block{
		s.roundTripFigure(), s.ratioFigure(), s.delayFigure(), s.streamFigure(), s.cpuFigure(),
	})
}

// seriesBySize makes a line of each arm over the sizes.
func (s *study) seriesBySize(
	mode string, flight func(size int) int, of func(*result.ExchangeCell) result.Median,
) []plot.PanelSeries {
	var all []plot.PanelSeries
	for _, a := range s.exchangeArms() {
		series := plot.PanelSeries{Label: short(a)}
		for _, size := range s.exchangeSizes(mode) {
			if c := a.cell(mode, size, flight(size)); c != nil {
				series.Points = append(series.Points, panelPoint(float64(size), of(c)))
			}
		}
		all = append(all, series)
	}
	return all
}

func panelPoint(x float64, m result.Median) plot.PanelPoint {
	pt := plot.PanelPoint{X: x, Y: math.NaN(), Low: math.NaN(), High: math.NaN()}
	if m.Median != nil && *m.Median > 0 { // a scale of logarithms has no zero
		pt.Y = *m.Median
		if m.Low != nil && m.High != nil {
			pt.Low, pt.High = *m.Low, *m.High
		}
	}
	return pt
}

func (s *study) runsText() string {
	runs := 0
	for i := range s.Exchange {
		runs = max(runs, s.Exchange[i].Run)
	}
	if runs == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", runs)
}

func (s *study) roundTripFigure() page.Block {
	var panels []plot.Panel
	for _, n := range s.exchangeFlights(result.ModeEcho) {
		panels = append(panels, plot.Panel{
			Title: flightWords(n),
			Series: s.seriesBySize(result.ModeEcho, func(int) int { return n },
				func(c *result.ExchangeCell) result.Median { return c.P50Us }),
		})
	}
	if len(panels) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.Panels(plot.PanelOptions{
			Name: "round-trip", Title: "Round trip of an echo by size and number in flight (p50, closed loop, log-log)",
			Alt:    "Lines of the round trip against the size of a message, a panel for each number in flight.",
			XLabel: "bytes of a message", YLabel: "median over " + s.runsText() + " of a run's p50", X: plot.UnitBytes,
			Y: plot.UnitMicroseconds, Columns: 3,
		}, panels),
		Caption: "A message goes there and comes back as it is; the next one is sent where the last one is delivered, so " +
			"that so many are always in flight. Service time, closed loop. Bars are 95 % intervals of the median over runs; " +
			"the panels share both scales.",
		How: "Within a panel the lower line is better. Where a line is flat the cost is that of a message, not of its " +
			"bytes: system calls, wake-ups, packets. Where it rises in proportion, bytes are what is paid for. From panel to " +
			"panel a line that rises says that the messages wait for each other: then look at throughput.",
		Not: "Distance and loss: on the loopback network a packet is never late and never lost. Nor what raft adds: there " +
			"is no log and no quorum. What is missing at the upper right would have had more bytes in flight than a transport " +
			"queues.",
	}
}

func (s *study) ratioFigure() page.Block {
	over, under, ok := s.compared()
	if !ok {
		return nil
	}
	var panels []plot.RatioPanel
	for _, n := range s.exchangeFlights(result.ModeEcho) {
		panel := plot.RatioPanel{Title: flightWords(n)}
		for _, size := range s.exchangeSizes(result.ModeEcho) {
			ratios := s.ratioOf(over.Name, under.Name, exchangePoint{mode: result.ModeEcho, size: size, inFlight: n},
				func(r *result.ExchangeRow) float64 { return r.P50Us })
			if len(ratios) == 0 {
				continue
			}
			row := plot.RatioRow{
				Label: sizeText(size), Ratio: ratios.OrderStatistic(.5), Low: math.NaN(), High: math.NaN(),
			}
			if low, high, ok := ratios.Interval(.5); ok {
				row.Low, row.High = low, high
			}
			panel.Rows = append(panel.Rows, row)
		}
		if len(panel.Rows) > 0 {
			panels = append(panels, panel)
		}
	}
	if len(panels) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.Ratios("ratio", fmt.Sprintf("Round trip p50 of %s as a multiple of that of %s (%s, log)", short(over),
			short(under), s.runsText()), panels, 3),
		Caption: fmt.Sprintf("Each dot is the median over runs of the ratio within a run, where both were measured one "+
			"after the other; the bar is its 95 %% interval. Left of 1 %s is faster, right of it %s.", short(over),
			short(under)),
		How: "Red: the whole interval is above 1; green: below; grey: cannot be resolved, or there are too few runs for an " +
			"interval.",
		Not: "Absolute times, and so whether a ratio matters: twice very little is very little.",
	}
}

func (s *study) delayFigure() page.Block {
	var groups []plot.LaneGroup
	bound := 0.0
	for _, beside := range []string{
		result.BesideIdle, result.BesideAppend, result.BesideSnapshot, result.BesideOneLane,
	} {
		group := plot.LaneGroup{Title: besideTitle(beside)}
		for _, a := range s.exchangeArms() {
			h := a.delay(beside)
			if h == nil || h.RoundTripUs.P50 == nil || h.RoundTripUs.Max == nil {
				continue
			}
			bound = max(bound, h.BoundUs)
			row := plot.LaneRow{Label: short(a), P50: *h.RoundTripUs.P50, P99: math.NaN(), Max: *h.RoundTripUs.Max}
			if h.RoundTripUs.P99 != nil {
				row.P99 = *h.RoundTripUs.P99
			}
			group.Rows = append(group.Rows, row)
		}
		if len(group.Rows) > 0 {
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.LaneDelays("lane-isolation", groups, bound),
		Caption: "Heartbeats are sent each millisecond and answered at once, on the control lane, while nothing else " +
			"travels; while the append lane is kept full with messages of 1 MiB, 8 MiB of them under way; and while " +
			"snapshots follow each other in chunks of 256 KiB, 2 MiB under way. The last group is the control: the heartbeat " +
			"takes the full append lane itself. " + s.runsText() + ", all heartbeats together. The dashed line is the bound " +
			"that the slowest is held to.",
		How: "The distance between the first group and the others is what lanes do not keep apart: the processors, which " +
			"encrypt and copy, and on one connection the order in which packets are sent. Compare it with the last group, " +
			"which is a transport without lanes.",
		Not: "A machine with cores to spare, where less of the delay would be left; and a slow network, where a full " +
			"lane's packets stand in the same queues of the routers.",
	}
}

func besideTitle(beside string) string {
	switch beside {
	case result.BesideIdle:
		return "idle"
	case result.BesideAppend:
		return "beside a full append lane"
	case result.BesideSnapshot:
		return "beside snapshots"
	default:
		return "control: in the full append lane itself"
	}
}

func (s *study) streamFigure() page.Block {
	if len(s.exchangeSizes(result.ModeStream)) == 0 {
		return nil
	}
	panels := []plot.Panel{{
		Title: "one way, 8 MiB or 1024 messages under way",
		Series: s.seriesBySize(result.ModeStream, s.streamWindow,
			func(c *result.ExchangeCell) result.Median { return c.BytesPerS }),
	}}
	if n := s.flightShown(); n > 1 {
		panels = append(panels, plot.Panel{
			Title: fmt.Sprintf("echo, %d in flight", n),
			Series: s.seriesBySize(result.ModeEcho, func(int) int { return n },
				func(c *result.ExchangeCell) result.Median { return c.BytesPerS }),
		})
	}
	return page.Figure{
		Figure: plot.Panels(plot.PanelOptions{
			Name: "throughput", Title: "Throughput by the size of a message (bytes of entries a second, log-log)",
			Alt:    "Lines of bytes a second against the size of a message.",
			XLabel: "bytes of a message", YLabel: "bytes a second, one direction; median over " + s.runsText(),
			X: plot.UnitBytes, Y: plot.UnitBytesPerSecond, Columns: 2,
		}, panels),
		Caption: "Left: as a leader sends, answered by small replies. Right: an echo, which moves as much again the other " +
			"way. Bars are 95 % intervals of the median over runs; the panels share both scales.",
		How: "The higher line is better. A line that has stopped to rise has found its limit: the processors, here.",
		Not: "A network: the loopback network has no bandwidth of its own, and TCP sends segments of up to 64 KiB over it " +
			"where Ethernet has 1.5 KB. QUIC makes its packets as for Ethernet everywhere.",
	}
}

func (s *study) cpuFigure() page.Block {
	cpu := func(c *result.ExchangeCell) result.Median { return c.CPUUsPerMessage }
	var panels []plot.Panel
	flights := []int{firstOf(s.exchangeFlights(result.ModeEcho))}
	if n := s.flightShown(); n != flights[0] {
		flights = append(flights, n)
	}
	for _, n := range flights {
		panels = append(panels, plot.Panel{
			Title:  "echo, " + flightWords(n),
			Series: s.seriesBySize(result.ModeEcho, func(int) int { return n }, cpu),
		})
	}
	if len(s.exchangeSizes(result.ModeStream)) > 0 {
		panels = append(panels, plot.Panel{Title: "one way", Series: s.seriesBySize(result.ModeStream, s.streamWindow, cpu)})
	}
	return page.Figure{
		Figure: plot.Panels(plot.PanelOptions{
			Name: "cpu", Title: "CPU time of a message, both processes together (log-log)",
			Alt:    "Lines of CPU time a message against its size.",
			XLabel: "bytes of a message", YLabel: "CPU time a message, median over " + s.runsText(), X: plot.UnitBytes,
			Y: plot.UnitMicroseconds, Columns: 3,
		}, panels),
		Caption: "User and system time of both processes, divided by the messages: of an echo there and back, of a stream " +
			"with its reply. Bars are 95 % intervals of the median over runs; the panels share both scales.",
		How: "The distance between one at a time and many in flight is what batching saves: more messages a frame, a " +
			"system call, a packet. The distance between tcp and tls is what encryption costs; that between tls and quic is " +
			"the protocol in user space.",
		Not: "What the kernel works off in interrupts for nobody in particular; see the tables.",
	}
}
