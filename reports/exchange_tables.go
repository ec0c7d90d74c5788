package reports

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/table"
)

// exchangeHeadline is what a reader looks at first.
func (s *study) exchangeHeadline() []*table.Table {
	if !s.isExchange() {
		return nil
	}
	tables := []*table.Table{s.roundTripTable(firstOf(s.exchangeFlights(result.ModeEcho)))}
	if busy := s.flightShown(); busy > 1 {
		tables = append(tables, s.roundTripTable(busy))
	}
	return append(tables, s.streamTable(), s.delayTable())
}

func firstOf(values []int) int {
	if len(values) == 0 {
		return 1
	}
	return values[0]
}

// medianCell shows a median and its interval.
func medianCell(m result.Median, format func(float64) string) table.Cell {
	if m.Median == nil {
		return missing()
	}
	if m.Low == nil || m.High == nil {
		return table.Of(format(*m.Median))
	}
	return table.Ofn("%s [%s, %s]", format(*m.Median), format(*m.Low), format(*m.High))
}

// perArm adds a column for each arm, and one for the ratio of the two that are compared.
func (s *study) perArm(first string) []table.Column {
	var names []string
	for _, a := range s.exchangeArms() {
		names = append(names, short(a))
	}
	if over, under, ok := s.compared(); ok {
		names = append(names, short(over)+" / "+short(under))
	}
	return table.Columns(first, names...)
}

func (s *study) ratioCell(at exchangePoint, of func(*result.ExchangeRow) float64) []table.Cell {
	over, under, ok := s.compared()
	if !ok {
		return nil
	}
	ratios := s.ratioOf(over.Name, under.Name, at, of)
	if len(ratios) == 0 {
		return []table.Cell{missing()}
	}
	text := "×" + table.Significant(ratios.OrderStatistic(.5))
	if low, high, ok := ratios.Interval(.5); ok {
		text += fmt.Sprintf(" [%s, %s]", table.Significant(low), table.Significant(high))
	}
	return []table.Cell{table.Of(text)}
}

// roundTripTable has a row for each size.
func (s *study) roundTripTable(inFlight int) *table.Table {
	t := &table.Table{
		Caption: fmt.Sprintf("Round trip of an echo, %s: the median over runs of each run's p50, with its 95 %% interval.",
			flightWords(inFlight)),
		Columns: s.perArm("size"),
	}
	return s.fill(t, result.ModeEcho, func(int) int { return inFlight },
		func(c *result.ExchangeCell) result.Median { return c.P50Us }, table.Duration,
		func(r *result.ExchangeRow) float64 { return r.P50Us })
}

func (s *study) streamTable() *table.Table {
	t := &table.Table{
		Caption: "One way, 8 MiB or 1024 messages under way: bytes of entries a second, the median over runs with its 95 % " +
			"interval.",
		Columns: s.perArm("size"),
	}
	return s.fill(t, result.ModeStream, s.streamWindow,
		func(c *result.ExchangeCell) result.Median { return c.BytesPerS }, throughput,
		func(r *result.ExchangeRow) float64 { return r.BytesPerS })
}

func (s *study) streamWindow(size int) int { return s.exchangeArms()[0].streamFlight(size) }

// fill adds a row for each size.
func (s *study) fill(
	t *table.Table, mode string, flight func(size int) int, of func(*result.ExchangeCell) result.Median,
	format func(float64) string, byRun func(*result.ExchangeRow) float64,
) *table.Table {
	for _, size := range s.exchangeSizes(mode) {
		row, measured := []table.Cell{table.Of(sizeText(size))}, false
		for _, a := range s.exchangeArms() {
			if c := a.cell(mode, size, flight(size)); c != nil {
				row, measured = append(row, medianCell(of(c), format)), true
			} else {
				row = append(row, missing())
			}
		}
		if measured {
			t.Add(append(row, s.ratioCell(exchangePoint{mode: mode, size: size, inFlight: flight(size)}, byRun)...)...)
		}
	}
	return t
}

// delayTable has a row for each transport and background.
func (s *study) delayTable() *table.Table {
	t := &table.Table{
		Caption: "Round trip of a heartbeat on the control lane, all runs together. Late is how much after its time one " +
			"was " +
			"sent at p99, which is not in the round trip but in the slowest from due: from when one was due to its reply. The " +
			"bound is what that may be beside a full lane. Out are runs left out because of other programs.",
		Columns: table.Columns("transport", "beside", "n", "p50", "p99", "p99.9", "slowest", "late",
			"slowest from due", "bound", "beside it", "64 MiB takes", "out"),
	}
	t.Columns[1].Text = true
	for _, beside := range []string{
		result.BesideIdle, result.BesideAppend, result.BesideSnapshot, result.BesideOneLane,
	} {
		for _, a := range s.exchangeArms() {
			h := a.delay(beside)
			if h == nil {
				continue
			}
			t.Columns[11].Name = "snapshot of " + sizeText(a.Exchange.Ledger.SnapshotBytes)
			q := h.RoundTripUs
			t.Add(table.Of(short(a)), table.Of(besideTitle(beside)), table.Of(table.Count(int64(q.N))), us(q.P50, q.N, .5),
				us(q.P99, q.N, .99), us(q.P999, q.N, .999), usMax(q.Max), us(h.SendLagUs.P99, h.SendLagUs.N, .99),
				usMax(h.FromDueUs.Max), boundCell(h), besideRate(h), orNone(h.SnapshotUs), table.Of(fmt.Sprint(h.Disturbed)))
		}
	}
	return t
}

func boundCell(h *result.LaneDelay) table.Cell {
	switch {
	case h.Held == nil:
		return table.Of("–")
	case *h.Held:
		return table.Cell{Text: table.Duration(h.BoundUs) + " held", Tone: table.Good}
	default:
		return table.Cell{Text: table.Duration(h.BoundUs) + " NOT held", Tone: table.Bad}
	}
}

func besideRate(h *result.LaneDelay) table.Cell {
	if h.BesideBytesPerS.Median == nil || *h.BesideBytesPerS.Median == 0 {
		return table.Of("–")
	}
	return table.Of(throughput(*h.BesideBytesPerS.Median))
}

func orNone(m result.Median) table.Cell {
	if m.Median == nil {
		return table.Of("–")
	}
	return table.Time(*m.Median)
}

// ratioTable has all echoes: a row for each size, a column for each number in flight.
func (s *study) ratioTable() *table.Table {
	over, under, ok := s.compared()
	if !ok {
		return &table.Table{}
	}
	flights := s.exchangeFlights(result.ModeEcho)
	var names []string
	for _, n := range flights {
		names = append(names, fmt.Sprintf("%d in flight", n))
	}
	t := &table.Table{
		Caption: fmt.Sprintf("Round trip p50 of %s over that of %s, run by run: the median of the runs' ratios, with its "+
			"95 %% interval.", short(over), short(under)),
		Columns: table.Columns("size", names...),
	}
	for _, size := range s.exchangeSizes(result.ModeEcho) {
		row := []table.Cell{table.Of(sizeText(size))}
		for _, n := range flights {
			at := exchangePoint{mode: result.ModeEcho, size: size, inFlight: n}
			row = append(row, s.ratioCell(at, func(r *result.ExchangeRow) float64 { return r.P50Us })...)
		}
		t.Add(row...)
	}
	return t
}

// costTable is what a message costs, of one mode and number in flight.
func (s *study) costTable(mode string, inFlight int) *table.Table {
	words := flightWords(inFlight)
	flight := func(int) int { return inFlight }
	if mode == result.ModeStream {
		words, flight = "one way", s.streamWindow
	}
	t := &table.Table{
		Caption: fmt.Sprintf("What a message costs, %s %s: medians over runs, of both processes together. Out are "+
			"runs left out because of other programs.", mode, words),
		Columns: table.Columns("size", "transport", "p50", "p99", "messages/s", "CPU", "interrupts", "allocations",
			"bytes at the sockets", "segments", "system calls", "out"),
	}
	t.Columns[1].Text = true
	for _, size := range s.exchangeSizes(mode) {
		for _, a := range s.exchangeArms() {
			c := a.cell(mode, size, flight(size))
			if c == nil {
				continue
			}
			t.Add(table.Of(sizeText(size)), table.Of(short(a)), middle(c.P50Us, table.Duration),
				middle(c.P99Us, table.Duration), middle(c.PerS, table.Significant), middle(c.CPUUsPerMessage, table.Duration),
				middle(c.SoftirqUsPerMessage, table.Duration), middle(c.AllocsPerMessage, table.Significant),
				middle(c.BytesPerMessage, table.Significant), middle(c.SegmentsPerMessage, table.Significant),
				middle(c.CallsPerMessage, table.Significant), table.Of(fmt.Sprint(c.Disturbed)))
		}
	}
	return t
}

// middle is a median without its interval.
func middle(m result.Median, format func(float64) string) table.Cell {
	if m.Median == nil {
		return missing()
	}
	return table.Of(format(*m.Median))
}

func (s *study) connectTable() *table.Table {
	t := &table.Table{
		Caption: "Connecting to a peer until the control and the append lane are greeted. CPU is of both processes, bytes " +
			"those of the connecting node in both directions until it has closed; on the interface with headers and " +
			"acknowledgements.",
		Columns: table.Columns("transport", "how", "n", "p50", "p90", "slowest", "CPU", "bytes", "bytes on lo"),
	}
	t.Columns[1].Text = true
	for _, a := range s.exchangeArms() {
		for i := range a.Exchange.Connections {
			c := &a.Exchange.Connections[i]
			how := "after a start"
			if c.How == result.ConnectAgain {
				how = "again, of the same transport"
			}
			t.Add(table.Of(short(a)), table.Of(how), table.Of(table.Count(int64(c.TookUs.N))),
				us(c.TookUs.P50, c.TookUs.N, .5), us(c.TookUs.P90, c.TookUs.N, .9), usMax(c.TookUs.Max),
				middle(c.CPUUs, table.Duration), middle(c.SocketBytes, table.Significant),
				middle(c.LoopbackBytes, table.Significant))
		}
	}
	return t
}

// ledgerTable has a column for each transport.
func (s *study) ledgerTable() *table.Table {
	t := &table.Table{
		Caption: "The fairness ledger: in what the transports differ beside their protocol.", Columns: s.ledgerColumns(),
	}
	for _, line := range []struct {
		name string
		of   func(*armStudy) string
	}{
		{"encryption", func(a *armStudy) string {
			if a.Exchange.Ledger.TLS == "" {
				return "NONE: plaintext"
			}
			return a.Exchange.Ledger.TLS
		}},
		{"sessions resumed when it connects again", func(a *armStudy) string {
			if l := &a.Exchange.Ledger; l.Handshakes > 0 {
				return fmt.Sprintf("%d of %d", l.Resumed, l.Handshakes)
			}
			return "no handshakes"
		}},
		{"congestion control", func(a *armStudy) string { return orText(a.Exchange.Ledger.Congestion, "not told") }},
		{"sockets of a node for one peer", func(a *armStudy) string { return fmt.Sprint(a.Exchange.Ledger.Connections) }},
		{"send buffers granted", func(a *armStudy) string {
			return bufferText(a.Exchange.Ledger.SendBufferBytes, a.Exchange.Ledger.SendBufferMaxBytes)
		}},
		{"receive buffers granted", func(a *armStudy) string {
			return bufferText(a.Exchange.Ledger.ReceiveBufferBytes, a.Exchange.Ledger.ReceiveBufferMaxBytes)
		}},
		{"largest segment", func(a *armStudy) string { return bytesText(a.Exchange.Ledger.SegmentBytes) }},
		{"MTU of the interface", func(a *armStudy) string { return bytesText(a.Exchange.Ledger.InterfaceMTU) }},
		{"segmentation offload", s.offloadText},
		{"bytes on the wire for one of a stream", s.overheadText},
	} {
		row := []table.Cell{table.Of(line.name)}
		for _, a := range s.exchangeArms() {
			row = append(row, table.Of(line.of(a)))
		}
		t.Add(row...)
	}
	return t
}

func (s *study) ledgerColumns() []table.Column {
	columns := []table.Column{{Name: "what", Text: true}}
	for _, a := range s.exchangeArms() {
		columns = append(columns, table.Column{Name: short(a), Text: true})
	}
	return columns
}

func bytesText(n int) string {
	if n == 0 {
		return "not told"
	}
	return table.Count(int64(n)) + " B"
}

func bufferText(granted [2]int, most int) string {
	if granted[1] <= 0 {
		return "not told"
	}
	text := sizeRound(granted[0])
	if granted[1] != granted[0] {
		text += " to " + sizeRound(granted[1])
	}
	if most > 0 {
		text += fmt.Sprintf(" (a program may ask for %s)", sizeRound(most))
	}
	return text
}

func sizeRound(n int) string {
	if n >= 1<<20 {
		return table.Significant(float64(n)/(1<<20)) + " MiB"
	}
	return table.Significant(float64(n)/(1<<10)) + " KiB"
}

// largestStream returns the arm's stream of the largest messages.
func (s *study) largestStream(a *armStudy) *result.ExchangeCell {
	sizes := s.exchangeSizes(result.ModeStream)
	if len(sizes) == 0 {
		return nil
	}
	size := sizes[len(sizes)-1]
	return a.cell(result.ModeStream, size, a.streamFlight(size))
}

// offloadText adds to what a transport says what was seen: how many segments one call of the system sent.
func (s *study) offloadText(a *armStudy) string {
	text := a.Exchange.Ledger.Offload
	c := s.largestStream(a)
	if c == nil || c.SegmentsPerMessage.Median == nil || c.BytesPerMessage.Median == nil {
		return orText(text, "not told")
	}
	if *c.SegmentsPerMessage.Median <= 0 {
		return orText(text, "not told")
	}
	seen := fmt.Sprintf("%s B a segment seen", table.Significant(*c.BytesPerMessage.Median / *c.SegmentsPerMessage.Median))
	if text == "" {
		return seen
	}
	return text + "; " + seen
}

func (s *study) overheadText(a *armStudy) string {
	c := s.largestStream(a)
	if c == nil || c.BytesPerMessage.Median == nil {
		return "not counted"
	}
	text := fmt.Sprintf("%.4f at the socket", *c.BytesPerMessage.Median/float64(c.SizeBytes))
	if m := c.LoopbackPerMessage.Median; m != nil {
		text += fmt.Sprintf(", %.4f on lo", *m/float64(c.SizeBytes))
	}
	return text
}
