package reports

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/table"
)

// exchangeSections are those of a result of transports alone, between the headline and the calibration.
func (s *study) exchangeSections() []page.Section {
	if !s.isExchange() {
		return nil
	}
	costs := page.Section{ID: "costs", Title: "What a message costs", Blocks: []page.Block{page.Paragraph(
		"Costs are counted over a whole point, the warm-up included, and divided by all its messages; of an echo a message " +
			"is one there and back. Bytes, segments and system calls are those of both ends' sockets, as each transport " +
			"counts them: bytes without the headers of UDP, TCP and below, segments as the kernel hands them to the " +
			"interface. Interrupts are what the kernel worked off beside all processes, in ticks of 10 ms, which a short " +
			"point has few of.")}}
	for _, n := range s.exchangeFlights(result.ModeEcho) {
		costs.Blocks = append(costs.Blocks, page.Details{
			Summary: "Echo, " + flightWords(n), Blocks: []page.Block{page.Table{Table: s.costTable(result.ModeEcho, n)}},
		})
	}
	costs.Blocks = append(costs.Blocks, page.Table{Table: s.costTable(result.ModeStream, 0)})
	sections := []page.Section{
		{ID: "ratios", Title: "Cell by cell", Blocks: present([]page.Block{page.Table{Table: s.ratioTable()}})},
		costs,
		{ID: "connections", Title: "Connections", Blocks: present([]page.Block{page.Table{Table: s.connectTable()}})},
		{ID: "ledger", Title: "Fairness ledger", Blocks: []page.Block{
			page.Paragraph("Two transports are compared with all that they bring along. What differs is named here, so that " +
				"a difference is not taken for one of the protocols. Facts are of the kernel and of the transports of one end, " +
				"in the first run; \"not told\" is not a guess."),
			page.Table{Table: s.ledgerTable()},
		}},
	}
	return sections
}

// exchangeHeadlineNote is what stands below the headline.
const exchangeHeadlineNote = "A cell that says n/a was not measured, or has too few samples for its number. " +
	"Intervals are of the median over runs; the ratio is made run by run, of points that were measured one after the " +
	"other. The slowest is the largest value seen, not an upper bound."

// exchangeMethod is how the numbers are made.
func exchangeMethod() []string {
	return []string{
		"Two processes of this program, each with the transport that a node of that configuration has, opened through the " +
			"same wiring, on the loopback network of one host. There is no raft: what is delivered is answered at once, on " +
			"the goroutine that delivers it.",
		"Closed loops: the next message is sent where the last one is delivered, so that so many are always in flight. A " +
			"round trip is from Send to delivery, service time. They do not show what a user waits whose requests come at " +
			"their own times.",
		"A point is measured for a fraction of a second at one transport after the other; who is first changes from point " +
			"to point and from run to run, and every second turn goes backwards. All ends of a run exist at the same time; " +
			"those that are not measured only ask for signs of life. Each run has processes of its own.",
		"The unit of replication is the run: round trips of a run depend on each other. Values are medians over runs with " +
			"95 % intervals by order statistics, which six runs are the fewest to have. A ratio is made within each run.",
		"Heartbeats are sent when they are due, whatever became of those before; how late they were sent is told apart, " +
			"and is not in the round trip. A bound is held by the slowest from when it was due to its reply. What a lane " +
			"beside them does is as a leader's defaults have it: 8 MiB of appends in messages of 1 MiB, " +
			"or 2 MiB of a snapshot in chunks of 256 KiB.",
		"A row, one point of one run, in which other programs used more than a fifth of the CPUs is left out of all " +
			"medians, quantiles and ratios, and counted. What they used is the time of all processes that are not part of " +
			"the measurement, the kernel's own work for the network apart, or, where it is more, what the machine's own " +
			"count has beyond that of the measurement; in points with less than 200 ms of all CPUs together it is not " +
			"known, and nothing is left out.",
		"The result is invalid when a message was lost or dropped, when more than a tenth of a transport's rows or more " +
			"than a third of a point's runs were left out, or when a point has fewer than six round trips in a run.",
		"A quantile is a value that was observed. It is printed only when its two-sided 95 % interval is finite: p50 from " +
			"6 samples on, p90 from 36, p99 from 368, p99.9 from 3688.",
	}
}

// exchangeThreats are what could make the numbers mean less than they seem to.
func (s *study) exchangeThreats() []string {
	items := []string{
		"Both ends share one host; the loopback network has no distance, no loss and no bandwidth of its own. Absolute " +
			"numbers do not transfer; compare only rows of this report.",
		"Over the loopback network TCP's segments are as long as its MTU allows, QUIC's packets as short as on Ethernet: " +
			"part of what QUIC costs here it would cost TCP too on a network, where the card divides and joins TCP's segments.",
	}
	if n := s.Manifest.Environment.CPUs; n > 0 && n <= 4 {
		items = append(items, fmt.Sprintf("Both ends, and the kernel between them, share %d CPUs and take time from each "+
			"other.", n))
	}
	for _, a := range s.exchangeArms() {
		if a.Exchange.Ledger.TLS == "" {
			items = append(items, short(a)+" is plaintext: what it does without the others have to do.")
		}
	}
	if steal := s.Manifest.Environment.StealPercent; steal > 1 {
		items = append(items, fmt.Sprintf("The hypervisor took %.1f %% of the CPU time during the run.", steal))
	}
	if s.Manifest.Dirty {
		items = append(items, "The program was built from a commit with local changes.")
	}
	return items
}

// exchangeBadges judge the result.
func (s *study) exchangeBadges(validity page.Badge) []page.Badge {
	lanes := page.Badge{Name: "lane isolation", Value: "not measured"}
	held, checked := 0, 0
	for _, a := range s.exchangeArms() {
		for i := range a.Exchange.Heartbeats {
			if h := &a.Exchange.Heartbeats[i]; h.Held != nil {
				checked++
				if *h.Held {
					held++
				}
			}
		}
	}
	if checked > 0 {
		lanes.Value, lanes.Tone = fmt.Sprintf("held in %d of %d", held, checked), table.Good
		if held < checked {
			lanes.Tone = table.Bad
		}
	}
	return []page.Badge{
		validity, lanes,
		{Name: "placement", Value: "two processes a transport, single host"},
		{Name: "loop", Value: "closed, service time"},
	}
}
