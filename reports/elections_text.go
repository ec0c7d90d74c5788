package reports

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// verdict is what was found, in sentences that are computed.
func (e *electionStudy) verdict() []string {
	var lines []string
	for _, a := range e.group(result.ElectionScale) {
		product := e.find(result.ElectionProductScale, a.MinMs, a.MaxMs)
		if product == nil || a.MaxMs != 300 {
			continue
		}
		paper, with := e.times[a.Name], e.times[product.Name]
		line := fmt.Sprintf("With election timeouts of %s the median time without a leader was %s with the rules of "+
			"the paper, "+
			"and %s with pre-vote and check-quorum (n = %s and %s)", timeouts(a), e.quantileCell(paper, .5).Text,
			e.quantileCell(with, .5).Text, table.Count(int64(len(paper))), table.Count(int64(len(with))))
		if disjoint, ok := stat.Disjoint(paper, with, .5); ok && !disjoint {
			line += ": the trials cannot resolve a difference"
		}
		lines = append(lines, line+".")
	}
	if text := e.paperSentence(); text != "" {
		lines = append(lines, text)
	}
	return append(lines, e.frontierSentences()...)
}

// paperSentence says how near the numbers are to the paper's.
func (e *electionStudy) paperSentence() string {
	near, all := 0, 0
	for _, p := range e.settings.Points {
		a := e.find(p.Group, p.MinMs, p.MaxMs)
		if a == nil {
			continue
		}
		all++
		v, ok := e.value(a, p.What)
		switch {
		case p.AtLeast && (!ok || v >= p.ValueMs):
			near++
		case !p.AtLeast && ok && v >= p.ValueMs/2 && v <= p.ValueMs*2:
			near++
		}
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("Of the %d numbers that the paper's text gives, the core in the paper's set-up is within a "+
		"factor of 2 of "+
		"%d; see what the paper does not say.", all, near)
}

// frontierSentences compare the shortest and the longest timeouts.
func (e *electionStudy) frontierSentences() []string {
	var lines []string
	for _, pair := range e.steadyLines() {
		if len(pair.arms) < 2 {
			continue
		}
		short, long := pair.arms[0], pair.arms[len(pair.arms)-1]
		s, l := e.sums(short.Name), e.sums(long.Name)
		if s.hours == 0 || l.hours == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("While nothing failed, the rules %s held %s elections an hour with "+
			"timeouts of %s, and %s "+
			"with %s; %s and %s of them began while the leader ran.", orPaper(pair.label),
			table.Significant(float64(s.elections)/s.hours), timeouts(short),
			table.Significant(float64(l.elections)/l.hours), timeouts(long),
			table.Significant(float64(s.needless)/s.hours), table.Significant(float64(l.needless)/l.hours)))
	}
	return lines
}

func orPaper(label string) string {
	if label == "as in the paper" {
		return "of the paper"
	}
	return "with " + label
}

// steadyLine is the steady arms of one protocol, by timeout.
type steadyLine struct {
	label string
	arms  []*result.ElectionArm
}

func (e *electionStudy) steadyLines() []steadyLine {
	var lines []steadyLine
	for i := range e.settings.Steady {
		a := &e.settings.Steady[i]
		label := protocolName(a)
		if n := len(lines); n == 0 || lines[n-1].label != label {
			lines = append(lines, steadyLine{label: label})
		}
		last := &lines[len(lines)-1]
		last.arms = append(last.arms, a)
	}
	return lines
}

func (e *electionStudy) operationsNotes() []string {
	return []string{
		"Under load a follower that hears of an entry hears of its leader: its timer starts anew with each. So the " +
			"outage is not shorter by what had passed since the last heartbeat, as it is in the paper's set-up.",
		"A server that is not of the highest priority lets an election timeout pass for each higher priority in " +
			"use, whether or not that server lives.",
		"A shutdown in order hands leadership over first: the time is from that order to the next leader. Proposals " +
			"are refused meanwhile.",
	}
}

func (e *electionStudy) method() []string {
	s := e.settings
	m := "n/a"
	if len(s.Arms) > 0 {
		a := &s.Arms[0]
		m = fmt.Sprintf("A message takes %s, a sync %s, both uniform; a vote takes two of "+
			"each", spanMs(a.OneWayMinMs, a.OneWayMaxMs),
			spanMs(a.SyncMinMs, a.SyncMaxMs))
	}
	return []string{
		"Five servers run the product's core in virtual time; network, disks and clocks are simulated. Nothing " +
			"depends on this machine: the same seed gives the same files of numbers, byte for byte.",
		"The set-up of §9.3: the leader's heartbeats leave for all at once; it crashes uniformly within the " +
			"heartbeat interval that follows, which is half of the minimum election timeout. So the least outage is " +
			"about half of that. The servers' logs have different lengths: two of the four that are left can be elected.",
		m + ". Requests for votes leave when the candidate's own vote is durable. The order of a lane is kept.",
		fmt.Sprintf("A tick of the cores is %s (the product's is 5 ms): election timeouts are drawn uniformly from "+
			"whole ticks, "+
			"both ends included. In the steady hours it is "+
			"%s.", table.Duration(s.TickUs), table.Duration(s.SteadyTickUs)),
		fmt.Sprintf("Time without a leader: from the crash to the instant at which another server has won. A trial "+
			"without one "+
			"after %s counts as longer than all others.", milliseconds(s.TrialMaxMs)),
		fmt.Sprintf("Under load: %s proposals at random times to whoever leads, and no other difference between "+
			"logs than what "+
			"was on its way.", rate(s.RatePerS)),
		fmt.Sprintf("Steady hours: nothing crashes. Each server is paused once in %g s on average, for longer than "+
			"d with "+
			"probability (%s / d)^%g, at most %s; its clock stands still meanwhile, and what came is taken before the "+
			"clock goes on. "+
			"One message in %s is lost and comes %s later, with all that follow on its lane.", s.PauseEveryS,
			milliseconds(s.PauseMinMs), s.PauseShape, milliseconds(s.PauseMaxMs), table.Count(int64(s.LossOneIn)),
			milliseconds(s.LossDelayMs)),
		"An election of a steady hour is from the first candidacy to the next victory, however many terms it took. " +
			"Intervals of rates are exact for a Poisson process.",
		"A quantile is a value that was observed, of rank ⌈q·n⌉, and is printed only when its two-sided 95 % " +
			"interval is finite: p50 from 6 trials on, p95 from 72, p99 from 368.",
		"Election Safety, and that a new leader has all that was committed, are checked at each victory; a breach " +
			"ends the study.",
	}
}

func (e *electionStudy) threats() []string {
	return []string{
		"A simulation shows what the protocol does with these delays, not what a machine does. `raftmark bench " +
			"elections-real` crashes real processes.",
		"How the paper's broadcast time of roughly 15 ms was spent, how its logs differed, and when its " +
			"synchronized heartbeats left, is read from two paragraphs; the last table shows how much depends on the " +
			"first.",
		"The paper's implementation let requests for votes leave at its own time; the product's leave after the " +
			"candidate's sync, which other servers may use to stand, too.",
		"The pauses and losses of the steady hours are an assumption, not a measurement: the order of the settings " +
			"is a finding, the rates are not.",
		"The worst trial is the longest one seen, not an upper bound.",
	}
}

func (e *electionStudy) reproduce() page.Section {
	section := e.reproduceSection()
	section.Blocks[1] = page.Paragraph(fmt.Sprintf("The seed is %d. With the same program `%s`, `%s` and `%s` are the "+
		"same bytes; only `%s` says when and where they were made.", e.Manifest.Seed, result.ElectionsFile,
		result.ElectionsTrialsFile, result.ElectionsHoursFile, result.ManifestFile))
	return section
}

func (e *electionStudy) files() page.Section {
	links := page.Links{}
	for _, f := range []struct{ name, text string }{
		{result.ManifestFile, "where the result comes from"},
		{result.ElectionsFile, "what was simulated, and the quantiles"},
		{result.ElectionsTrialsFile, "each crash"},
		{result.ElectionsHoursFile, "each virtual hour"},
		{result.ChecksumsFile, "checksums of the files above"},
	} {
		if _, err := os.Stat(filepath.Join(e.Dir, f.name)); err == nil {
			links = append(links, page.Link{Href: "../" + f.name, Text: f.name + ": " + f.text})
		}
	}
	links = append(links, page.Link{Href: markdownFile, Text: markdownFile + ": this report as Markdown"})
	return page.Section{ID: "data", Title: "Raw data", Blocks: []page.Block{links}}
}

// The axes of the paper's two panels.
const (
	randomnessLowMs, randomnessHighMs = 50, 100_000
	scaleLowMs, scaleHighMs           = 0, 600
)

// electionLines are the lines of a panel; the paper's numbers are marked when marks is set.
func (e *electionStudy) electionLines(
	group string, marks bool, label func(*result.ElectionArm) string,
) []plot.ElectionLine {
	var lines []plot.ElectionLine
	for _, a := range e.group(group) {
		l := plot.ElectionLine{Label: label(a), Times: e.times[a.Name]}
		for _, p := range e.settings.Points {
			if marks && p.Group == group && p.MinMs == a.MinMs && p.MaxMs == a.MaxMs {
				l.Marks = append(l.Marks, plot.PaperMark{What: p.What, ValueMs: p.ValueMs, AtLeast: p.AtLeast})
			}
		}
		lines = append(lines, l)
	}
	return lines
}

func (e *electionStudy) sixteen(name, title, randomness, scale string, marks bool) plot.Figure {
	return plot.Elections(name, title, [2]plot.ElectionPanel{
		{
			Title: "randomness", Lines: e.electionLines(randomness, marks, timeouts),
			LowMs: randomnessLowMs, HighMs: randomnessHighMs, EndMs: e.settings.TrialMaxMs, Log: true,
			TimesLabel: "time without a leader, ms (log)", TimesLabelSlim: "time without a leader, ms (log)",
		},
		{
			Title: "scale", Lines: e.electionLines(scale, marks, timeouts), LowMs: scaleLowMs, HighMs: scaleHighMs,
			EndMs: e.settings.TrialMaxMs, TimesLabel: "time without a leader, ms (linear)", TimesLabelSlim: "time " +
				"without a leader, ms (linear)",
		},
	})
}

func (e *electionStudy) paperFigure() page.Figure {
	return page.Figure{
		Figure: e.sixteen("figure-16", "Figure 16 of the Raft paper, simulated: time to detect and replace a "+
			"crashed leader (ms)",
			result.ElectionRandomness, result.ElectionScale, true),
		Caption: "Distribution of the time without a leader over crashes, rules as in the paper: no pre-vote, no " +
			"check-quorum. Left: the randomness of the election timeout varies. Right: its scale does. The axes are " +
			"the paper's: left logarithmic up to 100 s, and from 50 ms on so that no line begins outside; right " +
			"linear up to 600 ms. What is beyond is cut off; the table has it.",
		How: "A line that rises early and steeply is a short and dependable election. A step to the right is a " +
			"round without a winner: votes were split, or a server stood that could not win. Marks in the colour of a " +
			"line are numbers that the paper's text gives for it.",
		Not: "The paper's lines: only five numbers of them are published. The outage that clients see, which also " +
			"has the first commit and their own search for the leader in it.",
	}
}

func (e *electionStudy) productFigure() page.Figure {
	return page.Figure{
		Figure: e.sixteen("figure-16-product", "The same with pre-vote and check-quorum: time to detect and replace "+
			"a crashed "+
			"leader (ms)", result.ElectionProductRandomness, result.ElectionProductScale, false),
		Caption: "Distribution of the time without a leader over crashes, in the same set-up and on the same axes.",
		How: "Compare with the figure above, line by line. A server that could not win asks first, is refused, and " +
			"disturbs nobody.",
		Not: "That pre-vote costs a round of messages: it is within the lines, and small beside the syncs.",
	}
}

func (e *electionStudy) rulesFigure() page.Figure {
	rules := e.electionLines(result.ElectionProtocol, false, protocolName)
	operations := e.electionLines(result.ElectionOperations, false, func(a *result.ElectionArm) string {
		if !a.PreVote && !a.CheckQuorum {
			return situation(a) + ", rules as in the paper"
		}
		return situation(a)
	})
	high := 0.0
	for _, l := range append(rules[:len(rules):len(rules)], operations...) {
		if len(l.Times) > 0 {
			if v := l.Times.OrderStatistic(.95); !math.IsInf(v, 0) {
				high = max(high, v)
			}
		}
	}
	high = math.Ceil(high/100) * 100
	return page.Figure{
		Figure: plot.Elections("rules", "Rules, load and ways to go: time without a leader, election timeouts "+
			"150–300 ms (ms)",
			[2]plot.ElectionPanel{
				{Title: "rules, in the paper's " +
					"set-up", Lines: rules, HighMs: high, EndMs: e.settings.TrialMaxMs, TimesLabel: "time without a " +
					"leader, ms",
					TimesLabelSlim: "time without a leader, ms"},
				{Title: "under load", Lines: operations, HighMs: high, EndMs: e.settings.TrialMaxMs, TimesLabel: "time " +
					"without a leader, ms",
					TimesLabelSlim: "time without a leader, ms"},
			}),
		Caption: "Left: one rule at a time. Right: ways in which a leader goes while it serves " +
			"" + rate(e.settings.RatePerS) +
			"; all but the first with pre-vote and check-quorum. Both panels have the same axis, up to the longest p95.",
		How: "Left, the lines differ by what servers that cannot win do to the others. Right, a priority costs an " +
			"election timeout when the preferred server is the one that died; a shutdown in order has no timeout in it.",
		Not: "What clients see. Priorities are worth their price for other reasons: where the leader is decides how " +
			"far a commit travels.",
	}
}

func (e *electionStudy) frontierFigure() page.Figure {
	panels := [2]plot.FrontierPanel{{Title: "all elections"}, {Title: "needless: the leader ran"}}
	for _, l := range e.steadyLines() {
		all, needless := plot.FrontierLine{Label: l.label}, plot.FrontierLine{Label: l.label}
		for _, a := range l.arms {
			crash := e.crashOf(a)
			outage, ok := e.value(crash, "p50")
			s := e.sums(a.Name)
			if !ok || s.hours == 0 {
				continue
			}
			all.Points = append(all.Points, frontierPoint(a, outage, s.elections, s.hours))
			needless.Points = append(needless.Points, frontierPoint(a, outage, s.needless, s.hours))
		}
		panels[0].Lines, panels[1].Lines = append(panels[0].Lines, all), append(panels[1].Lines, needless)
	}
	return page.Figure{
		Figure: plot.Frontier("frontier", "Availability against stability: outage after a crash, and elections "+
			"without one",
			panels),
		Caption: "Each dot is a setting of the election timeout. Across: the median time without a leader after a " +
			"crash, in the paper's set-up. Up: elections an hour in a cluster in which no server fails, but is paused " +
			"now and then and loses a message now and then; see Method. Both axes are logarithmic and the same in " +
			"both panels.",
		How: "Nearer to the lower left corner is better in both ways. Along a line a shorter timeout buys a shorter " +
			"outage with more elections. A ring on the axis: none was counted; its bar says how many there may be.",
		Not: "The rates on your machines: they are those of the assumed pauses. Measure yours, and read off the slope.",
	}
}

func frontierPoint(a *result.ElectionArm, outage float64, n int, hours float64) plot.FrontierPoint {
	low, high := stat.Poisson(n)
	return plot.FrontierPoint{
		Label: timeouts(a), OutageMs: outage, PerHour: float64(n) / hours, Low: low / hours, High: high / hours,
	}
}
