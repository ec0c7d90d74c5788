package plot

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Whatever the marks, no label lies on another one, nor on the line of a later mark.
func TestLabelsOfMarksDoNotOverlap(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		a := axis{length: 40}
		var marks []CourseMark
		at := 0.0
		for i := range 2 + random.IntN(12) {
			if at += random.ExpFloat64() * 3; at > 39 {
				break
			}
			text := fmt.Sprintf("step %d of some length", i)
			marks = append(marks, CourseMark{AtS: at, Text: text, Order: random.IntN(2) == 0})
		}
		for _, size := range Sizes() {
			s := newSheet(size)
			checkLabels(t, s, groupMarks(s, a, marks))
		}
	}
}

func checkLabels(t *testing.T, s *sheet, groups []*markGroup) {
	t.Helper()
	for i, g := range groups {
		if right := g.left + g.width; right > s.width-2*margin-markLeft+1 {
			t.Errorf("%q reaches out of the picture: %v", g.text, right)
		}
		for _, later := range groups[i+1:] {
			if later.left > g.left+g.width {
				continue // it begins where this label has ended
			}
			if top := later.lane + len(later.lines); g.lane < top {
				t.Errorf("%q (lane %d) lies on %q (up to lane %d)", g.text, g.lane, later.text, top)
			}
		}
	}
}

func TestAxisLeavesACutOut(t *testing.T) {
	a := newAxis(CourseRun{LengthS: 110, Cut: &NamedSpan{Span: Span{FromS: 5, ToS: 95}}})
	if a.length != 21 || a.at(5) != 5 || a.at(95) != 6 || a.at(110) != 21 {
		t.Errorf("got length %v, %v %v %v; want 21, 5 6 21", a.length, a.at(5), a.at(95), a.at(110))
	}
	for _, tick := range a.ticks(10).Ticks(0, 21) {
		if tick.Label == "50" {
			t.Error("got a tick inside the cut")
		}
	}
}
