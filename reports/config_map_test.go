package reports_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/reports/resulttest"
)

func pairs(ups, acrosses []string) (arms []string) {
	for _, up := range ups {
		for _, across := range acrosses {
			arms = append(arms, fmt.Sprintf("inflight_messages_max=%s,message_entries_max=%s", up, across))
		}
	}
	return arms
}

func TestTwoSettingsAreAMap(t *testing.T) {
	arms := pairs([]string{"1", "4", "64"}, []string{"4", "4096"})
	dir := write(t, resulttest.Options{Arms: arms, Trials: 2, Noops: 1, RatePS: 200, SteadyS: 3, Runs: 3})
	render(t, dir)
	compareGolden(t, "config-map.golden.svg", read(t, dir, "report", "figures", "config-map.svg"))
	data := read(t, dir, "report", "figures", "config-map.csv")
	for _, want := range []string{"panel,message_entries_max,inflight_messages_max,value,low,high",
		"response time p50,4096,64,", "outage after leader-kill,4,1,"} {
		if !strings.Contains(data, want) {
			t.Errorf("the data has no %q\n%s", want, data)
		}
	}
}

// A map of what is no grid would put arms into cells that are not theirs.
func TestWhatIsNoGridHasNoMap(t *testing.T) {
	for name, arms := range map[string][]string{
		"one setting":  {"nodes=1", "nodes=2", "nodes=3", "nodes=4", "nodes=5", "nodes=6"},
		"few":          pairs([]string{"1", "4"}, []string{"4", "64"}),
		"a row":        pairs([]string{"1"}, []string{"1", "2", "3", "4", "5", "6"}),
		"other keys":   append(pairs([]string{"1", "4", "64"}, []string{"4", "64"}), "nodes=3,transport=tcp"),
		"three of one": {"a=1,b=1,c=1", "a=2,b=1,c=1", "a=1,b=2,c=1", "a=2,b=2,c=1", "a=1,b=3,c=1", "a=2,b=3,c=1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, resulttest.Options{Arms: arms, Trials: 1, Noops: 1, RatePS: 50, SteadyS: 1})
			render(t, dir)
			if _, err := os.Stat(filepath.Join(dir, "report", "figures", "config-map.svg")); !os.IsNotExist(err) {
				t.Errorf("got %v, want no map", err)
			}
		})
	}
}
