package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
)

// Each function returns the figure with its caption, or nil when there is nothing to draw.

func (s *study) cdfFigure(kind string) page.Block {
	arms := s.cdfArms(kind)
	if len(arms) == 0 || result.Survived(kind) { // that is no outage
		return nil
	}
	least, beat := 0.0, 0.0
	for _, a := range s.arms {
		if ms := electionMin(a.Config); electionBounds(kind) && ms > 0 && (least == 0 || ms < least) {
			least, beat = ms, heartbeat(a.Config)
		}
	}
	how := "A line that is further left is better. Go up to a share and then down to the axis: that share of the trials " +
		"had an outage no longer than this. The pale band is where the true distribution lies with 95 % confidence " +
		"(Dvoretzky, Kiefer, Wolfowitz)."
	if least > 0 {
		how += fmt.Sprintf(" The dashed line is the shortest election timeout, %s.", milliseconds(least))
		if beat > 0 {
			how += fmt.Sprintf(" A follower counts from the last heartbeat it got, so an outage may be up to %s shorter than "+
				"that.",
				milliseconds(beat))
		}
	}
	return page.Figure{
		Figure: plot.OutageCDF("outage-cdf-"+slug(kind), kind, arms, least),
		Caption: fmt.Sprintf("Distribution of the outage after %s, in milliseconds, over trials: %s. Window: from "+
			"the order of the fault to the end of its trial.", kind, cdfCounts(arms)),
		How: how,
		Not: "How long an outage can become: the largest one seen is not an upper bound. Nor what single operations " +
			"waited; see the overlay and the percentiles.",
	}
}

// electionBounds says whether an outage of the kind begins with the wait for an election timeout.
func electionBounds(kind string) bool {
	return result.ElectionFollows(kind) && kind != result.KindPowerLoss && !result.HandsOver(kind)
}

func cdfCounts(arms []plot.CDFArm) string {
	var parts []string
	for _, a := range arms {
		parts = append(parts, fmt.Sprintf("%s n=%d", a.Label, len(a.Outages)))
	}
	return strings.Join(parts, ", ")
}

// slug makes a part of a file name.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '-'
		}
	}, name)
}

func (s *study) overlayFigure(kind string) page.Block {
	few, offered := false, 0.0
	var laid []*armStudy
	for _, a := range s.arms {
		e := a.laid[kind]
		if e == nil || e.empty() {
			continue
		}
		laid = append(laid, a)
		few = few || len(e.windows) < stat.MinSample(.9)
		if a.Steady != nil {
			offered = max(offered, a.Steady.OfferedPerS)
		}
	}
	if len(laid) == 0 {
		return nil
	}
	var arms []plot.OverlayArm
	for _, a := range laid {
		arms = append(arms, a.overlayArm(kind, few))
	}
	bandName := "p10 to p90"
	if few {
		bandName = "minimum to maximum"
	}
	binMs := float64(laid[0].laid[kind].bin) / 1e3
	return page.Figure{
		Figure: plot.FaultOverlay(plot.OverlayOptions{
			Name: "overlay-" + slug(kind), Kind: kind, Alt: overlayAlt(kind), BinMs: binMs, OfferedPS: offered,
			RateBand: bandName, ResponseBand: "p10 to p90",
		}, arms),
		Caption: fmt.Sprintf("All trials of %s with the fault at 0. Above: acknowledged operations a second in bins of "+
			"%.0f ms; line: median over trials, band: %s. Between: median instants of the failover. Below: response time of "+
			"the operations that were due in each bin, all trials together; those without an answer at the clients' timeout.",
			kind, binMs, bandName),
		How: overlayHow(kind) + " What leaves the upper panel is cut off there. Where fewer than 36 operations fell in a " +
			"bin, the lower band is from minimum to maximum.",
		Not: "Single trials: a median over trials with different outages falls and rises more gently or more sharply than " +
			"any one of them.",
	}
}

// overlayAlt says what is to be seen around a fault, for those who cannot see it.
func overlayAlt(kind string) string {
	switch kind {
	case result.KindLeaderDiskSlow:
		return "Goodput stays; response time rises while the leader's disk is slow, and falls when it is healed."
	case result.KindLeaderDiskStall:
		return "Goodput falls to zero when the leader's disk hangs, and returns with a new leader or with the disk; " +
			"response time rises for operations that were due meanwhile."
	case result.KindPowerLoss:
		return "Goodput falls to zero when all nodes are gone, and returns when they are started again; response time " +
			"rises for operations that were due meanwhile."
	default:
		if result.CutsLinks(kind) {
			return linksAlt(kind)
		}
		if ofProcesses(kind) {
			return processesAlt(kind)
		}
		return "Goodput falls to zero at the fault and returns with the new leader; response time rises for operations " +
			"that were due meanwhile."
	}
}

// overlayHow says how to read the figure around a fault.
func overlayHow(kind string) string {
	slope := " and overshoots when the backlog drains. Response time falls " +
		"in a straight slope (curved on this log scale) towards the end of the outage: an operation that was due early " +
		"in it waited longest. That sawtooth is right; a generator that stops sending during an outage would not show it."
	switch kind {
	case result.KindLeaderDiskSlow:
		return "Goodput that goes on says that commits do not wait for the leader's disk and that its batches grow; the " +
			"response time in between is that of its syncs, because the leader answers what its own log has."
	case result.KindLeaderDiskStall:
		return "Goodput drops to zero when the leader's disk hangs, comes back with a new leader or, where none is " +
			"elected, when the disk is healed (the cross)," + slope + " Operations that wait at the old leader are " +
			"answered when its disk is: they keep response times high until the cross, although others are served."
	case result.KindPowerLoss:
		return "Goodput drops to zero when all nodes are gone, comes back after they were started again (the cross)," + slope
	default:
		if result.CutsLinks(kind) {
			return linksHow(kind, slope)
		}
		if ofProcesses(kind) {
			return processesHow(kind, slope)
		}
		return "Goodput drops to zero when the leader is gone" + slope
	}
}

func (s *study) spectrumFigure() page.Block {
	panels := s.spectrumPanels()
	if len(panels) == 0 {
		return nil
	}
	band := ""
	if slices.ContainsFunc(panels[0].Arms, func(a plot.SpectrumArm) bool { return a.Runs != nil }) {
		band = " The band around a line is from its lowest to its highest run, as far as each run has enough operations."
	}
	return page.Figure{
		Figure: plot.Spectrum("percentiles", panels),
		Caption: "Latency of operations by percentile, on log scales; the panels share their scales. Response time " +
			"counts from the intended start, service time from the first attempt. n counts the recorded operations: " +
			"all from shortly before a fault to the end of its trial, elsewhere a sample of them, each weighted by what it " +
			"stands for; the tables are of all operations. Each line ends where its sample is too small to go on." + band,
		How: "The further right, the rarer the operation: p99 is the slowest one in a hundred. A gap between the wide and " +
			"the dotted line of an arm is time that operations waited before they were sent; without one the lines cover each " +
			"other." +
			spectrumGap(panels),
		Not: "When the slow operations happened, and the uncertainty of the lines: operations of one run are not " +
			"independent. Operations that failed, were given up or were shed count at the clients' timeout, which is a lower " +
			"bound, and have no service time.",
	}
}

// spectrumGap quotes response and service at the last percentile of the last panel.
func spectrumGap(panels []plot.SpectrumPanel) string {
	last := panels[len(panels)-1]
	text := ""
	for _, a := range last.Arms {
		for i, p := range a.Response {
			if p.Q >= .989 && p.Q <= .9901 && i < len(a.Service) {
				text += fmt.Sprintf(" %s, %s: p99 is %s in response time and %s in service time.", last.Label, a.Label,
					milliseconds(p.Us/1e3), milliseconds(a.Service[i].Us/1e3))
			}
		}
	}
	return text
}

func (s *study) latencyFigure() page.Block {
	arms := s.timelineArms()
	if len(arms) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.LatencyTimeline("latency-timeline", arms),
		Caption: fmt.Sprintf("Response time over each arm by the time of completion, in %d ms bins that are joined to "+
			"columns of the picture: the solid line is the median of the bins' p50, the pale line the slowest operation. "+
			"The strip shows which node led.", s.binMs()),
		How: "Red lines are faults, grey dotted ones the control, in which nothing was broken. The shaded part is the " +
			"steady phase that the headline is from. A gap in a line is time in which nothing was acknowledged.",
		Not: "Single operations, and what was outstanding: an operation appears when it completes.",
	}
}

func (s *study) binMs() int64 {
	if len(s.Timeline) == 0 {
		return 0
	}
	return s.Timeline[0].WidthUs / 1000
}

func (s *study) throughputFigure() page.Block {
	arms := s.timelineArms()
	if len(arms) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.ThroughputTimeline("throughput-timeline", arms),
		Caption: "Operations a second over each arm: offered by the schedule (grey), acknowledged (coloured), and those " +
			"that failed, stayed unknown or were shed (red bars).",
		How: "Coloured on grey means that the cluster kept up. A fall to zero is an outage, and the spike after it is the " +
			"backlog.",
		Not: "Outages shorter than a column of the picture; see the overlay for those.",
	}
}

func (s *study) phaseFigure(kind string) page.Block {
	arms := s.phaseArms(kind)
	if len(arms) == 0 {
		return nil
	}
	left := 0
	for _, a := range arms {
		left += a.Left
	}
	options := plot.PhaseOptions{
		Name: "phases-" + slug(kind), Kind: kind, First: "detect", Share: "detection", From: "the fault",
	}
	lowest := "The lowest part is the wait for an election timeout, which settings decide."
	switch kind {
	case result.KindPowerLoss:
		options.First, options.Share, options.From = "restart", "the restart", "the order to start the nodes"
		lowest = "The lowest part is the start of the processes, which read their logs, and the wait for an election timeout."
	case result.KindLeaderShutdown, result.KindLeaderTransfer:
		options.First, options.Share = "prepare", "the preparation"
		lowest = "The lowest part is what the leader does from the order until it tells its successor to stand for election."
	case result.KindLeaderDiskStall:
		lowest = "The lowest part is the time that the node gives its disk, which disk_stall_max decides."
	}
	caption := fmt.Sprintf("Each bar is one trial of %s, from %s to the first acknowledgement of the new "+
		"leader, in milliseconds. Bars are sorted; the panels share their scales.", kind, options.From)
	if left > 0 {
		caption += fmt.Sprintf(" %d trials are left out, because an instant of theirs was not observed.", left)
	}
	return page.Figure{
		Figure:  plot.PhaseStack(options, arms),
		Caption: caption,
		How: lowest + " The parts above are what the " +
			"implementation and the clients add.",
		Not: "Recovery, which goes on after the first acknowledgement; nor the outage, where a longer gap without " +
			"acknowledgements came later in the trial.",
	}
}

func (s *study) calibrationFigure() page.Block {
	rows := s.calibrationRows()
	if len(rows) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.Calibration("calibration", rows),
		Caption: "Times of this machine alone, measured before the run, and the steady response time of each arm. A bar " +
			"goes from p50 to p99.",
		How: "The distance between the floor and a response is what the implementation, queues and scheduling add. A floor " +
			"that is close to the response means that the machine, not the program, is the limit.",
		Not: "How the machine behaves under the load of the run: the calibration ran on an idle machine.",
	}
}
