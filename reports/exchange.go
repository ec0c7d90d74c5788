package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// exchangeArms returns the arms in which a transport was measured alone.
func (s *study) exchangeArms() []*armStudy {
	var arms []*armStudy
	for _, a := range s.arms {
		if a.Exchange != nil {
			arms = append(arms, a)
		}
	}
	return arms
}

// isExchange says whether the result is of transports alone.
func (s *study) isExchange() bool { return len(s.exchangeArms()) > 0 }

// exchangeQuestion is what such a result asks.
const exchangeQuestion = "What does a message between two nodes cost, and does a lane that is full delay a heartbeat"

// exchangePoint names a point of the rows.
type exchangePoint struct {
	mode, beside   string
	size, inFlight int
}

// exchangeByRun returns one number of each run of an arm's point.
func (s *study) exchangeByRun(arm string, at exchangePoint, of func(*result.ExchangeRow) float64) map[int]float64 {
	values := map[int]float64{}
	for i := range s.Exchange {
		r := &s.Exchange[i]
		if r.Arm == arm && r.Mode == at.mode && r.Beside == at.beside && r.SizeBytes == at.size && r.InFlight == at.inFlight {
			if v := of(r); v >= 0 && !r.Disturbed() {
				values[r.Run] = v
			}
		}
	}
	return values
}

// ratioOf divides two arms run by run: what was measured within the same second is compared with each other.
func (s *study) ratioOf(over, under string, at exchangePoint, of func(*result.ExchangeRow) float64) stat.Sample {
	above, below := s.exchangeByRun(over, at, of), s.exchangeByRun(under, at, of)
	var ratios []float64
	for run, v := range above {
		if w, ok := below[run]; ok && w > 0 {
			ratios = append(ratios, v/w)
		}
	}
	return stat.Sorted(ratios)
}

// compared returns the two arms whose ratio the report shows: quic over tls, which both encrypt; or else the last arm
// over the first.
func (s *study) compared() (over, under *armStudy, ok bool) {
	arms := s.exchangeArms()
	if len(arms) < 2 {
		return nil, nil, false
	}
	over, under = arms[len(arms)-1], arms[0]
	var quic, tls []*armStudy
	for _, a := range arms {
		switch transportOf(a) {
		case "quic":
			quic = append(quic, a)
		case "tls":
			tls = append(tls, a)
		}
	}
	if len(quic) == 1 && len(tls) == 1 {
		over, under = quic[0], tls[0]
	}
	return over, under, true
}

func transportOf(a *armStudy) string {
	name, _ := a.Config["transport"].(string)
	return name
}

// short is an arm's name without the axis that all of them have.
func short(a *armStudy) string { return strings.TrimPrefix(a.Name, "transport=") }

// cell returns a cell of an arm, or nil when it was not measured.
func (a *armStudy) cell(mode string, size, inFlight int) *result.ExchangeCell {
	for i := range a.Exchange.Cells {
		c := &a.Exchange.Cells[i]
		if c.Mode == mode && c.SizeBytes == size && c.InFlight == inFlight && c.Skipped == "" {
			return c
		}
	}
	return nil
}

// exchangeSizes and exchangeFlights list the points of a mode over all arms, in order.
func (s *study) exchangeSizes(mode string) []int {
	return s.distinct(mode, func(c *result.ExchangeCell) int { return c.SizeBytes })
}

func (s *study) exchangeFlights(mode string) []int {
	return s.distinct(mode, func(c *result.ExchangeCell) int { return c.InFlight })
}

func (s *study) distinct(mode string, of func(*result.ExchangeCell) int) []int {
	var values []int
	for _, a := range s.exchangeArms() {
		for i := range a.Exchange.Cells {
			c := &a.Exchange.Cells[i]
			if c.Mode == mode && !slices.Contains(values, of(c)) {
				values = append(values, of(c))
			}
		}
	}
	slices.Sort(values)
	return values
}

// streamFlight returns the window of a stream of messages of that size.
func (a *armStudy) streamFlight(size int) int {
	for i := range a.Exchange.Cells {
		if c := &a.Exchange.Cells[i]; c.Mode == result.ModeStream && c.SizeBytes == size {
			return c.InFlight
		}
	}
	return 0
}

// flightShown is how many in flight stand for a busy lane in tables: the most, up to 64, that any size has.
func (s *study) flightShown() int {
	shown := 0
	for _, n := range s.exchangeFlights(result.ModeEcho) {
		if n <= 64 {
			shown = n
		}
	}
	return cmp.Or(shown, 1)
}

// exchangeSentences are the findings.
func (s *study) exchangeSentences() []string {
	var lines []string
	add := func(line string) {
		if line != "" {
			lines = append(lines, line)
		}
	}
	sizes := s.exchangeSizes(result.ModeEcho)
	if len(sizes) == 0 {
		return nil
	}
	flights := s.exchangeFlights(result.ModeEcho)
	at := exchangePoint{mode: result.ModeEcho, size: nearest(sizes, 256), inFlight: flights[0]}
	begin := fmt.Sprintf("A message of %s there and back, %s, takes", sizeText(at.size), flightWords(at.inFlight))
	add(s.costSentence(begin,
		" at the median", at, func(r *result.ExchangeRow) float64 { return r.P50Us }, table.Duration))
	add(s.costSentence("It costs both processes together", " of CPU", at,
		func(r *result.ExchangeRow) float64 { return r.CPUUs }, table.Duration))
	if streams := s.exchangeSizes(result.ModeStream); len(streams) > 0 {
		size := nearest(streams, 128<<10)
		at := exchangePoint{mode: result.ModeStream, size: size, inFlight: s.exchangeArms()[0].streamFlight(size)}
		add(s.costSentence(fmt.Sprintf("One way, messages of %s go at", sizeText(size)), "", at,
			func(r *result.ExchangeRow) float64 { return r.BytesPerS }, throughput))
	}
	lines = append(lines, s.delaySentences()...)
	add(s.connectSentence())
	return lines
}

// nearest returns the value closest to want.
func nearest(values []int, want int) int {
	distance := func(n int) int { return max(n, want) - min(n, want) }
	return slices.MinFunc(values, func(a, b int) int { return cmp.Compare(distance(a), distance(b)) })
}

func flightWords(n int) string {
	if n == 1 {
		return "one at a time"
	}
	return fmt.Sprintf("%d in flight", n)
}

// costSentence says one number of all arms, and the ratio of the two that are compared.
func (s *study) costSentence(
	begin, end string, at exchangePoint, of func(*result.ExchangeRow) float64, format func(float64) string,
) string {
	var parts []string
	for _, a := range s.exchangeArms() {
		var values []float64
		for _, v := range s.exchangeByRun(a.Name, at, of) {
			values = append(values, v)
		}
		if len(values) > 0 {
			parts = append(parts, format(stat.Sorted(values).OrderStatistic(.5))+" over "+short(a))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	text := begin + " " + strings.Join(parts, ", ") + end
	if over, under, ok := s.compared(); ok {
		if ratios := s.ratioOf(over.Name, under.Name, at, of); len(ratios) > 0 {
			text += fmt.Sprintf("; %s over %s is %s", short(over), short(under), ratioText(ratios))
		}
	}
	return text + "."
}

// ratioText writes the median of ratios and its interval.
func ratioText(ratios stat.Sample) string {
	text := "×" + table.Significant(ratios.OrderStatistic(.5))
	if low, high, ok := ratios.Interval(.5); ok {
		return text + fmt.Sprintf(" [%s, %s]", table.Significant(low), table.Significant(high))
	}
	return text + fmt.Sprintf(" (%d runs, too few for an interval)", len(ratios))
}

// delaySentences say for each background what the slowest heartbeat took, and whether that is within the bound.
func (s *study) delaySentences() []string {
	var lines []string
	for _, beside := range []string{result.BesideAppend, result.BesideSnapshot} {
		var parts []string
		held, bound := true, 0.0
		for _, a := range s.exchangeArms() {
			h := a.delay(beside)
			if h == nil || h.FromDueUs.Max == nil {
				continue
			}
			part := short(a) + " " + table.Duration(*h.FromDueUs.Max)
			if p99 := h.FromDueUs.P99; p99 != nil {
				part = fmt.Sprintf("%s %s (p99 %s)", short(a), table.Duration(*h.FromDueUs.Max), table.Duration(*p99))
			}
			parts, bound = append(parts, part), h.BoundUs
			held = held && (h.Held == nil || *h.Held)
		}
		if len(parts) == 0 {
			continue
		}
		verdict := "each within the bound of"
		if !held {
			verdict = "NOT all within the bound of"
		}
		lines = append(lines, fmt.Sprintf("Beside %s the slowest heartbeat took, from when it was due to its "+
			"reply, %s: %s %s.",
			besideWords(beside), strings.Join(parts, ", "), verdict, table.Duration(bound)))
	}
	return lines
}

func besideWords(beside string) string {
	switch beside {
	case result.BesideIdle:
		return "idle lanes"
	case result.BesideAppend:
		return "an append lane that is kept full"
	case result.BesideSnapshot:
		return "snapshots on their lane"
	case result.BesideOneLane:
		return "control: the same lane as the appends, kept full"
	}
	return beside
}

func (a *armStudy) delay(beside string) *result.LaneDelay {
	for i := range a.Exchange.Heartbeats {
		if a.Exchange.Heartbeats[i].Beside == beside {
			return &a.Exchange.Heartbeats[i]
		}
	}
	return nil
}

func (s *study) connectSentence() string {
	var parts []string
	for _, a := range s.exchangeArms() {
		for i := range a.Exchange.Connections {
			if c := &a.Exchange.Connections[i]; c.How == result.ConnectFresh && c.TookUs.P50 != nil {
				parts = append(parts, table.Duration(*c.TookUs.P50)+" over "+short(a))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "Connecting to a peer after a start takes " + strings.Join(parts, ", ") + " at the median."
}

func sizeText(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d B", n)
	}
}

func throughput(bytesPerS float64) string {
	switch {
	case bytesPerS >= 1e9:
		return table.Significant(bytesPerS/1e9) + " GB/s"
	case bytesPerS >= 1e6:
		return table.Significant(bytesPerS/1e6) + " MB/s"
	default:
		return table.Significant(bytesPerS/1e3) + " kB/s"
	}
}
