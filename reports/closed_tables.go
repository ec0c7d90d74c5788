package reports

import (
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/reports/table"
)

// closedHeadline is the rate of each arm by the number of proposers: a table for each size of a command, since sizes
// are not compared with each other.
func (s *study) closedHeadline() []*table.Table {
	payloads, points := s.closedPoints()
	var tables []*table.Table
	for _, payload := range payloads {
		t := &table.Table{
			Caption: fmt.Sprintf("Closed loop, commands of %s: operations a second by the number of proposers, each of "+
				"which waits for its last command.", sizeText(payload)),
			Columns: table.Columns("arm"),
		}
		own := slices.DeleteFunc(slices.Clone(points), func(at closedPoint) bool { return at.payload != payload })
		for _, at := range own {
			t.Columns = append(t.Columns, table.Column{Name: table.Count(int64(at.proposers))})
		}
		for _, a := range s.arms {
			if row := a.closedRates(own); row != nil {
				t.Add(append([]table.Cell{table.Of(a.Name)}, row...)...)
			}
		}
		tables = append(tables, t)
	}
	return tables
}

// closedRates are the rates of an arm at the points; nil when it has none of them.
func (a *armStudy) closedRates(points []closedPoint) []table.Cell {
	cells, some := make([]table.Cell, len(points)), false
	for i, at := range points {
		cells[i] = missing()
		for _, p := range a.Closed {
			if (closedPoint{p.Proposers, p.PayloadBytes}) == at {
				cells[i], some = table.PerSecond(p.PerS), true
			}
		}
	}
	if !some {
		return nil
	}
	return cells
}

// closedTable is what was measured in a closed loop with commands of one size.
func (s *study) closedTable(payload int) *table.Table {
	t := &table.Table{
		Caption: fmt.Sprintf("Closed loop, commands of %s, in full. Service time, not response time.", sizeText(payload)),
		Columns: table.Columns("arm", "proposers", "rate", "p50", "p99", "CPU per op", "allocs per op"),
	}
	for _, a := range s.arms {
		for _, p := range a.Closed {
			if p.PayloadBytes == payload && p.N == 0 {
				t.Add(table.Of(a.Name), table.Of(table.Count(int64(p.Proposers))), table.Cell{Text: p.Why, Tone: table.Bad},
					missing(), missing(), missing(), missing())
			} else if p.PayloadBytes == payload {
				t.Add(table.Of(a.Name), table.Of(table.Count(int64(p.Proposers))), table.PerSecond(p.PerS),
					table.Time(p.P50Us), us(p.P99Us, int(p.N), .99), table.Time(p.CPUUsPerOp),
					table.Of(table.Significant(p.AllocsPerOp)))
			}
		}
	}
	return t
}
