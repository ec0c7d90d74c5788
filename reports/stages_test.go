package reports_test

import (
	"strings"
	"testing"
)

// The section on stages says what the slow ones wait for, and its table adds up.
func TestStagesSayWhatMakesTheSlowSlow(t *testing.T) {
	dir := write(t, small())
	text := read(t, render(t, dir).Markdown)
	for _, want := range []string{
		"at p49 to p51 (n = 12) 827 µs in all, of which “follower: sync” is 410 µs, 50 %",
		"at p99 and above (n = 7) 5.52 ms in all, of which “leader: wait for disk” is 3.20 ms, 58 %",
		"What makes p99 and above slower than p49 to p51 by 4.70 ms: 3.17 ms more in “leader: wait for disk”, " +
			"840 µs in “follower: sync”.",
		"n/a (n=4)", "left over of the whole", "differ by at most 0.25 µs", "1.86",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q", want)
		}
	}
	data := read(t, dir, "report", "figures", "waterfall.csv")
	if !strings.Contains(data, "p99 and above,7,leader: wait for disk,15,3215") {
		t.Errorf("the slow group's wait does not begin where its append ends:\n%s", data)
	}
}
