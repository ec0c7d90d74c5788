package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// floorDistrust is the share of the floor's rate above which both are to be looked at: whoever is that near to a bound
// may be beside one that is none.
const floorDistrust = .95

// closedQuantity is what is compared with the floor.
type closedQuantity struct {
	name string
	of   func(*result.ClosedPoint) float64 // not above 0 where it is not known
	// bounded: nobody can be better than the floor. A floor may well allocate more than another.
	bounded, higherIsBetter bool
}

func closedQuantities() []closedQuantity {
	return []closedQuantity{
		{"rate", func(p *result.ClosedPoint) float64 { return p.PerS }, true, true},
		{"p50", func(p *result.ClosedPoint) float64 { return p.P50Us }, true, false},
		{"p99", func(p *result.ClosedPoint) float64 {
			if p.P99Us == nil {
				return 0
			}
			return *p.P99Us
		}, false, false},
		{"CPU per op", func(p *result.ClosedPoint) float64 { return p.CPUUsPerOp }, false, false},
		{"allocs per op", func(p *result.ClosedPoint) float64 { return p.AllocsPerOp }, false, false},
	}
}

// floorRatio is a quantity of an arm as a multiple of the floor's, of each run that measured both.
type floorRatio struct {
	ratios stat.Sample
	floor  stat.Sample // the floor's values of the same runs
}

func floorRatioOf(arm, floor *armStudy, at closedPoint, of func(*result.ClosedPoint) float64) floorRatio {
	var r floorRatio
	mine, base := arm.closedByRun(at), floor.closedByRun(at)
	for i := range min(len(mine), len(base)) {
		if mine[i] == nil || base[i] == nil || of(mine[i]) <= 0 || of(base[i]) <= 0 {
			continue
		}
		r.ratios, r.floor = append(r.ratios, of(mine[i])/of(base[i])), append(r.floor, of(base[i]))
	}
	r.ratios, r.floor = stat.Sorted(r.ratios), stat.Sorted(r.floor)
	return r
}

// beats says whether the floor was beaten by more than the noise: in every run, and at the median by more than the
// floor's own runs differ.
func (r floorRatio) beats(higherIsBetter bool) bool {
	if len(r.ratios) == 0 {
		return false
	}
	noise := r.floor[len(r.floor)-1] / r.floor[0]
	if higherIsBetter {
		return r.ratios[0] > 1 && r.ratios.OrderStatistic(.5) > noise
	}
	return r.ratios[len(r.ratios)-1] < 1 && 1/r.ratios.OrderStatistic(.5) > noise
}

func (r floorRatio) cell(q closedQuantity) table.Cell {
	if len(r.ratios) == 0 {
		return missing()
	}
	cell := table.Ofn("%.2f", r.ratios.OrderStatistic(.5))
	if n := len(r.ratios); n > 1 {
		cell.Text += fmt.Sprintf(" (%.2f–%.2f)", r.ratios[0], r.ratios[n-1])
	}
	if q.bounded && r.beats(q.higherIsBetter) {
		cell.Text, cell.Tone = cell.Text+" beats the floor", table.Bad
	}
	return cell
}

// floorOf returns the floor that was measured beside an arm; nil without one.
func (s *study) floorOf(a *armStudy) *armStudy {
	if a.system() == systemFloor || a.system() == "" {
		return nil
	}
	var first *armStudy
	for _, f := range s.arms {
		if f.system() != systemFloor || len(f.Closed) == 0 {
			continue
		}
		if f.Name == strings.Replace(a.Name, "system="+a.system(), "system="+systemFloor, 1) {
			return f
		}
		if first == nil && fmt.Sprint(f.Config["nodes"]) == fmt.Sprint(a.Config["nodes"]) {
			first = f // it has no transport of its own, nor a log
		}
	}
	return first
}

// floorRatioTable shows what each arm is of the floor, in the same run.
func (s *study) floorRatioTable() *table.Table {
	t := &table.Table{
		Caption: "As a multiple of the floor in the same run: the median over runs, and the range. Of the rate more is " +
			"better and 1 is the bound; of all others less, and of p50 1 is the bound.",
		Columns: table.Columns("system", "proposers", "payload", "runs"),
	}
	quantities := closedQuantities()
	for _, q := range quantities {
		t.Columns = append(t.Columns, table.Column{Name: q.name})
	}
	_, points := s.closedPoints()
	for _, at := range points {
		for _, a := range s.arms {
			floor := s.floorOf(a)
			if floor == nil {
				continue
			}
			rates := floorRatioOf(a, floor, at, quantities[0].of)
			if len(rates.ratios) == 0 {
				continue
			}
			cells := []table.Cell{
				table.Of(s.closedLabel(a)), table.Of(table.Count(int64(at.proposers))), table.Of(sizeText(at.payload)),
				table.Of(table.Count(int64(len(rates.ratios)))),
			}
			for _, q := range quantities {
				cells = append(cells, floorRatioOf(a, floor, at, q.of).cell(q))
			}
			t.Add(cells...)
		}
	}
	return t
}

// floorFindings say where a system came so near to the floor that the floor is to be doubted.
func (s *study) floorFindings() []string {
	var beaten, near []string
	quantities := closedQuantities()
	_, points := s.closedPoints()
	for _, a := range s.arms {
		floor := s.floorOf(a)
		if floor == nil {
			continue
		}
		for _, at := range points {
			where := fmt.Sprintf("%s with %d proposers of %s", s.closedLabel(a), at.proposers, sizeText(at.payload))
			if slices.ContainsFunc(quantities, func(q closedQuantity) bool {
				return q.bounded && floorRatioOf(a, floor, at, q.of).beats(q.higherIsBetter)
			}) {
				beaten = append(beaten, where)
				continue
			}
			if r := floorRatioOf(a, floor, at, quantities[0].of).ratios; len(r) > 0 && r.OrderStatistic(.5) > floorDistrust {
				near = append(near, where)
			}
		}
	}
	var findings []string
	if len(beaten) > 0 {
		findings = append(findings, "The floor is none, and the ratios there say nothing: by more than the noise it is "+
			"beaten by "+strings.Join(beaten, "; ")+".")
	}
	if len(near) > 0 {
		findings = append(findings, fmt.Sprintf("To be distrusted, above %.2f of the floor's rate: %s. Either the floor is "+
			"slower than it could be there, or something else bounds both.", floorDistrust, strings.Join(near, "; ")))
	}
	return findings
}
