package reports

import (
	"github.com/raftmark/raftmark/reports/table"
)

// readShare returns which part of the arm's operations were reads.
func (a *armStudy) readShare() float64 {
	load, _ := a.Config["load"].(map[string]any)
	share, _ := load["read_share"].(float64)
	return share
}

// timesFloor returns a median response as a multiple of the arm's floor. The floor is that of a commit: where half of
// the operations or more are reads, which wait for no disk, the median says nothing about it.
func (a *armStudy) timesFloor(p50 *float64) table.Cell {
	if p50 == nil || a.FloorUs == nil || *a.FloorUs <= 0 || a.readShare() >= .5 {
		return missing()
	}
	return table.Ofn("×%s", table.Significant(*p50 / *a.FloorUs))
}

// lowestFloorUs returns the lowest floor of some arms, 0 when none has one.
func lowestFloorUs(arms []*armStudy) float64 {
	lowest := 0.0
	for _, a := range arms {
		if a.FloorUs != nil && (lowest == 0 || *a.FloorUs < lowest) {
			lowest = *a.FloorUs
		}
	}
	return lowest
}

func (s *study) floorTable() *table.Table {
	t := &table.Table{
		Caption: "The median response against the floor of a commit: the client's round trip, that of the arm's transport " +
			"and one fsync, each at its median of the calibration. A single node has no transport, and a class other " +
			"than fsync no fsync.",
		Columns: table.Columns("arm", "response p50", "floor", "p50 / floor"),
	}
	for _, a := range s.arms {
		if a.Steady != nil && a.Steady.ResponseUs.P50 != nil && a.FloorUs != nil {
			p50 := a.Steady.ResponseUs.P50
			t.Add(table.Of(a.Name), table.Time(*p50), table.Time(*a.FloorUs), a.timesFloor(p50))
		}
	}
	return t
}
