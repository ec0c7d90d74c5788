package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

func (s *study) methodSection() page.Section {
	return page.Section{ID: "method", Title: "Method", Blocks: []page.Block{page.List{Items: slices.Concat(s.methodItems(),
		s.courseMethod(), s.saturationMethod())}}}
}

// courseMethod is how the numbers of a course are made.
func (s *study) courseMethod() []string {
	if len(s.courses()) == 0 {
		return nil
	}
	return []string{
		"A step is summed up from its order to the next order: its longest gap between acknowledgements, the operations " +
			"that were due in it, and the time without a leader, from a leader's last word, or its order to another to " +
			"campaign, to the first commit of the next one.",
		"A segment in which nothing is done is a control. It holds the conditions of a steady phase, or the result is " +
			"invalid; in the others the generator's lateness is below a tenth of p99.",
		"A node has caught up when it has applied what was committed at the order; the bench asks it every 10 to 40 ms.",
	}
}

func (s *study) methodItems() []string {
	if s.isExchange() {
		return exchangeMethod()
	}
	return []string{
		"Load: open loop. The schedule of intended starts is fixed before the run by the seed and does not wait for " +
			"answers. A closed loop is labelled as one.",
		"Response time is done minus intended, service time is done minus the first attempt, send lag is dispatched " +
			"minus intended: the generator's own. A latency spans all retries of an operation.",
		"Operations that failed, never completed, or were shed at the in-flight limit, count as at least the clients' " +
			"timeout. Errors never improve a percentile.",
		"The warm-up is left out.",
		"A fault is at the instant it took effect, not when it was ordered. It comes at a random phase of the heartbeat, " +
			"from the seed.",
		"Outage: the longest gap between consecutive acknowledgements that overlaps the time from the order of the fault " +
			"to the end of the trial. It begins at the last acknowledgement before the gap. It is made of acknowledgements, " +
			"never of timeouts. Leaderless time and phases begin when the fault took effect.",
		"A quantile is a value that was observed, of rank ⌈q·n⌉. It is printed only when its two-sided 95 % interval is " +
			"finite: p50 from 6 samples on, p90 from 36, p95 from 72, p99 from 368, p99.9 from 3688.",
		"Intervals are order statistics from the binomial distribution; they assume independent trials and no " +
			"distribution. Two arms differ when the intervals of their medians do not overlap, which is stricter than a " +
			"test at 5 %.",
		"All instants are readings of one monotonic clock that the processes of the host share.",
	}
}

// threatsSection lists what could make the numbers mean less than they seem to; only what applies.
func (s *study) threatsSection() page.Section {
	if s.isExchange() {
		return page.Section{ID: "threats", Title: "Threats to validity", Blocks: []page.Block{page.List{Ordered: true,
			Items: s.exchangeThreats()}}}
	}
	items := []string{
		"All nodes and the load generator share one host; network latency is loopback or emulated. Absolute numbers do not " +
			"transfer; compare only rows of this report.",
		"Response time is measured from the intended send time; requests scheduled during an outage include their wait.",
	}
	if n := s.Manifest.Environment.CPUs; n > 0 && n <= 4 {
		items = append(items, fmt.Sprintf("Clients and servers share %d CPUs and take time from each other.", n))
	}
	items = append(items, s.trialThreats()...)
	c := s.Calibration
	if lines := s.notDurable(); len(lines) > 0 {
		items = append(items, strings.Join(lines, " "))
	} else if c.FsyncUs.P50 != nil {
		items = append(items, fmt.Sprintf("fsync returned in %s at the median. What the device below a virtual machine "+
			"promises is not checked.",
			table.Duration(*c.FsyncUs.P50)))
	}
	if steal := s.Manifest.Environment.StealPercent; steal > 1 {
		items = append(items, fmt.Sprintf("The hypervisor took %.1f %% of the CPU time during the run.", steal))
	}
	for _, a := range s.arms {
		if st := a.Steady; st != nil && st.Shed > 0 {
			all := st.OK + st.Failed + st.Unknown + st.Shed
			items = append(items, fmt.Sprintf("%s: shed requests %.2g %% (in-flight limit); percentiles treat them as censored.",
				a.Name, 100*float64(st.Shed)/float64(all)))
		}
	}
	if s.Manifest.Dirty {
		items = append(items, "The program was built from a commit with local changes.")
	}
	items = append(items,
		"Each arm was run few times, and the noise of identical code on this host was not measured: small differences in "+
			"the steady phase are not interpreted.")
	return page.Section{ID: "threats", Title: "Threats to validity", Blocks: []page.Block{page.List{Ordered: true,
		Items: items}}}
}

func (s *study) trialThreats() []string {
	var items []string
	for _, kind := range s.kinds {
		var counts []string
		worst, fewest := 0.0, -1
		for _, a := range s.arms {
			outages := a.outages(kind)
			if most, ok := outages.Max(); ok {
				worst = max(worst, most)
				counts = append(counts, table.Count(int64(len(outages))))
				if fewest < 0 || len(outages) < fewest {
					fewest = len(outages)
				}
			}
		}
		if fewest < 0 {
			continue
		}
		item := fmt.Sprintf("Trials of %s an arm: %s. The largest observed outage (%s) is not an upper bound.", kind,
			strings.Join(counts, ", "), milliseconds(worst))
		if fewest < stat.MinSample(.95) {
			item += fmt.Sprintf(" p95 not reported for fewer than %d trials.", stat.MinSample(.95))
		} else if fewest < stat.MinSample(.99) {
			item += fmt.Sprintf(" p99 not reported (needs %d trials).", stat.MinSample(.99))
		}
		items = append(items, item)
		if kind == result.KindPowerLoss {
			items = append(items, "Power loss = SIGKILL of all processes at one instant. What they had given to the operating "+
				"system survives it, synced or not: whether what is synced is enough, the crash tests of the stores decide.")
		}
		if result.CutsLinks(kind) && !slices.Contains(items, linksMethod) {
			items = append(items, linksMethod)
		}
		if how := processesMethod(kind); how != "" {
			items = append(items, how)
		}
		if strings.HasSuffix(kind, "-kill") {
			crash := "Crash = SIGKILL of the process; the host's TCP stack answers RST, so peers may learn " +
				"sooner than in a power loss. Data in the operating system's cache survives it."
			if !slices.Contains(items, crash) {
				items = append(items, crash)
			}
		}
	}
	return items
}

// filesSection links to what the numbers are from. The report is in a folder of the result.
func (s *study) filesSection() page.Section {
	links := page.Links{}
	for _, f := range []struct{ name, text string }{
		{result.ManifestFile, "where the result comes from"},
		{result.ScenarioFile, "the effective scenario"},
		{result.SummaryFile, "all numbers of the tables"},
		{result.SummaryCSVFile, "the same, for a spreadsheet"},
		{result.BenchfmtFile, "Go benchmark text, for benchstat"},
		{result.CalibrationFile, "calibration of the machine"},
		{result.TrialsFile, "each trial"},
		{result.TimelineFile, "each bin of time"},
		{result.StagesFile, "sampled proposals at their leader"},
		{result.FollowersFile, "the same at each follower"},
		{result.EventsFile, "what the nodes and the bench did"},
		{result.OpsFile, "operations: all around faults, a sample elsewhere"},
		{result.SaturationFile, "each rate of each run of the search"},
		{result.ExchangeFile, "each point of each run of the transports"},
		{result.IntervalsFile, "response times by interval, for HistogramLogAnalyzer"},
		{result.ChecksumsFile, "checksums of the files above"},
	} {
		if _, err := os.Stat(filepath.Join(s.Dir, f.name)); err == nil {
			links = append(links, page.Link{Href: "../" + f.name, Text: f.name + ": " + f.text})
		}
	}
	distributions, _ := filepath.Glob(filepath.Join(s.Dir, "*"+result.PercentilesSuffix)) // the pattern is a good one
	for _, path := range distributions {
		name := filepath.Base(path)
		links = append(links, page.Link{Href: "../" + name, Text: name + ": a distribution, for HdrHistogram's plotters"})
	}
	links = append(links, page.Link{Href: markdownFile, Text: markdownFile + ": this report as Markdown"})
	return page.Section{ID: "data", Title: "Raw data", Blocks: []page.Block{links}}
}
