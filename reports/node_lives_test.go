package reports

import (
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

// A kind of event that is renamed where it is written would vanish from the diagrams without a word.
func TestNodeLivesKnowEveryKindOfEvent(t *testing.T) {
	for _, kind := range result.EventKinds() {
		l := newNodeLives([]result.Event{{Node: 1, TimeUs: 1, Kind: result.EventStart}}, 0, 10, 0)
		if !l.take(&result.Event{Node: 1, TimeUs: 5, Kind: kind, Term: 2}) {
			t.Errorf("no life has %q", kind)
		}
	}
	l := newNodeLives([]result.Event{{Node: 1, TimeUs: 1, Kind: result.EventStart}}, 0, 10, 0)
	if l.take(&result.Event{Node: 1, TimeUs: 5, Kind: "another"}) {
		t.Error("a life has a kind of event that nobody writes")
	}
}
